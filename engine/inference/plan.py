"""Where tiles lie: at whole multiples of the stride on the absolute pixel lattice, never relative to a region.

A tile is ``size`` pixels wide; neighbours start ``stride = size - overlap`` pixels apart. The outermost pixels of a
tile, where a network sees the least around it, are computed but not used: each tile counts only in its *core*, the tile
without ``trim`` pixels on every side, and neighbouring cores are blended where they overlap. Tile (i, j) starts at the
absolute row ``i * stride`` and column ``j * stride``, so two runs over regions that overlap use the same tiles there
and agree bit for bit.

A *band* is the row of tiles with the same i, a *panel* a run of tiles of one band that is read at once; panels, too,
start at whole multiples of their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..models.package import TileSpec
from ..raster.grid import Grid

_TRIM_SHARE = 8  # an eighth of the overlap is thrown away on either side, three quarters are blended
_PANEL_PX = 2048


@dataclass(frozen=True)
class TilePlan:
    """The tiles that a grid needs.

    Attributes:
        grid: all that is written.
        size: side of a tile in pixels.
        overlap: pixels that neighbouring tiles share.
        panel_px: panels are about this wide at most.
    """

    grid: Grid
    size: int
    overlap: int
    panel_px: int = _PANEL_PX

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.overlap <= self.size // 2:
            raise ValueError(f"overlap {self.overlap} must lie between 0 and half the size {self.size}")

    @classmethod
    def of(cls, grid: Grid, tile: TileSpec) -> TilePlan:
        """Return the plan for ``grid`` with a model's tiles."""
        return cls(grid, tile.size, tile.overlap)

    @property
    def stride(self) -> int:
        """Pixels from one tile to the next."""
        return self.size - self.overlap

    @property
    def trim(self) -> int:
        """Pixels at each side of a tile that are not used."""
        return self.overlap // _TRIM_SHARE

    @property
    def core(self) -> int:
        """Side of a tile's core in pixels."""
        return self.size - 2 * self.trim

    @property
    def ramp(self) -> int:
        """Pixels that neighbouring cores share."""
        return self.overlap - 2 * self.trim

    @property
    def bands(self) -> range:
        """Indices i of the bands whose cores meet the grid, from north to south."""
        return self._indices(self.grid.row0, self.grid.row1)

    @property
    def columns(self) -> range:
        """Indices j of the tile columns whose cores meet the grid, from west to east."""
        return self._indices(self.grid.col0, self.grid.col1)

    def panels(self) -> Iterator[range]:
        """Yield the tile columns of each panel, from west to east."""
        length = max(1, self.panel_px // self.stride)
        columns = self.columns
        for first in range(columns.start // length * length, columns.stop, length):
            yield range(max(first, columns.start), min(first + length, columns.stop))

    def tile(self, i: int, j: int) -> Grid:
        """Return the window that the network sees of tile (i, j)."""
        return self.grid.window(i * self.stride, j * self.stride, self.size, self.size)

    def panel_window(self, i: int, columns: range) -> Grid:
        """Return the window that holds the tiles ``columns`` of band i."""
        width = (len(columns) - 1) * self.stride + self.size
        return self.grid.window(i * self.stride, columns.start * self.stride, self.size, width)

    def rows_of(self, i: int) -> tuple[int, int]:
        """Return the absolute rows [first, last) of the grid that are final once band i is computed."""
        return self._clipped(i, self.grid.row0, self.grid.row1)

    def columns_of(self, j: int) -> tuple[int, int]:
        """Return the absolute columns [first, last) of the grid that are final once tile column j is computed."""
        return self._clipped(j, self.grid.col0, self.grid.col1)

    def touched(self, i: int, columns: range, live: NDArray[np.bool_]) -> list[int]:
        """Return those of the tile columns whose core holds a pixel to compute.

        Args:
            i: the band.
            columns: the tile columns of a panel.
            live: bool [H, W], the panel's window: pixels that lie in the region and have data.
        """
        rows = np.asarray(live[self.trim : self.trim + self.core].any(axis=0))
        starts = ((j - columns.start) * self.stride + self.trim for j in columns)
        return [j for j, start in zip(columns, starts) if rows[start : start + self.core].any()]

    def _indices(self, first: int, last: int) -> range:
        if last <= first:
            return range(0)
        # core of index k: [k * stride + trim, k * stride + trim + core)
        low = (first - self.trim - self.core) // self.stride + 1
        high = (last - 1 - self.trim) // self.stride + 1
        return range(low, high)

    def _clipped(self, k: int, first: int, last: int) -> tuple[int, int]:
        start = k * self.stride + self.trim
        return min(max(start, first), last), max(min(start + self.stride, last), first)
