"""Runs the network over pieces: smaller batches when memory is short, coordinates when a tile fails.

Where several batches are computed at the same time, the next piece is begun before one is complete: bands of an odd
number of tiles would leave a processor without work at their end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..jobs import Cancelled, ErrorCode, RidgelineError
from ..models.package import ModelSpec
from ..runtime.predictor import Predictor
from .feed import Piece
from .plan import TilePlan

Floats = NDArray[np.float32]
Maps = Mapping[str, Sequence[Floats] | Floats]
"""What the network gives, by output name: one map [C, size, size] a tile."""


@dataclass
class _UnderWay:
    """A piece, and the parts of it that are computed ahead of its turn; none: all of it is computed in its turn."""

    piece: Piece
    parts: list[Future[dict[str, Floats]]] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)


class Network:
    """A predictor, watched over.

    Args:
        predictor: the loaded model.
        model: what its package says.
        plan: where the tiles lie; for messages.
        warn: told, with a code and a sentence, when batches had to be made smaller.
        cancelled: whether to stop; asked before each batch.
    """

    def __init__(
        self,
        predictor: Predictor,
        model: ModelSpec,
        plan: TilePlan,
        warn: Callable[[str, str], None],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._predictor = predictor
        self._model = model
        self._plan = plan
        self._warn = warn
        self._cancelled = cancelled
        self._most: int | None = None
        self._at_once = predictor.report.at_once
        self._ahead = self._at_once > 1
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="tiles")
        self._idle_since = 0.0
        self.seconds = 0.0
        """Time spent inside the network."""

    def run(self, pieces: Iterable[Piece], give_back: Callable[[Piece], None]) -> Iterator[tuple[Piece, Maps]]:
        """Yield each piece with its maps ({} without tiles).

        Raises:
            Cancelled: if the user wants to stop.
            RidgelineError: (TILE_FAILED, OUT_OF_MEMORY) naming the tile that failed.
        """
        under_way: deque[_UnderWay] = deque()
        try:
            for piece in pieces:
                if self._cancelled():
                    raise Cancelled()
                under_way.append(self._begin(piece))
                while len(under_way) > (1 if self._ahead else 0):
                    yield self._complete(under_way, give_back)
            while under_way:
                yield self._complete(under_way, give_back)
        finally:
            _await(under_way)

    def _begin(self, piece: Piece) -> _UnderWay:
        """Let a piece be computed, ahead of its turn if memory allowed that so far."""
        if not self._ahead or self._most is not None:
            return _UnderWay(piece)
        return _UnderWay(piece, self._submit(piece, 0, len(piece.tiles)))

    def _complete(self, under_way: deque[_UnderWay], give_back: Callable[[Piece], None]) -> tuple[Piece, Maps]:
        """Return the first piece under way with its maps."""
        first = under_way[0]
        piece = first.piece
        maps: Maps = {}
        if first.parts:
            wait(first.parts)
            try:
                maps = _tiles_of([part.result() for part in first.parts])
            except (RidgelineError, MemoryError) as fault:
                if not _is_memory(fault):
                    raise
                self._ahead = False
                _await(under_way)  # what is tried next has the memory for itself
                for item in under_way:
                    item.parts = []
                if len(piece.tiles) > 1:
                    self._smaller(len(piece.tiles), piece, 0, fault)
            now = time.perf_counter()
            self.seconds += now - max(first.began, self._idle_since)
            self._idle_since = now
        under_way.popleft()
        if piece.tiles and not maps:
            maps = self.predict(piece)
        give_back(piece)
        return piece, maps

    def predict(self, piece: Piece) -> Maps:
        """Return the maps of a piece's tiles, in their order.

        Raises:
            RidgelineError: (OUT_OF_MEMORY) if not even one tile fits; (TILE_FAILED) naming the tile.
        """
        began = time.perf_counter()
        parts: list[dict[str, Floats]] = []
        done, count = 0, len(piece.tiles)
        while done < count:
            if parts and self._cancelled():
                raise Cancelled()
            size = min(count - done, self._most or count)
            try:
                parts += self._run_at_once(piece, done, size)
            except (RidgelineError, MemoryError) as fault:
                if not _is_memory(fault):
                    raise
                self._smaller(size, piece, done, fault)
                continue
            done += size
        self.seconds += time.perf_counter() - began
        return _tiles_of(parts)

    def _run_at_once(self, piece: Piece, first: int, count: int) -> list[dict[str, Floats]]:
        """Return the maps of some tiles in as many parts as are computed at the same time."""
        if self._at_once == 1 or count == 1:
            return [self._run(piece, first, count)]
        parts = self._submit(piece, first, count)
        wait(parts)  # also those beside one that fails: what is tried next has the memory for itself
        return [part.result() for part in parts]

    def _submit(self, piece: Piece, first: int, count: int) -> list[Future[dict[str, Floats]]]:
        """Begin to compute some tiles in as many parts as are computed at the same time."""
        share = max(1, -(-count // self._at_once))
        cuts = [(at, min(share, first + count - at)) for at in range(first, first + count, share)]
        return [self._pool.submit(self._run, piece, *cut) for cut in cuts]

    def _run(self, piece: Piece, first: int, count: int) -> dict[str, Floats]:
        inputs = {name: array[first : first + count] for name, array in piece.inputs.items()}
        try:
            return self._checked(self._predictor.predict(inputs), count)
        except (MemoryError, Cancelled):
            raise
        except Exception as fault:
            if _is_memory(fault):
                raise
            at = self._failing(inputs, count)
            raise self._failed(piece, first + at, fault) from fault

    def _failing(self, inputs: Mapping[str, Floats], count: int) -> int:
        """Return which tile of a batch fails by itself; the first one if none does."""
        for at in range(count if count > 1 else 0):
            try:
                self._checked(self._predictor.predict({name: array[at : at + 1] for name, array in inputs.items()}), 1)
            except Exception:
                return at
        return 0

    def _checked(self, maps: Mapping[str, Floats], count: int) -> dict[str, Floats]:
        size = self._plan.size
        for output in self._model.outputs:
            shape, wanted = maps[output.name].shape, (count, output.channels, size, size)
            if shape != wanted:
                raise ValueError(f"its output {output.name!r} has the shape {list(shape)}, not {list(wanted)}")
        return {output.name: maps[output.name] for output in self._model.outputs}

    def _smaller(self, size: int, piece: Piece, at: int, fault: BaseException) -> None:
        if size == 1:
            raise RidgelineError(
                ErrorCode.OUT_OF_MEMORY,
                f"There is not enough memory to compute even one tile of {self._plan.size} pixels with the model "
                f"{self._model.name!r}, at {place_of(self._plan, piece.band, piece.tiles[at])}.",
                "Close other programs, choose another device or a smaller model; the run continues where it stopped.",
            ) from fault
        self._most = size // 2
        self._warn(
            "batch_reduced", f"Memory is short: the model now computes {self._most} tiles at once instead of {size}."
        )

    def _failed(self, piece: Piece, at: int, fault: Exception) -> RidgelineError:
        where = place_of(self._plan, piece.band, piece.tiles[at])
        reason = " ".join(str(fault).split()).rstrip(".")
        return RidgelineError(
            ErrorCode.TILE_FAILED,
            f"The model {self._model.name!r} failed on the tile at {where}: {reason[:300]}.",
            "Compute on the processor (--device cpu), check the model, or leave that place out of the region.",
        )


def _tiles_of(parts: Sequence[Mapping[str, Floats]]) -> Maps:
    """Return the maps of all tiles of some parts, by output name."""
    return {name: [tile for part in parts for tile in part[name]] for name in parts[0]}


def _await(under_way: Iterable[_UnderWay]) -> None:
    """Return once nothing is computed any more; what has not begun is not."""
    parts = [part for item in under_way for part in item.parts]
    for part in parts:
        part.cancel()
    wait(parts)


def place_of(plan: TilePlan, i: int, j: int) -> str:
    """Return where a tile lies, for people: its box in the grid's CRS."""
    return box_text(plan.tile(i, j).bounds)


def box_text(bounds: tuple[float, float, float, float]) -> str:
    """Return a box as ``x 655000.0–655102.4, y 6860000.0–6860102.4``."""
    xmin, ymin, xmax, ymax = bounds
    return f"x {xmin:.1f}–{xmax:.1f}, y {ymin:.1f}–{ymax:.1f}"


def _is_memory(fault: BaseException) -> bool:
    return isinstance(fault, MemoryError) or (
        isinstance(fault, RidgelineError) and fault.code is ErrorCode.OUT_OF_MEMORY
    )
