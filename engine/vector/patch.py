"""Square pieces put on a fitted outline and cut out of it where the two stray too far apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
import shapely.ops
from shapely.geometry.base import BaseGeometry

from .nearness import Points


def patched(raw: shapely.Polygon, fitted: shapely.Polygon, limit: float) -> BaseGeometry:
    """Return the fit with pieces put on and cut out, so that both outlines lie about ``limit`` apart at most.

    Args:
        raw: what the fit should follow.
        fitted: the fit; both in the building's frame.
        limit: metres.
    """
    added: list[shapely.Polygon] = []
    taken: list[shapely.Polygon] = []
    shapely.prepare(fitted)
    for run in _strays(raw, fitted.boundary, limit):
        # it crosses the fit nowhere, so it lies on one side
        pieces = taken if shapely.contains_xy(fitted, *run[0]) else added
        pieces.append(_reaching(run, fitted.boundary, limit))
    shape = fitted.union(shapely.union_all(added)).difference(shapely.union_all(taken))
    # where the fit itself strays, the raw outline stands in for it
    around = shapely.union_all([_box(run, limit) for run in _strays(fitted, raw.boundary, limit)])
    return shape.difference(around).union(around.intersection(raw)) if not around.is_empty else shape


def _strays(polygon: shapely.Polygon, border: BaseGeometry, limit: float) -> list[Points]:
    """Return the runs of places, along the rings of a polygon, that lie further than ``limit`` from a border."""
    shapely.prepare(border)
    runs = []
    for ring in (polygon.exterior, *polygon.interiors):
        places = shapely.get_coordinates(shapely.segmentize(ring, limit / 2))[:-1]
        runs += _runs(places, ~shapely.dwithin(border, shapely.points(places), limit))
    return runs


def _runs(places: Points, chosen: npt.NDArray[np.bool_]) -> list[Points]:
    """Return the runs of chosen places around a ring."""
    if not chosen.any():
        return []
    begin = int(np.argmin(chosen))  # the first that is not chosen: no run goes on past it
    places, chosen = np.roll(places, -begin, axis=0), np.roll(chosen, -begin)
    ends = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))
    return [places[first:last] for first, last in zip(ends[::2], ends[1::2])]


def _reaching(run: Points, border: BaseGeometry, limit: float) -> shapely.Polygon:
    """Return the box of a run of places, made longer so that it reaches the border."""
    core = _box(run, 0.0)
    x0, y0, x1, y1 = core.bounds
    here, there = shapely.ops.nearest_points(core, border)
    dx, dy = there.x - here.x, there.y - here.y
    reach = 1.05 * max(limit, abs(dx), abs(dy)) + 1e-3
    if abs(dx) >= abs(dy):
        x0, x1 = (x0 - reach, x1) if dx < 0 else (x0, x1 + reach)
    else:
        y0, y1 = (y0 - reach, y1) if dy < 0 else (y0, y1 + reach)
    return shapely.box(x0, y0, x1, y1)


def _box(places: Points, margin: float) -> shapely.Polygon:
    (x0, y0), (x1, y1) = places.min(axis=0) - margin, places.max(axis=0) + margin
    return shapely.box(x0, y0, x1, y1)
