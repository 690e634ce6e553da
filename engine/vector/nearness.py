"""How far outlines lie apart: whether within a tolerance, quickly, and points from a ring, exactly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Points = npt.NDArray[np.float64]

_PAIRS = 200_000
"""So many distances are worked out at once: memory stays bounded for outlines of any size."""


def within(first: shapely.Polygon, second: shapely.Polygon, tolerance: float) -> bool:
    """Return whether the Hausdorff distance of two boundaries is surely within the tolerance.

    False also where it is within it by less than a sixteenth.
    """
    one, other = first.boundary, second.boundary
    return near(one, other, tolerance) and near(other, one, tolerance)


def near(line: BaseGeometry, other: BaseGeometry, tolerance: float) -> bool:
    """Return whether all of a line surely lies within the tolerance of another.

    Places s apart that lie within d show that what is between them lies within d + s / 2. So few places do where the
    lines are close, and only where they are not, many are asked.
    """
    shapely.prepare(other)
    for step in (tolerance, tolerance / 4, tolerance / 8):
        places = shapely.points(shapely.get_coordinates(shapely.segmentize(line, step)))
        if shapely.dwithin(other, places, tolerance - step / 2).all():
            return True
        if not shapely.dwithin(other, places, tolerance).all():
            return False
    return False


def distances(points: Points, ring: Points) -> Points:
    """Return the distance of each point from a closed ring.

    Args:
        points: float64 [n, 2].
        ring: float64 [k, 2], open.
    """
    begin, side = ring, np.roll(ring, -1, axis=0) - ring
    size = np.maximum((side**2).sum(axis=1), 1e-18)
    out = np.empty(len(points))
    rows = max(1, _PAIRS // len(ring))
    for first in range(0, len(points), rows):
        part = slice(first, first + rows)
        dx = points[part, 0, None] - begin[:, 0]
        dy = points[part, 1, None] - begin[:, 1]
        share = (dx * side[:, 0] + dy * side[:, 1]) / size
        np.clip(share, 0, 1, out=share)
        dx -= share * side[:, 0]
        dy -= share * side[:, 1]
        out[part] = (dx * dx + dy * dy).min(axis=1)
    return np.sqrt(out)
