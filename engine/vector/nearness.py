"""How far outlines lie apart: whether within a tolerance, quickly, and points from a ring, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

Points = npt.NDArray[np.float64]

_PAIRS = 200_000
"""So many distances are worked out at once: memory stays bounded for outlines of any size."""
_ROUNDING_M = 1e-6
"""Far more than what rounding does to a distance."""


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
    sides = _Sides.of(other)
    for step in (tolerance, tolerance / 4, tolerance / 8):
        places = shapely.get_coordinates(shapely.segmentize(line, step))
        away = sides.distances(places)
        if _all_within(places, away, other, tolerance - step / 2):
            return True
        if not _all_within(places, away, other, tolerance):
            return False
    return False


def _all_within(places: Points, away: Points, line: BaseGeometry, limit: float) -> bool:
    """Return whether all places lie within the limit of a line, given how far ``away`` they are but for rounding.

    Outlines along pixel edges lie whole pixels apart: a distance that equals the limit is common, and is settled by
    shapely's exact predicate.
    """
    if (away > limit + _ROUNDING_M).any():
        return False
    doubtful = away > limit - _ROUNDING_M
    return not doubtful.any() or bool(shapely.dwithin(line, shapely.points(places[doubtful]), limit).all())


@dataclass(frozen=True)
class _Sides:
    """The straight sides of a line, made ready to measure distances from: a third of the time that shapely takes.

    Attributes:
        origin: float64 [2], near it coordinates keep their digits.
        along: float64 [3, k]: (x, y, 1) times it is how far along a side a place lies, from the side's middle.
        across: float64 [3, k]: ... and how far beside the side's straight line.
        half: float64 [k], half of each side's length.
    """

    origin: Points
    along: Points
    across: Points
    half: Points

    @classmethod
    def of(cls, line: BaseGeometry) -> _Sides:
        """Return the sides of one or several rings or lines."""
        places, number = shapely.get_coordinates(shapely.get_parts(line), return_index=True)
        origin = places[0]
        places = places - origin
        joined = number[1:] == number[:-1]
        begin, end = places[:-1][joined], places[1:][joined]
        side = end - begin
        length = np.hypot(side[:, 0], side[:, 1])
        # a place given twice is a side of any direction
        x, y = np.divide(side.T, length, out=np.full((2, len(side)), math.sqrt(0.5)), where=length > 0)
        middle_x, middle_y = ((begin + end) / 2).T
        along = np.stack([x, y, -(x * middle_x + y * middle_y)])
        across = np.stack([-y, x, y * middle_x - x * middle_y])
        return cls(origin, along, across, length / 2)

    def distances(self, places: Points) -> Points:
        """Return the distance of each place, float64 [n, 2], from the nearest side: float64 [n]."""
        here = np.ones((len(places), 3))
        np.subtract(places, self.origin, out=here[:, :2])
        out = np.empty(len(places))
        rows = max(1, _PAIRS // len(self.half))
        for first in range(0, len(places), rows):
            part = here[first : first + rows]
            beyond = np.abs(part @ self.along)
            beyond -= self.half
            np.maximum(beyond, 0, out=beyond)
            beyond *= beyond
            beside = part @ self.across
            beside *= beside
            beyond += beside
            out[first : first + rows] = beyond.min(axis=1)
        return np.sqrt(out, out=out)


def distances(points: Points, ring: Points) -> Points:
    """Return the distance of each point from a closed ring.

    Args:
        points: float64 [n, 2].
        ring: float64 [k, 2], open.
    """
    begin, side = ring, np.concatenate([ring[1:], ring[:1]]) - ring
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
