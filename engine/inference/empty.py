"""Tells whether anything stands above the ground in a piece of a surface model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..terrain.height_channels import CHANNELS, height_channels

STANDS_FROM_M = 1.5
"""What rises less than this above the local ground (cars, hedges, noise) is no building."""


def stands_out(surface: NDArray[Any], valid: NDArray[np.bool_], gsd: float, col0: int, row0: int) -> NDArray[np.bool_]:
    """Return where something stands above the ground, or where nobody knows.

    Args:
        surface: float32 [H, W], metres.
        valid: bool [H, W].
        gsd: metres per pixel.
        col0: absolute column of the first pixel.
        row0: absolute row of the first pixel.

    Returns:
        bool [H, W]; True also where the surface is unknown, so that no tile is skipped for want of data.
    """
    channels = height_channels(surface, valid, gsd, col0, row0)
    limit = np.float32(np.log1p(STANDS_FROM_M))
    narrow, wide = channels[CHANNELS.index("height")], channels[CHANNELS.index("height_wide")]
    found: NDArray[np.bool_] = (narrow > limit) | (wide > limit) | ~valid
    return found
