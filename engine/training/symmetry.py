"""The eight symmetries of the square, applied to pictures and to height channels alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..terrain.height_channels import CHANNELS

SLOPE_X, SLOPE_Y = CHANNELS.index("slope_x"), CHANNELS.index("slope_y")


def turned(layers: NDArray[Any], symmetry: int) -> NDArray[Any]:
    """Return [C, H, W] under one of the eight symmetries of the square: bit 0 mirrors x, bit 1 y, bit 2 transposes."""
    if symmetry & 1:
        layers = layers[:, :, ::-1]
    if symmetry & 2:
        layers = layers[:, ::-1, :]
    if symmetry & 4:
        layers = layers.transpose(0, 2, 1)
    return np.ascontiguousarray(layers)


def turned_channels(channels: NDArray[np.float32], symmetry: int) -> NDArray[np.float32]:
    """Return height channels [C, H, W] under a symmetry: of slopes, mirroring flips one, transposing swaps both."""
    result = turned(channels, symmetry)
    if symmetry & 1:
        result[SLOPE_X] *= -1
    if symmetry & 2:
        result[SLOPE_Y] *= -1
    if symmetry & 4:
        result[[SLOPE_X, SLOPE_Y]] = result[[SLOPE_Y, SLOPE_X]]
    return result
