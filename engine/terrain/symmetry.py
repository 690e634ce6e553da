"""The eight symmetries of the square, applied to pictures and to height channels alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .height_channels import CHANNELS

SYMMETRIES = 8
"""How many there are: `turned` numbers them from 0, which leaves everything as it is."""


def turned(layers: NDArray[Any], symmetry: int) -> NDArray[Any]:
    """Return [..., H, W] under one of the eight symmetries of the square.

    Bit 0 of ``symmetry`` mirrors x, bit 1 y, bit 2 transposes, in this order; 3 is half a turn.
    """
    if symmetry & 1:
        layers = layers[..., ::-1]
    if symmetry & 2:
        layers = layers[..., ::-1, :]
    if symmetry & 4:
        layers = layers.swapaxes(-1, -2)
    return np.ascontiguousarray(layers)


def turned_back(layers: NDArray[Any], symmetry: int) -> NDArray[Any]:
    """Return [..., H, W] as it was before `turned`: a view, since it is mostly for adding to something."""
    if symmetry & 4:
        layers = layers.swapaxes(-1, -2)
    if symmetry & 2:
        layers = layers[..., ::-1, :]
    return layers[..., ::-1] if symmetry & 1 else layers


def turned_channels(
    channels: NDArray[np.float32], symmetry: int, names: Sequence[str] = CHANNELS
) -> NDArray[np.float32]:
    """Return height channels [..., C, H, W] under a symmetry: of slopes, mirroring flips one, transposing swaps both.

    Args:
        channels: as `height_channels` makes them, or some of them.
        symmetry: see `turned`.
        names: of the channels, in order.
    """
    result = turned(channels, symmetry)
    x, y = (names.index(name) if name in names else None for name in ("slope_x", "slope_y"))
    if symmetry & 1 and x is not None:
        result[..., x, :, :] *= -1
    if symmetry & 2 and y is not None:
        result[..., y, :, :] *= -1
    if symmetry & 4 and x is not None and y is not None:
        result[..., [x, y], :, :] = result[..., [y, x], :, :]
    return result
