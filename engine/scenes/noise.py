"""Noise that costs a slice: periodic fields made once per process and read at absolute pixel positions.

Reading at absolute positions makes textures independent of the window that is drawn, so that blocks of one scene fit
together without a seam.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

PERIOD = 512
"""Pixels after which a field repeats."""
SCALES = (0.0, 0.7, 1.4, 3.0, 6.0, 12.0, 24.0, 48.0)
"""Standard deviations, in pixels, of the blur that makes each field; 0 is white noise."""


@lru_cache(maxsize=len(SCALES))
def _field(level: int) -> FloatArray:
    """Return one field twice over on both axes, [2 * PERIOD, 2 * PERIOD], mean 0 and standard deviation 1."""
    rng = np.random.default_rng((20241, level))
    white = rng.standard_normal((PERIOD, PERIOD), dtype=np.float32)
    if SCALES[level] > 0:
        frequency = np.fft.fftfreq(PERIOD)
        decay = np.exp(-2.0 * (np.pi * SCALES[level] * frequency) ** 2)
        white = np.fft.ifft2(np.fft.fft2(white) * decay[:, None] * decay[None, :]).real.astype(np.float32)
    white -= white.mean()
    white /= white.std()
    return np.tile(white, (2, 2))


def noise(scale_px: float, row: int, col: int, height: int, width: int, key: int = 0) -> FloatArray:
    """Return a read-only window [height, width] of unit-variance noise.

    Args:
        scale_px: size of its blobs in pixels (the nearest field is taken); 0 for white noise.
        row: absolute row of the window's first pixel.
        col: absolute column of the window's first pixel.
        height: rows.
        width: columns.
        key: fields of different keys are unrelated (shifted against each other).
    """
    level = 0 if scale_px <= 0.35 else 1 + int(np.argmin([abs(np.log(scale_px / s)) for s in SCALES[1:]]))
    field = _field(level)
    row, col = (row + key * 197 + (key >> 3) * 61) % PERIOD, (col + key * 331 + (key >> 5) * 89) % PERIOD
    if row + height <= 2 * PERIOD and col + width <= 2 * PERIOD:
        return field[row : row + height, col : col + width]
    rows = np.arange(row, row + height) % PERIOD
    cols = np.arange(col, col + width) % PERIOD
    return field[np.ix_(rows, cols)]


def cell_noise(i: NDArray[np.int32], j: NDArray[np.int32], key: int = 0) -> FloatArray:
    """Return a unit-variance value, in their shape, for cells (i, j): the same cell always gives the same value."""
    return _field(0)[(i + key * 197) % PERIOD, (j + key * 331) % PERIOD]
