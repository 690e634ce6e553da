"""Overviews of a raster, made while its rows go by: each half as wide and high as the one before.

GDAL makes them as well, but reads the raster once more for it, and what it holds grows with the raster.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

BLOCK = 512
"""Side of a raster's blocks; the smallest overview is no larger than one."""

_PIECE = 1 << 18  # pixels halved at a time: they stay in the processor's own memory
_SUMS = {"uint8": np.uint16, "uint16": np.uint32, "float32": np.float32}


class OverviewWriter:
    """Writes each overview of a raster as a file of its own: ``overview-2.tif``, ``overview-4.tif`` and so on.

    Use it in a ``with`` block inside `gdal_env`; at its end the files are complete.

    Args:
        folder: where they lie; earlier ones are replaced.
        profile: what rasterio needs to create the raster itself: its size, type and compression.
        nodata: value that takes no part in a mean; None: there is none.
        mean: a pixel is the mean of four; else it is the upper left one of them (classes).
    """

    def __init__(self, folder: Path, profile: dict[str, Any], nodata: float | None, mean: bool) -> None:
        self._profile, self._nodata, self._mean = profile, nodata, mean
        self._files = ExitStack()
        self._levels: list[_Level] = []
        self.paths: list[Path] = []
        """The files, from the largest overview to the smallest."""
        width, height = profile["width"], profile["height"]
        while max(width, height) > BLOCK:
            width, height = -(-width // 2), -(-height // 2)
            self._levels.append(_Level(width, height, profile["dtype"]))
            self.paths.append(folder / f"overview-{2 ** len(self._levels)}.tif")

    def __enter__(self) -> Self:
        for level, path in zip(self._levels, self.paths):
            shape = {"width": level.width, "height": level.height}
            level.dataset = self._files.enter_context(rasterio.open(path, "w", **{**self._profile, **shape}))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def add(self, values: NDArray[Any]) -> None:
        """Take the next ``BLOCK`` rows [H, W] of the raster, from top to bottom; the last ones may be fewer."""
        rows = values
        for level in self._levels:
            step = max(_PIECE // rows.shape[1] // 2 * 2, 2)
            for top in range(0, len(rows), step):
                part = rows[top : top + step]
                level.add(halved(part, self._nodata) if self._mean else part[::2, ::2])
            full = level.full()
            if full is None:
                return
            rows = full


class _Level:
    """One overview, of which the rows that fill a row of blocks are held."""

    def __init__(self, width: int, height: int, dtype: str) -> None:
        self.width, self.height = width, height
        self.dataset: Any = None
        self._held = np.empty((min(BLOCK, height), width), dtype)
        self._filled = self._row = 0

    def add(self, values: NDArray[Any]) -> None:
        """Take the next rows; `full` must be asked before more come than fill a row of blocks."""
        self._held[self._filled : self._filled + len(values)] = values
        self._filled += len(values)

    def full(self) -> NDArray[Any] | None:
        """Write and return the rows held, valid until more come, once they fill a row of blocks or are the last."""
        if self._filled < len(self._held) and self._row + self._filled < self.height:
            return None
        rows = self._held[: self._filled]
        self.dataset.write(rows, 1, window=Window(0, self._row, self.width, self._filled))
        self._row, self._filled = self._row + self._filled, 0
        return rows


def halved(values: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """Return the mean of each 2×2 pixels without those that are nodata or no number; nodata where all are.

    Args:
        values: uint8, uint16 or float32 [H, W]; of an odd row or column, each pixel counts for its missing neighbour.
        nodata: None: every number counts.

    Returns:
        [ceil(H / 2), ceil(W / 2)] of the same type; whole numbers rounded half up.
    """
    height, width = values.shape
    if height % 2 or width % 2:
        values = np.pad(values, ((0, height % 2), (0, width % 2)), mode="edge")
    real = values.dtype.kind == "f"
    known = np.isfinite(values) if real else np.ones(values.shape, np.bool_)
    if nodata is not None:
        known &= values != nodata
    if known.all():
        total = _fours(values, _SUMS[str(values.dtype)])
        return (total / 4 if real else (total + 2) >> 2).astype(values.dtype)
    total = _fours(np.where(known, values, np.zeros(1, values.dtype)), _SUMS[str(values.dtype)])
    count = _fours(known, np.uint8)
    few = np.maximum(count, 1)
    mean = total / few if real else (total + (count >> 1)) // few
    blank = nodata if nodata is not None else np.nan if real else 0
    return np.where(count > 0, mean, np.array(blank, values.dtype)).astype(values.dtype)


def _fours(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Return the sum of each 2×2 values."""
    pairs = np.add(values[::2], values[1::2], dtype=dtype)
    return np.asarray(pairs[:, ::2] + pairs[:, 1::2])
