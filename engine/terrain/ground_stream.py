"""The ground under a whole raster, rows by rows, with memory that does not grow with its height.

Pixels are read once, by strips, and only their cells are kept (see ``ground``). The ground of the cells is computed by
tiles of the absolute lattice with all the context that `ground.context_cells` asks for, cut to the raster's own extent.
So every pixel gets the same bits whatever the region, the strips or the order of rows.
"""

from __future__ import annotations

import numpy as np

from ..raster.aligned import AlignedRaster, Block
from ..raster.frame import footprint
from ..raster.grid import Grid
from .ground import ANCHOR_CELLS, Cells, cell_px, context_cells, ground_of_cells, to_cells, to_surface
from .lattice import Floats

_TILE_ROWS = 48 * ANCHOR_CELLS
_TILE_COLS = 128 * ANCHOR_CELLS
_CHUNK_PX = 8_000_000


class GroundStream:
    """Gives the ground under windows of a surface model, cheapest in order from top to bottom.

    Args:
        surface: the surface model on the grid's lattice; windows beyond ``grid`` are read from it for context.
        grid: the widest window that will be asked for.
    """

    def __init__(self, surface: AlignedRaster, grid: Grid) -> None:
        self._surface = surface
        self._grid = grid
        self._size = cell_px(grid.gsd)
        extent = Grid.covering(grid.crs, grid.gsd, footprint(surface.source, grid.crs).bounds)
        step = self._size * ANCHOR_CELLS
        reach = context_cells()
        # in cells, all multiples of the anchor: the raster's rows, and the columns that the grid's ground depends on
        self._top, self._bottom = _outward(extent.row0, extent.row1, step)
        left, right = _outward(extent.col0, extent.col1, step)
        low = (grid.col0 // self._size - 1 - reach) // ANCHOR_CELLS * ANCHOR_CELLS
        high = -(-(grid.col1 // self._size + 2 + reach) // ANCHOR_CELLS) * ANCHOR_CELLS
        self._left, self._right = max(left, low), max(min(right, high), left, low)
        anchors = max(1, _CHUNK_PX // max(1, (self._right - self._left) * self._size * step))
        self._chunk = min(anchors, 16) * ANCHOR_CELLS
        self._chunks: dict[int, Cells] = {}
        self._tiles: dict[int, Floats] = {}

    def under(self, window: Grid, block: Block) -> Floats:
        """Return the ground under a window, float32 [H, W]: NaN where no surface is known within reach.

        Args:
            window: a window inside the grid's columns.
            block: what the surface model holds there.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the raster and the rows that fail.
        """
        out = np.full(window.shape, np.nan, dtype=np.float32)
        heights = block.values[0].astype(np.float32, copy=False)
        tile_px = _TILE_ROWS * self._size
        for number in range(window.row0 // tile_px, -(-window.row1 // tile_px)):
            first, last = max(window.row0, number * tile_px), min(window.row1, (number + 1) * tile_px)
            tile = self._tile(number)
            if tile is None:
                continue
            rows = slice(first - window.row0, last - window.row0)
            out[rows] = to_surface(
                number * _TILE_ROWS - 1,
                self._left,
                tile,
                heights[rows],
                block.valid[rows] & np.isfinite(heights[rows]),
                self._grid.gsd,
                window.col0,
                first,
            )
        return out

    def _tile(self, number: int) -> Floats | None:
        """Return the ground of a row of tiles: its cells, and one more row of cells above and below."""
        first, last = number * _TILE_ROWS, (number + 1) * _TILE_ROWS
        if last <= self._top or first >= self._bottom or self._left >= self._right:
            return None
        if number not in self._tiles:
            for old in [item for item in self._tiles if abs(item - number) > 1]:
                del self._tiles[old]
            self._tiles[number] = self._compute(first, last)
        return self._tiles[number]

    def _compute(self, first: int, last: int) -> Floats:
        reach = context_cells() + 1
        top = max(self._top, (first - reach) // ANCHOR_CELLS * ANCHOR_CELLS)
        bottom = min(self._bottom, -(-(last + reach) // ANCHOR_CELLS) * ANCHOR_CELLS)
        cells = self._cells(top, bottom)
        out = np.full((last - first + 2, self._right - self._left), np.nan, dtype=np.float32)
        rows = slice(max(first - 1, top), min(last + 1, bottom))
        # tiles of columns lie on the absolute lattice too, though the result does not depend on it
        for start in range(self._left // _TILE_COLS * _TILE_COLS, self._right, _TILE_COLS):
            low, high = max(start, self._left), min(start + _TILE_COLS, self._right)
            left = max(self._left, (low - reach) // ANCHOR_CELLS * ANCHOR_CELLS)
            right = min(self._right, -(-(high + reach) // ANCHOR_CELLS) * ANCHOR_CELLS)
            cols = slice(left - self._left, right - self._left)
            part = Cells(top, left, cells.lowest[:, cols], cells.low_mean[:, cols])
            ground = ground_of_cells(part)[rows.start - top : rows.stop - top, low - left : high - left]
            target = slice(rows.start - first + 1, rows.stop - first + 1)
            out[target, low - self._left : high - self._left] = ground
        return out

    def _cells(self, top: int, bottom: int) -> Cells:
        """Return the cells of whole rows [top, bottom), reading what is not kept."""
        numbers = range(top // self._chunk, -(-bottom // self._chunk))
        for old in [item for item in self._chunks if item < numbers.start]:
            del self._chunks[old]
        for number in numbers:
            if number not in self._chunks:
                self._chunks[number] = self._read(number)
        lowest = np.concatenate([self._chunks[number].lowest for number in numbers])
        low_mean = np.concatenate([self._chunks[number].low_mean for number in numbers])
        rows = slice(top - numbers.start * self._chunk, bottom - numbers.start * self._chunk)
        return Cells(top, self._left, lowest[rows], low_mean[rows])

    def _read(self, number: int) -> Cells:
        size = self._size
        height, width = self._chunk * size, (self._right - self._left) * size
        window = self._grid.window(number * self._chunk * size, self._left * size, height, width)
        block = self._surface.read(window)
        heights = block.values[0].astype(np.float32, copy=False)
        return to_cells(heights, block.valid & np.isfinite(heights), self._grid.gsd, window.col0, window.row0)


def _outward(first: int, last: int, step: int) -> tuple[int, int]:
    """Return a range of pixels as cells, grown to whole anchors."""
    return first // step * ANCHOR_CELLS, -(-last // step) * ANCHOR_CELLS
