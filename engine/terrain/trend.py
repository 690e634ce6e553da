"""The slope of the ground at large: a plane fitted around every block."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from .lattice import Bools, Floats

_STIFFNESS = 0.5
"""Added to the spread of the places, in blocks squared: a plane is not tilted by a handful of blocks in one line."""


def local_planes(heights: Floats, known: Bools, reach: int) -> npt.NDArray[np.float64]:
    """Return, for every block, the height of the plane that fits the known blocks around it best, at its own place.

    Least squares, nearer blocks weighing more (a triangle along both axes). A plane comes back as it is but for a small
    part of its tilt, up to the rim too. The sums have a fixed order, so windows agree bit for bit beyond ``reach`` from
    their rim.

    Args:
        heights: float32 [h, w]; any value where not known.
        known: bool [h, w].
        reach: blocks that count to each side.

    Returns:
        float64 [h, w]; 0 where no known block is within reach.
    """
    place = np.arange(-reach, reach + 1, dtype=np.float64)
    kernels = [(1 - np.abs(place) / (reach + 1)) * place**power for power in range(3)]

    def moment(values: npt.NDArray[np.float64], x: int, y: int) -> npt.NDArray[np.float64]:
        """Return the weighted sum of values * dx^x * dy^y around every block."""
        across = correlate1d(values, kernels[x], axis=1, mode="constant")
        total: npt.NDArray[np.float64] = correlate1d(across, kernels[y], axis=0, mode="constant")
        return total

    one, z = known.astype(np.float64), np.where(known, heights, np.float32(0)).astype(np.float64)
    weight = moment(one, 0, 0)
    safe = np.where(weight > 0, weight, 1.0)
    x, y, mean = moment(one, 1, 0) / safe, moment(one, 0, 1) / safe, moment(z, 0, 0) / safe
    xx = moment(one, 2, 0) / safe - x * x + _STIFFNESS
    yy = moment(one, 0, 2) / safe - y * y + _STIFFNESS
    xy = moment(one, 1, 1) / safe - x * y
    xz, yz = moment(z, 1, 0) / safe - x * mean, moment(z, 0, 1) / safe - y * mean
    determinant = xx * yy - xy * xy
    along_x = (yy * xz - xy * yz) / determinant
    along_y = (xx * yz - xy * xz) / determinant
    planes: npt.NDArray[np.float64] = mean - along_x * x - along_y * y
    return planes
