"""The weight window that blends overlapping tiles: separable, smooth, and summing to one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rising_weights(ramp: int) -> NDArray[np.float32]:
    """Return the weights with which a tile fades in over ``ramp`` pixels, seen by pixel centres.

    Half a period of a raised cosine: its slope is zero at both ends, so that neither the start nor the end of a blend
    can be seen. The neighbour fades out with `falling_weights`, which is one minus this, exactly, so that the
    two sum to one in float32 and a constant comes back as it was.

    Returns:
        float32 [ramp], rising between 0 and 1, both excluded.
    """
    phase = (np.arange(ramp) + 0.5) / max(ramp, 1)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def falling_weights(ramp: int) -> NDArray[np.float32]:
    """Return the weights with which a tile fades out: float32 [ramp], one minus `rising_weights`."""
    return np.float32(1) - rising_weights(ramp)
