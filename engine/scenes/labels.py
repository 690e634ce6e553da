"""Labels made from the layers: thin building outlines and distances to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from .canvas import BoolArray

FAR_PX = 32
"""Distances are capped here, pixels."""


def boundaries(building: NDArray[np.int32]) -> BoolArray:
    """Return the outline of every building [H, W]: its own outermost pixels, also between buildings that touch."""
    edge = np.zeros(building.shape, np.bool_)
    vertical = building[1:] != building[:-1]
    horizontal = building[:, 1:] != building[:, :-1]
    edge[1:] |= vertical
    edge[:-1] |= vertical
    edge[:, 1:] |= horizontal
    edge[:, :-1] |= horizontal
    return edge & (building > 0)


def signed_distance(building: NDArray[np.int32], boundary: BoolArray) -> NDArray[np.float32]:
    """Return the distance to the nearest outline in pixels [H, W], negative outside buildings, capped at FAR_PX."""
    if not boundary.any():
        return np.full(building.shape, -FAR_PX, np.float32)
    distance = distance_transform_cdt(~boundary, metric="chessboard").astype(np.float32)
    np.minimum(distance, FAR_PX, out=distance)
    return np.asarray(np.where(building > 0, distance, -distance), np.float32)
