"""Single tiles of the network: read, computed, and kept by their place on the lattice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.compute import Network
from ..inference.feed import NetworkInput, Piece
from ..inference.plan import TilePlan
from ..raster.aligned import AlignedRaster
from ..raster.aligned import Block as Pixels
from ..raster.grid import Grid
from .byte_cache import CachePart

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Place = tuple[int, int]

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
        self.computed = 0
        """Tiles that the network computed so far."""

    def close(self) -> None:
        """Wait for what is being read; nothing can be read afterwards."""
        self._beside.shutdown()

    def bands(self, places: Iterable[Place], step: Callable[[int, int], None]) -> Iterator[tuple[int, dict[int, Tile]]]:
        """Yield each band with its tiles by column, from north to south, computing those that are not kept.

        Whoever lets go of a band before taking the next holds one band beyond what is kept, however large the view.

        Args:
            places: (band, column) of each.
            step: told after each batch how many of how many are done; may raise to stop. What was computed is kept.
        """
        wanted = sorted(set(places))
        known = {place: tile for place in wanted if (tile := self._kept.get(place)) is not None}
        missing = [place for place in wanted if place not in known]
        left = len(missing)

        def between() -> None:
            step(len(missing) - left, len(missing))

        between()
        made = self._made(missing, between)
        new = Counter(i for i, _ in missing)
        for i in sorted({i for i, _ in wanted}):
            row = {j: known.pop((i, j)) for band, j in wanted if band == i and (i, j) in known}
            for (_, j), tile in islice(made, new[i]):
                row[j] = tile
                self._kept.put((i, j), tile, tile.size_bytes)
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
        pixels = self._read(window)
        known = self._inside(window)
        known &= np.logical_or.reduce([_inner(item.valid, self._margin[kind]) for kind, item in pixels.items()])
        between()
        size, trim, core = plan.size, plan.trim, plan.core
        corners = {(i, j): (i * plan.stride - window.row0, j * plan.stride - window.col0) for i, j in places}
        own = {place: known[row : row + size, col : col + size].copy() for place, (row, col) in corners.items()}
        live = [place for place in places if own[place][trim : trim + core, trim : trim + core].any()]
        cuts = {}
        for item in self._inputs if live else ():
            block, extra = pixels[item.kind], self._margin[item.kind] - item.normaliser.context_px
            values = np.stack([_inner(band, extra) for band in block.values]) if extra else block.values
            left, top = window.col0 - item.normaliser.context_px, window.row0 - item.normaliser.context_px
            cuts[item.name] = item.normaliser.prepare(values, _inner(block.valid, extra), left, top)
        for i in sorted({i for i, _ in places}):
            row = [place for place in places if place[0] == i]
            yield from ((place, Tile(None, own[place])) for place in row if place not in live)
            row = [place for place in row if place in live]
            for batch in (row[start : start + self._batch] for start in range(0, len(row), self._batch)):
                between()
                feed = {x.name: np.empty((len(batch), x.channels, size, size), np.float32) for x in self._inputs}
                for at, place in enumerate(batch):
                    for name, cut in cuts.items():
                        cut(*corners[place], feed[name][at])
                yield from zip(batch, self._run(i, [j for _, j in batch], feed, own), strict=True)

    def _read(self, window: Grid) -> dict[str, Pixels]:
        """Return each raster's pixels with the context they need: the first here, others beside it in a thread."""
        first, *others = self._rasters.items()
        areas = {kind: window.padded(margin) for kind, margin in self._margin.items()}
        coming = {kind: self._beside.submit(raster.read, areas[kind]) for kind, raster in others}
        read = {first[0]: first[1].read(areas[first[0]])}
        return read | {kind: future.result() for kind, future in coming.items()}

    def _run(self, i: int, columns: list[int], feed: dict[str, Floats], own: dict[Place, Bools]) -> list[Tile]:
        """Return the tiles of a batch, all of band i: the network names one that fails by band and column."""
        live = np.empty((0, 0), np.bool_)
        maps = self._network.predict(Piece(i, range(columns[0], columns[-1] + 1), columns, feed, live, Counter()))
        tiles = []
        for index, j in enumerate(columns):
            # copied, also a batch of one: what the network gave lies in its own memory, which would grow by it
            kept = {name: array[index].copy() for name, array in maps.items()}
            for array in kept.values():
                array.setflags(write=False)  # the stitcher blends in place what it may write to
            tiles.append(Tile(kept, own[i, j]))
        self.computed += len(columns)
        return tiles


def _inner(array: NDArray[Any], margin: int) -> NDArray[Any]:
    return array[margin : array.shape[0] - margin, margin : array.shape[1] - margin] if margin else array
