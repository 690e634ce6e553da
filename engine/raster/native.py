"""Reads whole-pixel windows of a raster as it lies on disk, with the validity of every pixel.

Windows are whole numbers: one that is off by a rounding error makes GDAL resample, which costs hundreds of times more
than reading.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from .gdal_env import gdal_env
from .opening import open_dataset, unreadable
from .source import Source

LOWEST_M, HIGHEST_M = -1000.0, 10000.0
"""Heights outside this range are no surface of the Earth: markers of nodata that nobody declared."""


class NativeReader:
    """Reads a source; every thread gets a handle of its own.

    Args:
        source: the raster.
        threads: threads that GDAL decodes blocks with; None: chosen by the machine.
    """

    def __init__(self, source: Source, threads: int | None = None) -> None:
        self.source = source
        self._threads = threads
        self._local = threading.local()
        self._handles: list[Any] = []
        self._lock = threading.Lock()

    def read(self, row0: int, col0: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values [C, height, width] and validity [height, width] of a window inside the raster.

        Pictures come in their own type with 0 in invalid pixels, heights as float32 metres with NaN there. A pixel is
        invalid if it is masked, wholly transparent, NaN in any band, or nodata in all bands.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the raster and the rows and columns that fail.
        """
        source = self.source
        if not all(isinstance(number, int) for number in (row0, col0, height, width)):
            raise ValueError("windows are whole numbers")
        if row0 < 0 or col0 < 0 or row0 + height > source.height or col0 + width > source.width:
            raise ValueError("the window reaches beyond the raster")
        window = Window(col0, row0, width, height)
        indexes = [*source.bands] + ([source.alpha_band] if source.alpha_band else [])
        mask = None
        try:
            with gdal_env(self._threads):
                dataset = self._handle()
                raw = _read_bands(dataset, indexes, window)
                if source.has_mask:
                    mask = dataset.read_masks(source.bands[0], window=window) != 0
        except (RasterioError, CPLE_BaseError) as fault:
            bad = _first_bad_block(self._handle(), indexes, window)
            rows = f"{bad.row_off}–{bad.row_off + bad.height - 1}"
            cols = f"{bad.col_off}–{bad.col_off + bad.width - 1}"
            raise unreadable(source.label, f"cannot be read in rows {rows}, columns {cols}", fault) from fault
        values = raw[: len(source.bands)]
        if source.alpha_band:
            opaque = raw[-1] != 0
            mask = opaque if mask is None else mask & opaque
        return _finish(source, values, mask)

    def close(self) -> None:
        """Close the handles of all threads; nobody may be reading."""
        with self._lock:
            for handle in self._handles:
                handle.close()
            self._handles.clear()
            self._local = threading.local()

    def _handle(self) -> Any:
        handle = getattr(self._local, "handle", None)
        if handle is None:
            handle = self._local.handle = open_dataset(self.source.path, self.source.label)
            with self._lock:
                self._handles.append(handle)
        return handle


def _read_bands(dataset: Any, indexes: list[int], window: Window) -> NDArray[Any]:
    if len({dataset.dtypes[index - 1] for index in indexes}) == 1:
        return np.asarray(dataset.read(indexes, window=window))
    return np.stack([dataset.read(index, window=window).astype(np.float32) for index in indexes])


def _first_bad_block(dataset: Any, indexes: list[int], window: Window) -> Window:
    """Return the part of ``window`` in the first of the file's blocks that fails, or all of it if none does alone."""
    height, width = dataset.block_shapes[indexes[0] - 1]
    for row in range(window.row_off // height * height, window.row_off + window.height, height):
        for col in range(window.col_off // width * width, window.col_off + window.width, width):
            part = Window(col, row, width, height).intersection(window)
            try:
                _read_bands(dataset, indexes, part)
            except (RasterioError, CPLE_BaseError):
                return part
    return window


def _finish(
    source: Source, values: NDArray[Any], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    valid = np.ones(values.shape[1:], dtype=np.bool_) if mask is None else mask
    if any(item is not None for item in source.nodata):
        empty = np.ones_like(valid)
        for band, nodata in zip(values, source.nodata):
            empty &= _equals(band, nodata)
        valid &= ~empty
    if values.dtype.kind == "f":
        valid &= np.isfinite(values).all(axis=0)
    if source.kind == "dsm":
        heights = values.astype(np.float32)
        factor = source.scale * source.height_factor
        if factor != 1.0 or source.offset != 0.0:
            with np.errstate(invalid="ignore", over="ignore"):
                heights = (values * factor + source.offset * source.height_factor).astype(np.float32)
        with np.errstate(invalid="ignore"):
            valid &= (heights[0] >= LOWEST_M) & (heights[0] <= HIGHEST_M)
        heights[:, ~valid] = np.nan
        return heights, valid
    values = values.astype(source.dtype, copy=False)
    if not valid.all():
        values[:, ~valid] = 0
    return values, valid


def _equals(band: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Return where a band holds its nodata value, in the band's own precision; NaN is looked for apart."""
    if nodata is None or np.isnan(nodata):
        return np.isnan(band) if nodata is not None and band.dtype.kind == "f" else np.zeros(band.shape, np.bool_)
    if band.dtype.kind in "iu":
        limits = np.iinfo(band.dtype)
        if not np.isfinite(nodata) or nodata != int(nodata) or not limits.min <= nodata <= limits.max:
            return np.zeros(band.shape, np.bool_)
        return np.asarray(band == band.dtype.type(int(nodata)))
    with np.errstate(over="ignore"):
        return np.asarray(band == band.dtype.type(nodata))
