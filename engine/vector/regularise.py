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
from shapely.geometry.base import BaseGeometry

from .nearness import Points, distances, near, within
from .patch import patched
from .walls import Indices, Ring, dominant_angle, fit_ring, refined_turn, simplified_indices

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
    from the other) is at most the tolerance. With one of less than a quarter of a pixel the outline stays as it is: no
    wall that is not along the pixels could be drawn straight.
    """
    if options.tolerance_m < options.gsd / 4:
        return raw
    rings = [shapely.get_coordinates(ring)[:-1] for ring in (raw.exterior, *raw.interiors)]
    origin = rings[0][0]  # near it, squares of coordinates keep their digits
    rings = [ring - origin for ring in rings]
    rough = min(max(1.2 * options.gsd, 0.04 * math.sqrt(raw.area), 0.5), 1.2)
    steps = _step_sizes(options)
    slacks = [max(1.2 * options.gsd, 0.3 * step) for step in steps]
    kept = [simplified_indices(ring, [rough, 0.5 * steps[0], *slacks]) for ring in rings]
    angle, share = dominant_angle(rings[0][kept[0][0]])
    truth = _polygon(rings)
    best = _best_fit(truth, rings, kept, angle, options) if share >= _PARALLEL_SHARE else None
    if best is None:
        best = _simplified(truth, rings, options)
    back = raw if best is None else _polygon([ring + origin for ring in _rings(best)])
    return back if back.is_valid else raw


def _best_fit(
    raw: shapely.Polygon, rings: list[Points], kept: list[list[Indices]], angle: float, options: RegulariseOptions
) -> shapely.Polygon | None:
    """Return the fit with the best balance of closeness and simplicity among those that keep the tolerance."""
    steps = _step_sizes(options)
    flat = [Ring.of(ring, options.gsd) for ring in rings]
    turn = _turn(angle + refined_turn(flat[0].turned(_turn(angle)), kept[0][1]))
    turned = [ring.turned(turn) for ring in flat]
    found: list[tuple[float, int, list[Points], float]] = []
    for number, step in enumerate(steps):
        fitted = [fit_ring(ring, places[2 + number], step, options.gsd) for ring, places in zip(turned, kept)]
        if fitted[0] is None:
            continue
        # a hole too small to have walls stays as it is
        ends = [ring.corners if new is None else new for ring, new in zip(turned, fitted)]
        away = np.concatenate([distances(ring.samples, new) for ring, new in zip(turned, ends)])
        misfit, most = float(away.mean()), float(away.max())
        found.append((misfit + _CORNER_M * sum(len(new) for new in ends), number, ends, most))
        if misfit < 0.25 * options.gsd + 6 * _CORNER_M and most < options.tolerance_m - options.gsd:
            break  # half a dozen corners more could not pay for themselves
    if not found:
        return None
    truth = _polygon([ring.corners for ring in turned])
    for _, _, ends, most in sorted(found, key=lambda item: item[:2]):
        polygon = _whole(_polygon(ends))
        # the samples lie half a pixel apart
        sure = most + options.gsd / 4 <= options.tolerance_m
        if polygon is not None and not (sure and near(polygon.boundary, truth.boundary, options.tolerance_m)):
            polygon = _patched(truth, polygon, options)
        if polygon is not None:
            back = _polygon([ring @ turn.T for ring in _rings(polygon)])
            if back.is_valid:
                return back
    return None


def _turn(angle: float) -> Points:
    """Return the matrix that brings row vectors into the frame of a building."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _rings(polygon: shapely.Polygon) -> list[Points]:
    return [shapely.get_coordinates(ring)[:-1] for ring in (polygon.exterior, *polygon.interiors)]


def _polygon(rings: list[Points]) -> shapely.Polygon:
    outer, *holes = (shapely.linearrings(ring) for ring in rings)
    polygon: shapely.Polygon = shapely.polygons(outer, holes or None)
    return polygon


def _whole(polygon: BaseGeometry) -> shapely.Polygon | None:
    """Return the polygon, made valid where that costs next to nothing, else None."""
    if not polygon.is_valid:
        polygon = polygon.buffer(0)
    if polygon.geom_type == "MultiPolygon":
        largest = max(polygon.geoms, key=lambda part: part.area)
        polygon = largest if largest.area > 0.97 * polygon.area else shapely.Polygon()
    return polygon if polygon.geom_type == "Polygon" and not polygon.is_empty else None


def _patched(raw: shapely.Polygon, fitted: shapely.Polygon, options: RegulariseOptions) -> shapely.Polygon | None:
    """Return the fit brought within the tolerance of the raw outline by square pieces, or None."""
    polygon = _whole(patched(raw, fitted, max(options.tolerance_m - options.gsd, options.tolerance_m / 2)))
    if polygon is not None:
        polygon = _whole(polygon.simplify(options.gsd / 2))
    return polygon if polygon is not None and within(raw, polygon, options.tolerance_m) else None


def _step_sizes(options: RegulariseOptions) -> tuple[float, ...]:
    """Return the sizes, in metres, under which a step in a wall counts as noise: coarse to fine."""
    finest = 2.2 * options.gsd
    coarse = max(min(1.5, 1.5 * options.tolerance_m), finest)
    return tuple(sorted({coarse, max(0.6 * coarse, finest), finest}, reverse=True))


def _simplified(raw: shapely.Polygon, rings: list[Points], options: RegulariseOptions) -> shapely.Polygon | None:
    """Return the raw outline with fewer corners, or None if that is not valid within the tolerance."""
    coarse = min(max(1.2 * options.gsd, 0.6), 0.8 * options.tolerance_m)
    kept = [simplified_indices(ring, [coarse, coarse / 2]) for ring in rings]
    for number in (0, 1):
        ends = [ring[places[number]] for ring, places in zip(rings, kept)]
        if all(len(ring) >= 3 for ring in ends):
            polygon = _polygon(ends)
            if polygon.is_valid and within(raw, polygon, options.tolerance_m):
                return polygon
    return None
