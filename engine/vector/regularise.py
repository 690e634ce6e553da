"""Regular outlines: straight walls and square corners where the data says so.

The raw outline follows pixel edges. It is first cut into walls (Douglas and Peucker 1973). The building's direction is
the one that most of the wall length agrees with, modulo 90 degrees (a weighted circular mean of four times the angle,
refined by the walls near it). Walls near that direction are turned into it and moved to the least-squares position of
the raw points they stand for; the others are fitted freely. Neighbouring walls then meet in their intersection, walls
that run on in parallel are joined or linked by a short square step.

This is done at three finenesses; taken is the one with the least sum of misfit and price of corners. Where it is
further from the raw outline than the tolerance, square pieces are put on or cut out. If the result still is not valid
or not within the tolerance, the raw outline is simplified within the tolerance, and if that fails too, kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.ops
from shapely.geometry.base import BaseGeometry

from .walls import Points, Ring, dominant_angle, fit_ring, refined_turn, simplified_indices

_PARALLEL_SHARE = 0.5
"""So much of the walls, by squared length, must agree with one direction for the building to be square at all."""
_CORNER_M = 0.006
"""So much must a corner bring the outlines together on average, in metres, to be worth having."""


@dataclass(frozen=True)
class RegulariseOptions:
    """How outlines are made regular.

    Attributes:
        tolerance_m: the furthest the result may lie from the raw outline, and the raw outline from it, in metres.
        gsd: size of the pixels whose edges the raw outline follows, in metres.
    """

    tolerance_m: float
    gsd: float


def regularise(raw: shapely.Polygon, options: RegulariseOptions) -> shapely.Polygon:
    """Return a valid polygon with straight walls for a raw outline along pixel edges; holes are kept.

    Coordinates must be metric. The Hausdorff distance of the two boundaries (the furthest that any point of either lies
    from the other) is at most the tolerance.
    """
    rings = [np.asarray(ring.coords)[:-1] for ring in (raw.exterior, *raw.interiors)]
    rough = min(max(1.2 * options.gsd, 0.04 * math.sqrt(raw.area), 0.5), 1.2)
    angle, share = dominant_angle(rings[0], rough)
    best = _best_fit(raw, rings, angle, options) if share >= _PARALLEL_SHARE else None
    if best is None:
        best = _simplified(raw, rings, options)
    return raw if best is None else best


def hausdorff(first: shapely.Polygon, second: shapely.Polygon, step: float) -> float:
    """Return the Hausdorff distance of two boundaries, sampled every ``step``: at most step / 2 too small."""
    one, other = first.boundary, second.boundary
    there = shapely.distance(shapely.points(shapely.get_coordinates(shapely.segmentize(one, step))), other)
    back = shapely.distance(shapely.points(shapely.get_coordinates(shapely.segmentize(other, step))), one)
    return float(max(there.max(), back.max()))


def _best_fit(
    raw: shapely.Polygon, rings: list[Points], angle: float, options: RegulariseOptions
) -> shapely.Polygon | None:
    """Return the fit with the best balance of closeness and simplicity among those that keep the tolerance."""
    steps = _step_sizes(options)
    angle += refined_turn(Ring.of(rings[0] @ _turn(angle), options.gsd), 0.5 * steps[0])
    turn = _turn(angle)
    turned = [Ring.of(ring @ turn, options.gsd) for ring in rings]
    found: list[tuple[float, int, list[Points]]] = []
    for number, step in enumerate(steps):
        fitted = [fit_ring(ring, step, options.gsd) for ring in turned]
        if fitted[0] is None:
            continue
        # a hole too small to have walls stays as it is
        kept = [ring.corners if new is None else new for ring, new in zip(turned, fitted)]
        away = np.concatenate([_distances(ring.samples, new) for ring, new in zip(turned, kept)])
        misfit = float(away.mean())
        found.append((misfit + _CORNER_M * sum(len(new) for new in kept), number, kept))
        if misfit < 0.25 * options.gsd + 6 * _CORNER_M and away.max() < options.tolerance_m - options.gsd:
            break  # half a dozen corners more could not pay for themselves
    if not found:
        return None
    truth = shapely.Polygon(turned[0].corners, [ring.corners for ring in turned[1:]])
    for _, _, kept in sorted(found, key=lambda item: item[:2]):
        polygon = _whole(shapely.Polygon(kept[0], kept[1:]))
        if polygon is not None and not _within(truth, polygon, options):
            polygon = _patched(truth, polygon, options)
        if polygon is not None:
            back: shapely.Polygon = shapely.transform(polygon, lambda points: points @ turn.T)
            if back.is_valid:
                return back
    return None


def _turn(angle: float) -> Points:
    """Return the matrix that brings row vectors into the frame of a building."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _whole(polygon: BaseGeometry) -> shapely.Polygon | None:
    """Return the polygon, made valid where that costs next to nothing, else None."""
    if not polygon.is_valid:
        polygon = polygon.buffer(0)
    if polygon.geom_type == "MultiPolygon":
        largest = max(polygon.geoms, key=lambda part: part.area)
        polygon = largest if largest.area > 0.97 * polygon.area else shapely.Polygon()
    return polygon if polygon.geom_type == "Polygon" and not polygon.is_empty else None


def _patched(raw: shapely.Polygon, fitted: shapely.Polygon, options: RegulariseOptions) -> shapely.Polygon | None:
    """Return the fit with square pieces put on and cut out where it is too far from the raw outline, or None.

    Both polygons lie in the building's frame.
    """
    limit = max(options.tolerance_m - options.gsd, options.tolerance_m / 2)
    border = fitted.boundary
    added = [_reaching(core, border, limit) for core in _parts(raw.difference(fitted.buffer(limit)))]
    taken = [_reaching(core, border, limit) for core in _parts(fitted.buffer(-limit).difference(raw))]
    # where the fit itself strays, the raw outline stands in for it
    added += [_around(core, limit).intersection(raw) for core in _parts(raw.buffer(-limit).difference(fitted))]
    taken += [_around(core, limit).difference(raw) for core in _parts(fitted.difference(raw.buffer(limit)))]
    polygon = _whole(fitted.union(shapely.unary_union(added)).difference(shapely.unary_union(taken)))
    if polygon is not None:
        polygon = _whole(polygon.simplify(options.gsd / 2))
    return polygon if polygon is not None and _within(raw, polygon, options) else None


def _parts(shape: BaseGeometry) -> list[shapely.Polygon]:
    return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]


def _reaching(core: shapely.Polygon, border: BaseGeometry, limit: float) -> shapely.Polygon:
    """Return the box of a piece, made longer so that it reaches the border, which is ``limit`` away."""
    x0, y0, x1, y1 = core.bounds
    here, there = shapely.ops.nearest_points(core, border)
    dx, dy = there.x - here.x, there.y - here.y
    reach = 1.05 * limit + 1e-3
    if abs(dx) >= abs(dy):
        x0, x1 = (x0 - reach, x1) if dx < 0 else (x0, x1 + reach)
    else:
        y0, y1 = (y0 - reach, y1) if dy < 0 else (y0, y1 + reach)
    return shapely.box(x0, y0, x1, y1)


def _around(core: shapely.Polygon, limit: float) -> shapely.Polygon:
    x0, y0, x1, y1 = core.bounds
    return shapely.box(x0 - limit, y0 - limit, x1 + limit, y1 + limit)


def _step_sizes(options: RegulariseOptions) -> tuple[float, ...]:
    """Return the sizes, in metres, under which a step in a wall counts as noise: coarse to fine."""
    finest = 2.2 * options.gsd
    coarse = max(min(1.5, 1.5 * options.tolerance_m), finest)
    return tuple(sorted({coarse, max(0.6 * coarse, finest), finest}, reverse=True))


def _distances(points: Points, ring: Points) -> Points:
    """Return the distance of each point from a closed ring."""
    begin, side = ring, np.roll(ring, -1, axis=0) - ring
    size = np.maximum((side**2).sum(axis=1), 1e-18)
    dx = points[:, 0, None] - begin[None, :, 0]
    dy = points[:, 1, None] - begin[None, :, 1]
    share = np.clip((dx * side[:, 0] + dy * side[:, 1]) / size, 0, 1)
    away: Points = np.hypot(dx - share * side[:, 0], dy - share * side[:, 1]).min(axis=1)
    return away


def _within(raw: shapely.Polygon, polygon: shapely.Polygon, options: RegulariseOptions) -> bool:
    """Return whether the Hausdorff distance is surely within the tolerance; sampled, so a little less is allowed."""
    step = options.gsd
    limit = max(options.tolerance_m - step / 2, step / 2)
    return _near(raw.boundary, polygon.boundary, step, limit) and _near(polygon.boundary, raw.boundary, step, limit)


def _near(line: BaseGeometry, other: BaseGeometry, step: float, limit: float) -> bool:
    shapely.prepare(other)
    places = shapely.points(shapely.get_coordinates(shapely.segmentize(line, step)))
    return bool(shapely.dwithin(other, places, limit).all())


def _simplified(raw: shapely.Polygon, rings: list[Points], options: RegulariseOptions) -> shapely.Polygon | None:
    """Return the raw outline with fewer corners, or None if that is not valid within the tolerance."""
    coarse = min(max(1.2 * options.gsd, 0.6), 0.8 * options.tolerance_m)
    for size in (coarse, coarse / 2):
        kept = [ring[simplified_indices(ring, size)] for ring in rings]
        if all(len(ring) >= 3 for ring in kept):
            polygon = shapely.Polygon(kept[0], kept[1:])
            if polygon.is_valid and _within(raw, polygon, options):
                return polygon
    return None
