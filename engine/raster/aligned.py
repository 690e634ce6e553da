"""A raster on the grid: any window of the lattice, whatever the raster's own CRS, resolution and extent.

A raster that already lies on the lattice is read as it is. Any other is warped by anchored blocks (see ``warp``) that
are kept for a while, so that strips that follow one another warp each block once. The source is read by whole strips
of blocks, never tile by tile.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..jobs.errors import ErrorCode, RidgelineError
from ..jobs.inputs import RasterInput
from .gdal_env import gdal_env
from .grid import Grid
from .native import NativeReader
from .source import Kind, Source, describe
from .warp import Warper, Window, pixels_across
from .wording import capital

ON_LATTICE = 0.02
"""A raster lies on the lattice if no pixel of it is further off than this, in pixels."""
BLOCK_ROWS, BLOCK_COLS = 256, 1024
"""Size of an anchored block; halved where the source is so fine that a block would need too much of it."""

_CACHE_BYTES = 48 << 20
_STRIP_BYTES = 48 << 20  # most of the source that is held at once while blocks are warped from it

_Pixels = tuple[NDArray[Any], NDArray[np.bool_]]


@dataclass(frozen=True)
class Block:
    """What a window of the lattice holds.

    Attributes:
        values: [C, H, W]; pictures in the raster's own type (uint8, uint16, float32), 0 where invalid; heights as
            float32 metres, NaN where invalid.
        valid: [H, W]; whether the pixel is a measured one.
    """

    values: NDArray[Any]
    valid: NDArray[np.bool_]


class AlignedRaster:
    """A raster on the lattice of a CRS and GSD. Made by :func:`open_aligned`; threads may read at the same time.

    A warped pixel is computed from valid source pixels only. It is valid if the source pixel nearest to its centre is;
    a colour that is averaged (a picture finer than the grid) if any source pixel under it is.

    Attributes:
        source: the raster as it lies on disk.
    """

    def __init__(self, source: Source, crs: CRS, gsd: float, threads: int | None = None) -> None:
        self.source = source
        self._crs, self._gsd, self._threads = crs, gsd, threads
        self._reader = NativeReader(source, threads)
        self._offset = _whole_offset(source, crs, gsd)
        self._cache: OrderedDict[tuple[int, int], _Pixels | None] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()
        across = (1.0, 1.0) if self._offset is not None else pixels_across(source, crs, gsd)
        if not all(math.isfinite(item) and item > 0 for item in across):
            raise RidgelineError(
                ErrorCode.BAD_CRS,
                f"{capital(source.label)} cannot be brought into the CRS of the grid.",
                "Check its CRS, or reproject it first.",
            )
        self._warper = Warper(source, crs, gsd, across)
        self._block_rows, self._block_cols = _block_size(source, across)

    @property
    def native(self) -> bool:
        """Whether the raster lies on the lattice already and is read as it is."""
        return self._offset is not None

    @property
    def channels(self) -> int:
        """Number of bands that a read gives."""
        return len(self.source.bands)

    def read(self, window: Grid) -> Block:
        """Return a window of the lattice; what lies beyond the raster is invalid.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the raster and the rows and columns that fail.
            ValueError: if the window is of another lattice.
        """
        if window.crs != self._crs or window.gsd != self._gsd:
            raise ValueError("the window lies on another lattice than the raster was opened for")
        blank = np.nan if self.source.kind == "dsm" else 0
        if self._offset is not None:
            return self._read_native(window, self._offset, blank)
        values = np.full((self.channels, *window.shape), blank, self.source.dtype)
        valid = np.zeros(window.shape, np.bool_)
        if window.width and window.height:
            with gdal_env(self._threads):
                for block_row in range(window.row0 // self._block_rows, -(-window.row1 // self._block_rows)):
                    self._copy_block_row(block_row, window, values, valid)
        return Block(values, valid)

    def close(self) -> None:
        """Close all handles and drop what was kept; nobody may be reading."""
        self._reader.close()
        with self._lock:
            self._cache.clear()
            self._cached_bytes = 0

    def __enter__(self) -> AlignedRaster:
        return self

    def __exit__(self, *_fault: object) -> None:
        self.close()

    def _read_native(self, window: Grid, offset: tuple[int, int], blank: float) -> Block:
        row0, col0 = window.row0 - offset[0], window.col0 - offset[1]
        top, left = max(row0, 0), max(col0, 0)
        bottom = min(row0 + window.height, self.source.height)
        right = min(col0 + window.width, self.source.width)
        if top >= bottom or left >= right:
            shape = (self.channels, *window.shape)
            return Block(np.full(shape, blank, self.source.dtype), np.zeros(window.shape, np.bool_))
        values, valid = self._reader.read(top, left, bottom - top, right - left)
        if valid.shape == window.shape:
            return Block(values, valid)
        all_values = np.full((self.channels, *window.shape), blank, self.source.dtype)
        all_valid = np.zeros(window.shape, np.bool_)
        place = (slice(top - row0, bottom - row0), slice(left - col0, right - col0))
        all_values[:, place[0], place[1]] = values
        all_valid[place] = valid
        return Block(all_values, all_valid)

    def _copy_block_row(self, block_row: int, window: Grid, values: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        columns = range(window.col0 // self._block_cols, -(-window.col1 // self._block_cols))
        missing = []
        for block_col in columns:
            known, pixels = self._recall(block_row, block_col)
            if known:
                self._paste(self._block(block_row, block_col), pixels, window, values, valid)
            else:
                missing.append(block_col)
        for block, key, pixels in self._warp_blocks(block_row, missing):
            self._keep(key, pixels)
            self._paste(block, pixels, window, values, valid)

    def _warp_blocks(self, block_row: int, columns: list[int]) -> Any:
        """Yield each block of a row of blocks with its key and pixels, reading the source by runs of blocks."""
        run: list[tuple[int, Grid, Window, bool]] = []
        union: Window | None = None
        budget = _STRIP_BYTES // (self.channels * np.dtype(self.source.dtype).itemsize)
        for column in columns:
            block = self._block(block_row, column)
            found = self._warper.source_window(block)
            if found is None:
                yield block, (block_row, column), None
                continue
            joined = found[0] if union is None else union.union(found[0])
            apart = sum(item[2].pixels for item in run) + found[0].pixels
            if run and union is not None and (joined.pixels > budget or joined.pixels > 1.5 * apart):
                yield from self._warp_run(block_row, run, union)
                run, joined = [], found[0]
            run.append((column, block, *found))
            union = joined
        if run and union is not None:
            yield from self._warp_run(block_row, run, union)

    def _warp_run(self, block_row: int, run: list[tuple[int, Grid, Window, bool]], union: Window) -> Any:
        values, valid = self._reader.read(union.row0, union.col0, union.height, union.width)
        for column, block, part, inside in run:
            rows = slice(part.row0 - union.row0, part.row0 - union.row0 + part.height)
            cols = slice(part.col0 - union.col0, part.col0 - union.col0 + part.width)
            pixels = self._warper.warp(block, part, inside, values[:, rows, cols], valid[rows, cols])
            yield block, (block_row, column), pixels

    def _block(self, block_row: int, block_col: int) -> Grid:
        rows, cols = self._block_rows, self._block_cols
        return Grid(self._crs, self._gsd, block_col * cols, block_row * rows, cols, rows)

    def _paste(
        self,
        block: Grid,
        pixels: _Pixels | None,
        window: Grid,
        values: NDArray[Any],
        valid: NDArray[np.bool_],
    ) -> None:
        if pixels is None:
            return
        common = block.intersection(window)
        here = _slices(common, window)
        there = _slices(common, block)
        valid[here] = pixels[1][there]
        values[:, here[0], here[1]] = pixels[0][:, there[0], there[1]]

    def _recall(self, block_row: int, block_col: int) -> tuple[bool, _Pixels | None]:
        with self._lock:
            key = (block_row, block_col)
            if key not in self._cache:
                return False, None
            self._cache.move_to_end(key)
            return True, self._cache[key]

    def _keep(self, key: tuple[int, int], pixels: _Pixels | None) -> None:
        with self._lock:
            if key in self._cache:  # another thread was quicker; the bits are the same
                return
            self._cache[key] = pixels
            self._cached_bytes += _size(pixels)
            while self._cached_bytes > _CACHE_BYTES:
                self._cached_bytes -= _size(self._cache.popitem(last=False)[1])


def open_aligned(
    item: RasterInput | Source,
    kind: Kind,
    grid: Grid,
    bands: int | None = None,
    threads: int | None = None,
) -> AlignedRaster:
    """Return ``item`` on the lattice of ``grid`` (its CRS and GSD; its extent plays no part).

    Args:
        item: the raster, or its description where that is known already (``Frame.rgb``, ``Frame.dsm``).
        kind: ``rgb`` or ``dsm``.
        grid: any grid of the lattice, such as ``Frame.grid``.
        bands: how many bands the model takes; None: three for a picture, one for a surface.
        threads: threads that GDAL decodes blocks with; None: chosen by the machine.

    Raises:
        RidgelineError: as :func:`describe`; BAD_CRS if the raster cannot be brought into the grid's CRS.
    """
    source = item if isinstance(item, Source) else describe(item, kind, bands)
    return AlignedRaster(source, grid.crs, grid.gsd, threads)


def _whole_offset(source: Source, crs: CRS, gsd: float) -> tuple[int, int] | None:
    """Return the lattice row and column of the raster's first pixel if it lies on the lattice, else None."""
    if source.gcps or source.crs != crs:
        return None
    t = source.transform
    skew = max(abs(t.b) * source.height, abs(t.d) * source.width)
    stretch = max(abs(t.a - gsd) * source.width, abs(t.e + gsd) * source.height)
    if skew + stretch > ON_LATTICE * gsd:
        return None
    row, col = -t.f / gsd, t.c / gsd
    if max(abs(row - round(row)), abs(col - round(col))) > ON_LATTICE:
        return None
    return round(row), round(col)


def _block_size(source: Source, across: tuple[float, float]) -> tuple[int, int]:
    rows, cols = BLOCK_ROWS, BLOCK_COLS
    pixel_bytes = len(source.bands) * np.dtype(source.dtype).itemsize * max(across[0] * across[1], 1e-6)
    while rows * cols * pixel_bytes > _STRIP_BYTES / 2 and cols > 32:
        rows, cols = max(rows // 2, 32), cols // 2
    return rows, cols


def _slices(part: Grid, whole: Grid) -> tuple[slice, slice]:
    row, col = part.row0 - whole.row0, part.col0 - whole.col0
    return slice(row, row + part.height), slice(col, col + part.width)


def _size(pixels: _Pixels | None) -> int:
    return 64 if pixels is None else pixels[0].nbytes + pixels[1].nbytes
