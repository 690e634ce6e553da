"""Single tiles of the network: read, computed, and kept by their place on the lattice."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.compute import Network
from ..inference.feed import NetworkInput, Piece
from ..inference.normalise import Cut
from ..inference.plan import TilePlan
from ..raster.aligned import AlignedRaster
from ..raster.grid import Grid
from .byte_cache import CachePart

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Place = tuple[int, int]
Coming = Future[dict[Place, "Tile"]]
"""A batch of tiles that is computed or waits for it."""

_AHEAD = 2  # batches under way: one is computed, one waits
_PANEL_PX = 2048 * 2048  # larger pieces of the map are read band by band: their height channels take 24 bytes a pixel


@dataclass(frozen=True)
class Tile:
    """What is known of one tile.

    Attributes:
        maps: float32 [C, size, size] by output, read-only; None where no pixel of its core has data and nothing was
            computed.
        known: bool [size, size]: pixels that have data.
    """

    maps: dict[str, Floats] | None
    known: Bools

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return self.known.nbytes + sum(array.nbytes for array in (self.maps or {}).values())


class TileStore:
    """Tiles of one scene.

    A batch is computed while another waits, so that whoever stitches a band does so while the next is computed. All
    threads work on one batch, unlike in a run: a pan needs few tiles, mostly three, and the last of an odd number would
    be left to one half of them. What is under way when a request is stopped is finished, and kept.

    Args:
        plan: any plan of the scene's lattice; its grid plays no part.
        rasters: the aligned rasters by kind.
        inputs: the network's inputs.
        network: the network.
        inside: bool [H, W] of a window: which pixels belong to the area that has all rasters.
        kept: where tiles are kept.
        batch: tiles a batch; after each one, whoever asked may stop.
    """

    def __init__(
        self,
        plan: TilePlan,
        rasters: Mapping[str, AlignedRaster],
        inputs: tuple[NetworkInput, ...],
        network: Network,
        inside: Callable[[Grid], Bools],
        kept: CachePart[Tile],
        batch: int = 1,
    ) -> None:
        self._plan = plan
        self._rasters = rasters
        self._inputs = inputs
        self._network = network
        self._inside = inside
        self._batch = batch
        self._margin = {
            kind: max((item.normaliser.context_px for item in inputs if item.kind == kind), default=0)
            for kind in rasters
        }
        self._kept = kept
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="compute")
        self._under_way: dict[Place, Coming] = {}
        self.computed = 0
        """Tiles that the network computed so far."""

    def close(self) -> None:
        """Wait for what is being read and computed; nothing can be read afterwards."""
        self._beside.shutdown()
        self._worker.shutdown(cancel_futures=True)
        self._under_way.clear()

    def bands(self, places: Iterable[Place], step: Callable[[int, int], None]) -> Iterator[tuple[int, dict[int, Tile]]]:
        """Yield each band with its tiles by column, from north to south, computing those that are not kept.

        Whoever lets go of a band before taking the next holds one band beyond what is kept, however large the view.

        Args:
            places: (band, column) of each.
            step: told after each batch how many of how many are done; may raise to stop. What was computed is kept.
        """
        wanted = sorted(set(places))
        self._gather()
        known = {place: tile for place in wanted if (tile := self._kept.get(place)) is not None}
        begun = {place: self._under_way[place] for place in wanted if place in self._under_way}
        missing = [place for place in wanted if place not in known and place not in begun]
        total = left = len(begun) + len(missing)

        def between() -> None:
            step(total - left, total)

        between()
        new = Counter(i for i, _ in missing)
        made = self._made(missing, between)
        for i in sorted({i for i, _ in wanted}):
            row = {j: known.pop((i, j)) for band, j in wanted if band == i and (i, j) in known}
            ended = ((place, self._settle(place, coming)) for place, coming in begun.items() if place[0] == i)
            for (_, j), tile in chain(ended, islice(made, new[i])):
                row[j] = tile
                left -= 1
                between()
            yield i, row

    def _made(self, missing: list[Place], between: Callable[[], None]) -> Iterator[tuple[Place, Tile]]:
        """Yield the missing tiles, band after band; ``between`` is called before each batch."""
        for group in self._groups(missing):
            yield from self._compute(group, between)

    def _groups(self, missing: list[Place]) -> list[list[Place]]:
        """Return the tiles to read at once: all if they lie close together, else by band."""
        if not missing:
            return []
        window = self._window(missing)
        if window.width * window.height <= _PANEL_PX:
            return [missing]
        bands = sorted({i for i, _ in missing})
        return [[place for place in missing if place[0] == i] for i in bands]

    def _window(self, places: list[Place]) -> Grid:
        first = min(i for i, _ in places), min(j for _, j in places)
        last = max(i for i, _ in places), max(j for _, j in places)
        stride, size = self._plan.stride, self._plan.size
        return self._plan.grid.window(
            first[0] * stride,
            first[1] * stride,
            (last[0] - first[0]) * stride + size,
            (last[1] - first[1]) * stride + size,
        )

    def _compute(self, places: list[Place], between: Callable[[], None]) -> Iterator[tuple[Place, Tile]]:
        plan, window = self._plan, self._window(places)
        known, cuts = self._read(window)
        known &= self._inside(window)
        between()
        size, trim, core = plan.size, plan.trim, plan.core
        corners = {(i, j): (i * plan.stride - window.row0, j * plan.stride - window.col0) for i, j in places}
        own = {place: known[row : row + size, col : col + size].copy() for place, (row, col) in corners.items()}
        live = {place for place in places if own[place][trim : trim + core, trim : trim + core].any()}

        def compute(batch: list[Place]) -> dict[Place, Tile]:
            feed = {x.name: np.empty((len(batch), x.channels, size, size), np.float32) for x in self._inputs}
            for at, place in enumerate(batch):
                for name, cut in cuts.items():
                    cut(*corners[place], feed[name][at])
            return {place: Tile(maps, own[place]) for place, maps in zip(batch, self._run(batch, feed), strict=True)}

        batches = []
        for i in sorted({i for i, _ in live}):
            row = sorted(place for place in live if place[0] == i)
            batches += [row[start : start + self._batch] for start in range(0, len(row), self._batch)]
        computed = self._computed(batches, compute, between)
        for i in sorted({i for i, _ in places}):
            row = [place for place in places if place[0] == i]
            yield from ((place, self._keep(place, Tile(None, own[place]))) for place in row if place not in live)
            yield from islice(computed, sum(place in live for place in row))

    def _computed(
        self,
        batches: list[list[Place]],
        compute: Callable[[list[Place]], dict[Place, Tile]],
        between: Callable[[], None],
    ) -> Iterator[tuple[Place, Tile]]:
        """Yield the tiles of batches in order, while the next ones are computed."""
        waiting, ahead = deque(batches), deque[tuple[list[Place], Coming]]()
        while waiting or ahead:
            between()
            while waiting and len(ahead) < _AHEAD:
                batch = waiting.popleft()
                coming = self._worker.submit(compute, batch)
                self._under_way |= dict.fromkeys(batch, coming)
                ahead.append((batch, coming))
            batch, coming = ahead.popleft()
            for place in batch:
                yield place, self._settle(place, coming)

    def _gather(self) -> None:
        """Keep what ended since the last request; what failed is tried again by whoever wants it."""
        for place, coming in list(self._under_way.items()):
            if coming.done() and coming.exception() is None:
                self._settle(place, coming)
            elif coming.done():
                del self._under_way[place]

    def _settle(self, place: Place, coming: Coming) -> Tile:
        """Wait for a tile, keep it, and count it if nobody did before."""
        try:
            tile = coming.result()[place]
        finally:
            new = self._under_way.pop(place, None) is not None
        self.computed += new
        return self._keep(place, tile)

    def _keep(self, place: Place, tile: Tile) -> Tile:
        self._kept.put(place, tile, tile.size_bytes)
        return tile

    def _read(self, window: Grid) -> tuple[Bools, dict[str, Cut]]:
        """Return which pixels any raster knows, and what cuts the network's inputs.

        The first raster is read here, others beside it in a thread.
        """
        first, *others = self._rasters
        coming = [self._beside.submit(self._prepare, kind, window) for kind in others]
        parts = [self._prepare(first, window), *(future.result() for future in coming)]
        cuts: dict[str, Cut] = {}
        for _, part in parts:
            cuts |= part
        return np.logical_or.reduce([valid for valid, _ in parts]), cuts

    def _prepare(self, kind: str, window: Grid) -> tuple[Bools, dict[str, Cut]]:
        """Read a raster with the context that its inputs need; return its valid pixels, and what cuts those inputs."""
        margin = self._margin[kind]
        pixels = self._rasters[kind].read(window.padded(margin))
        cuts = {}
        for item in self._inputs:
            if item.kind == kind:
                context = item.normaliser.context_px
                extra = margin - context
                values = np.stack([_inner(band, extra) for band in pixels.values]) if extra else pixels.values
                left, top = window.col0 - context, window.row0 - context
                cuts[item.name] = item.normaliser.prepare(values, _inner(pixels.valid, extra), left, top)
        return _inner(pixels.valid, margin), cuts

    def _run(self, batch: list[Place], feed: dict[str, Floats]) -> list[dict[str, Floats]]:
        """Return the maps of a batch's tiles, all of one band: the network names one that fails by band and column."""
        (i, first), (_, last) = batch[0], batch[-1]
        live = np.empty((0, 0), np.bool_)
        maps = self._network.predict(Piece(i, range(first, last + 1), [j for _, j in batch], feed, live, Counter()))
        tiles = []
        for index in range(len(batch)):
            # copied, also a batch of one: what the network gave lies in its own memory, which would grow by it
            kept = {name: array[index].copy() for name, array in maps.items()}
            for array in kept.values():
                array.setflags(write=False)  # the stitcher blends in place what it may write to
            tiles.append(kept)
        return tiles


def _inner(array: NDArray[Any], margin: int) -> NDArray[Any]:
    return array[margin : array.shape[0] - margin, margin : array.shape[1] - margin] if margin else array
