"""Reads panels of the rasters, decides which tiles are computed, and cuts the network's input from them."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..raster.grid import Grid
from ..terrain.height_channels import context_px
from .empty import stands_out
from .normalise import Cut, Normaliser
from .plan import TilePlan

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Pixels(Protocol):
    """A window of an aligned raster."""

    @property
    def values(self) -> NDArray[Any]:
        """[C, H, W] in the raster's type."""
        ...

    @property
    def valid(self) -> Bools:
        """[H, W]: whether a pixel is known."""
        ...


class Raster(Protocol):
    """An aligned raster, as `raster.aligned.AlignedRaster` is one."""

    def read(self, window: Grid) -> Pixels:
        """Return a window of the lattice."""
        ...


@dataclass(frozen=True)
class NetworkInput:
    """One input of the network: which raster it is made from, and how."""

    name: str
    kind: str
    channels: int
    normaliser: Normaliser


@dataclass
class Piece:
    """A run of tile columns of one band, ready for the network.

    Attributes:
        band: the band i.
        columns: all tile columns of the run, in order.
        tiles: those of them that are computed, in order.
        inputs: float32 [len(tiles), C, size, size] by input name.
        live: bool, the pixels to be written: the band's final rows, the final columns of ``columns``.
        left_out: tiles that are not computed, by reason (``nodata``, ``empty``).
        last: whether this is the last piece of its band.
        buffer: the arrays behind ``inputs``, to be given back.
    """

    band: int
    columns: range
    tiles: list[int]
    inputs: dict[str, Floats]
    live: Bools
    left_out: Counter[str]
    last: bool = False
    buffer: dict[str, Floats] = field(default_factory=dict)


class Feed:
    """Makes the pieces of a plan.

    Args:
        plan: where the tiles lie.
        region_mask: bool [H, W] of a window: which pixels lie in the region.
        rasters: the aligned rasters by kind.
        inputs: the network's inputs.
        batch: tiles a piece at most.
        skip_empty: leave out tiles in which nothing stands above the ground; needs a DSM.
    """

    def __init__(
        self,
        plan: TilePlan,
        region_mask: Callable[[Grid], Bools],
        rasters: Mapping[str, Raster],
        inputs: tuple[NetworkInput, ...],
        batch: int,
        skip_empty: bool = False,
    ) -> None:
        self._plan = plan
        self._region_mask = region_mask
        self._rasters = rasters
        self._inputs = inputs
        self._batch = batch
        self._skip_empty = skip_empty
        self._margin = {
            kind: max((item.normaliser.context_px for item in inputs if item.kind == kind), default=0)
            for kind in rasters
        }
        if skip_empty:
            self._margin["dsm"] = max(self._margin["dsm"], context_px(plan.grid.gsd))
        self._buffers: queue.SimpleQueue[dict[str, Floats]] = queue.SimpleQueue()

    def give_back(self, piece: Piece) -> None:
        """Let the arrays of a piece be used again."""
        if piece.buffer:
            self._buffers.put(piece.buffer)
        piece.inputs = piece.buffer = {}

    def pieces(self, first_band: int) -> Iterator[Piece]:
        """Yield the pieces of all bands from ``first_band`` on."""
        for i in range(first_band, self._plan.bands.stop):
            yield from self._band(i)

    def _band(self, i: int) -> Iterator[Piece]:
        rows = self._plan.rows_of(i)
        run = _Run(self._plan.columns.start)
        for columns in self._plan.panels():
            window = self._plan.panel_window(i, columns)
            inside = self._inside(window)
            in_region = self._plan.touched(i, columns, inside)
            tiles: list[int] = []
            if in_region:
                pixels = {kind: self._read(kind, window) for kind in self._rasters}
                inside &= self._known(pixels)
                tiles = self._plan.touched(i, columns, inside)
                run.left_out["nodata"] += len(in_region) - len(tiles)
                if self._skip_empty:
                    kept = self._standing(window, columns, tiles, pixels["dsm"])
                    run.left_out["empty"] += len(tiles) - len(kept)
                    tiles = kept
            cuts = self._prepare(window, pixels) if tiles else {}
            for j in columns:
                if j in tiles:
                    if not run.buffer:
                        run.buffer = self._buffer()
                    left = (j - columns.start) * self._plan.stride
                    for name, cut in cuts.items():
                        cut(0, left, run.buffer[name][len(run.tiles)])
                    run.tiles.append(j)
                cols = self._plan.columns_of(j)
                run.live.append(
                    inside[rows[0] - window.row0 : rows[1] - window.row0, cols[0] - window.col0 : cols[1] - window.col0]
                )
                run.stop = j + 1
                if len(run.tiles) == self._batch and j != self._plan.columns[-1]:
                    yield run.piece(i)
                    run = _Run(j + 1)
        piece = run.piece(i)
        piece.last = True
        yield piece

    def _inside(self, window: Grid) -> Bools:
        """Return which pixels of a window lie in the region and in the grid."""
        common = window.intersection(self._plan.grid)
        inside = np.zeros(window.shape, dtype=bool)
        row, col = common.row0 - window.row0, common.col0 - window.col0
        inside[row : row + common.height, col : col + common.width] = self._region_mask(common)
        return inside

    def _read(self, kind: str, window: Grid) -> Pixels:
        return self._rasters[kind].read(window.padded(self._margin[kind]))

    def _known(self, pixels: Mapping[str, Pixels]) -> Bools:
        """Return which pixels any raster knows, without the context around the panel."""
        parts = [_inner(item.valid, self._margin[kind]) for kind, item in pixels.items()]
        return parts[0] if len(parts) == 1 else np.logical_or.reduce(parts)

    def _prepare(self, window: Grid, pixels: Mapping[str, Pixels]) -> dict[str, Cut]:
        cuts = {}
        for item in self._inputs:
            source = pixels[item.kind]
            margin = self._margin[item.kind]
            extra = margin - item.normaliser.context_px
            cuts[item.name] = item.normaliser.prepare(
                np.stack([_inner(band, extra) for band in source.values]) if extra else source.values,
                _inner(source.valid, extra),
                window.col0 - item.normaliser.context_px,
                window.row0 - item.normaliser.context_px,
            )
        return cuts

    def _standing(self, window: Grid, columns: range, tiles: list[int], dsm: Pixels) -> list[int]:
        if not tiles:
            return tiles
        margin = self._margin["dsm"]
        place = window.padded(margin)
        stands = stands_out(dsm.values[0], dsm.valid, place.gsd, place.col0, place.row0)
        stands = _inner(stands, margin)
        size, stride = self._plan.size, self._plan.stride
        lefts = {j: (j - columns.start) * stride for j in tiles}
        return [j for j in tiles if stands[:, lefts[j] : lefts[j] + size].any()]

    def _buffer(self) -> dict[str, Floats]:
        try:
            return self._buffers.get_nowait()
        except queue.Empty:
            size = self._plan.size
            return {item.name: np.empty((self._batch, item.channels, size, size), np.float32) for item in self._inputs}


class _Run:
    """A piece that is being filled."""

    def __init__(self, start: int) -> None:
        self.start = self.stop = start
        self.tiles: list[int] = []
        self.live: list[Bools] = []
        self.left_out: Counter[str] = Counter()
        self.buffer: dict[str, Floats] = {}

    def piece(self, band: int) -> Piece:
        inputs = {name: array[: len(self.tiles)] for name, array in self.buffer.items()}
        live = np.concatenate(self.live, axis=1)
        return Piece(band, range(self.start, self.stop), self.tiles, inputs, live, self.left_out, False, self.buffer)


def _inner(array: NDArray[Any], margin: int) -> NDArray[Any]:
    return array[margin : array.shape[0] - margin, margin : array.shape[1] - margin] if margin else array
