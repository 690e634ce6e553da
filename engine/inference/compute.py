"""Runs the network over pieces: smaller batches when memory is short, coordinates when a tile fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

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
        self._pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="tiles")
        self.seconds = 0.0
        """Time spent inside the network."""

    def run(self, pieces: Iterable[Piece], give_back: Callable[[Piece], None]) -> Iterator[tuple[Piece, Maps]]:
        """Yield each piece with its maps ({} without tiles).

        Raises:
            Cancelled: if the user wants to stop.
            RidgelineError: (TILE_FAILED, OUT_OF_MEMORY) naming the tile that failed.
        """
        for piece in pieces:
            if self._cancelled():
                raise Cancelled()
            maps = self.predict(piece) if piece.tiles else {}
            give_back(piece)
            yield piece, maps

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
        return {name: [tile for part in parts for tile in part[name]] for name in parts[0]}

    def _run_at_once(self, piece: Piece, first: int, count: int) -> list[dict[str, Floats]]:
        """Return the maps of some tiles in as many parts as are computed at the same time."""
        share = -(-count // self._at_once)
        if share == count:
            return [self._run(piece, first, count)]
        cuts = [(at, min(share, first + count - at)) for at in range(first, first + count, share)]
        parts = [self._pool.submit(self._run, piece, *cut) for cut in cuts]
        wait(parts)  # also those beside one that fails: what is tried next has the memory for itself
        return [part.result() for part in parts]

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
