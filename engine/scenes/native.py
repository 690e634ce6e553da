"""A sensor's own pixels: rasters come at the sensor's resolution and are warped onto the grid, in scenes as in life.

What a warper does to them is part of what a network sees: noise is smoothed, edges of a coarse surface are ramps.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas
from .noise import FloatArray


class NativeLattice:
    """The pixels of a sensor that cover a window of the grid; both lattices are anchored at the world's origin.

    Args:
        canvas: the window.
        ratio: side of a sensor's pixel in pixels of the grid.

    Raises:
        ValueError: if the ratio is not positive.
    """

    def __init__(self, canvas: Canvas, ratio: float) -> None:
        if not ratio > 0:
            raise ValueError(f"the ratio of pixel sizes must be positive, not {ratio}")
        height, width = canvas.shape
        self.ratio = ratio
        self.row0, self._rows, self._down = _axis(canvas.row0, height, ratio)
        self.col0, self._cols, self._across = _axis(canvas.col0, width, ratio)

    def onto(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values [..., H, W] of the grid at the centres of the sensor's pixels [..., h, w]."""
        return values[..., self._rows[:, None], self._cols[None, :]]

    def canvas(self, canvas: Canvas) -> Canvas:
        """Return a canvas as the sensor's pixels sample it."""
        layers = ("ground", "surface", "albedo", "cover", "roof_class", "building", "plane", "canopy", "water",
                  "roof_surface")  # fmt: skip
        sampled: dict[str, Any] = {name: self.onto(getattr(canvas, name)) for name in layers}
        return replace(canvas, gsd=canvas.gsd * self.ratio, row0=self.row0, col0=self.col0, **sampled)

    def back(self, values: FloatArray) -> FloatArray:
        """Return values [..., h, w] interpolated bilinearly onto the grid [..., H, W].

        NaN spreads no further than to the pixels whose nearest value it is: the known neighbours share its weight.
        """
        known = np.isfinite(values)
        if known.all():
            return _interpolate(_interpolate(values, self._down, -2), self._across, -1)
        weight = _interpolate(_interpolate(known.astype(np.float32), self._down, -2), self._across, -1)
        filled = np.where(known, values, np.float32(0))
        total = _interpolate(_interpolate(filled, self._down, -2), self._across, -1)
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=weight >= 0.5)


_Steps = tuple[NDArray[np.intp], FloatArray]
"""For each pixel of the grid: the sensor's pixel before it, and how far it lies towards the next."""


def _axis(start: int, length: int, ratio: float) -> tuple[int, NDArray[np.intp], _Steps]:
    """Return the first sensor pixel, the grid pixel under each sensor pixel's centre, and the way back."""
    centres = (np.arange(start, start + length) + 0.5) / ratio - 0.5
    before = np.floor(centres).astype(np.intp)
    first = int(before[0])
    count = int(before[-1]) + 2 - first
    under = np.floor((np.arange(first, first + count) + 0.5) * ratio).astype(np.intp) - start
    return first, np.clip(under, 0, length - 1), (before - first, (centres - before).astype(np.float32))


def _interpolate(values: FloatArray, steps: _Steps, axis: int) -> FloatArray:
    before, part = steps
    share = part[:, None] if axis == -2 else part
    low, high = np.take(values, before, axis), np.take(values, before + 1, axis)
    return np.asarray(low + (high - low) * share, np.float32)
