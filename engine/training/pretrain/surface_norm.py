"""Ways to bring a chip of a surface model to numbers that a network can take; which one the paper used is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...terrain.height_channels import CHANNELS, context_px, height_channels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_LEAST_RANGE_M = 1.0
"""A chip of bare ground is not stretched until its noise looks like houses."""
_NDSM_UNIT_M = 10.0


@dataclass(frozen=True)
class SurfaceNorm:
    """One way.

    Attributes:
        apply: takes float32 [H, W] in metres, bool [H, W], the GSD and the absolute column and row of the first pixel;
            gives float32 [channels, H, W], 0 where invalid.
        channels: that it gives.
        needs_context: whether pixels around the chip matter (then `context_px` of them are handed in and cut off).
        mirrored: channels that change their sign when the chip is flipped from left to right.
    """

    apply: Callable[[Floats, Bools, float, int, int], Floats]
    channels: int = 1
    needs_context: bool = False
    mirrored: tuple[int, ...] = ()

    def context(self, gsd: float) -> int:
        """Return how many pixels around a chip are wanted."""
        return context_px(gsd) if self.needs_context else 0


def _stretch(low_percent: float, high_percent: float) -> Callable[[Floats, Bools, float, int, int], Floats]:
    def apply(surface: Floats, valid: Bools, _gsd: float, _col0: int, _row0: int) -> Floats:
        if not valid.any():
            return np.zeros((1, *surface.shape), np.float32)
        low, high = np.percentile(surface[valid], [low_percent, high_percent])
        span = max(float(high - low), _LEAST_RANGE_M)
        share = np.clip((surface - low) / span, 0.0, 1.0)
        return _filled((share - 0.5) / 0.25, valid)

    return apply


def _mean_centred(surface: Floats, valid: Bools, _gsd: float, _col0: int, _row0: int) -> Floats:
    if not valid.any():
        return np.zeros((1, *surface.shape), np.float32)
    return _filled((surface - surface[valid].mean()) / _NDSM_UNIT_M, valid)


def _ndsm(surface: Floats, valid: Bools, gsd: float, col0: int, row0: int) -> Floats:
    logarithm = height_channels(surface, valid, gsd, col0, row0)[CHANNELS.index("height")]
    return _filled(np.sign(logarithm) * np.expm1(np.abs(logarithm)) / _NDSM_UNIT_M, valid)


def _filled(values: NDArray[np.floating], valid: Bools) -> Floats:
    return np.where(valid, values, 0.0).astype(np.float32)[None]


SURFACE_NORMS: dict[str, SurfaceNorm] = {
    "percentile": SurfaceNorm(_stretch(1, 99)),
    "min_max": SurfaceNorm(_stretch(0, 100)),
    "mean_centred": SurfaceNorm(_mean_centred),
    "ndsm": SurfaceNorm(_ndsm, needs_context=True),
    "height_channels": SurfaceNorm(height_channels, len(CHANNELS), True, (CHANNELS.index("slope_x"),)),
}
"""Name → way."""
