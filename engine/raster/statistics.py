"""Count, mean, spread and extremes of a raster, gathered while its rows go by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIECE = 1 << 16  # numpy counts in eight bytes a pixel: a few pixels at a time


class Statistics:
    """Gathers what a raster's metadata says of its values; rows must come cut in the same way for the same bits.

    Args:
        nodata: value that does not count; None: every number counts.
    """

    def __init__(self, nodata: float | None) -> None:
        self._nodata = nodata
        self._pixels = self._count = 0
        self._total = self._squares = 0.0
        self._least, self._most = np.inf, -np.inf

    def add(self, values: NDArray[Any]) -> None:
        """Take rows [H, W], uint8, uint16 or float32."""
        self._pixels += values.size
        chosen, times = self._chosen(values)
        if chosen.size:
            self._count += int(times.sum())
            self._total += float((chosen * times).sum())
            self._squares += float((chosen * chosen * times).sum())
            self._least = min(self._least, float(chosen.min()))
            self._most = max(self._most, float(chosen.max()))

    def tags(self) -> dict[str, float]:
        """Return the values by GDAL's names for them; empty if no pixel counted."""
        if not self._count:
            return {}
        mean = self._total / self._count
        return {
            "STATISTICS_MAXIMUM": self._most,
            "STATISTICS_MEAN": mean,
            "STATISTICS_MINIMUM": self._least,
            "STATISTICS_STDDEV": max(self._squares / self._count - mean * mean, 0.0) ** 0.5,
            "STATISTICS_VALID_PERCENT": round(100.0 * self._count / self._pixels, 2),
        }

    def _chosen(self, values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values that count, and how often each does."""
        if values.dtype.kind == "u":  # few different values: count them
            size, flat = int(np.iinfo(values.dtype).max) + 1, values.ravel()
            counts = np.zeros(size, np.int64)
            for at in range(0, flat.size, _PIECE):
                counts += np.bincount(flat[at : at + _PIECE], minlength=size)
            if self._nodata is not None and 0 <= self._nodata < size:
                counts[int(self._nodata)] = 0
            present = np.flatnonzero(counts)
            return present.astype(np.float64), counts[present].astype(np.float64)
        valid = np.isfinite(values)
        if self._nodata is not None:
            valid &= values != self._nodata
        chosen = values[valid].astype(np.float64)
        return chosen, np.ones(chosen.shape)
