"""Where ledges go along a building's walls."""

from __future__ import annotations

import math
from dataclasses import replace

from numpy.random import Generator
from shapely import LineString

from .buildings import Building
from .ledges import Ledge
from .palette import Colour

SIDES = ("+u", "+v", "-u", "-v")
"""Sides of a building by their direction in the district's frame, a right angle from one to the next."""

UNDER_ROOF_M = 0.1
"""Ledges reach so far under the roof, so that both are one shape."""


def with_ledges(
    building: Building,
    frame: float,
    side: str,
    depth: float,
    level: float,
    cover: float,
    colour: Colour,
    rng: Generator,
) -> Building:
    """Return the building with balconies, a porch or a canopy along one side, as far as a wall stands there.

    Round, low and turned buildings stay as they are.

    Args:
        building: what gets them.
        frame: direction of the district's u in the world, radians.
        side: one of ``SIDES``.
        depth: how far they stand out, metres.
        level: height of their top above the building's base, metres; kept under the eave.
        cover: share of the side that they take; below 1 they are pieces of some metres.
        colour: linear reflectance.
        rng: source of chance.
    """
    turned = building.angle - frame
    quarters = round(turned / (math.pi / 2))
    if building.outline.radius > 0 or building.eave < 2.5 or abs(turned - quarters * math.pi / 2) > 0.03:
        return building
    out_p, out_q = ((1, 0), (0, 1), (-1, 0), (0, -1))[(SIDES.index(side) - quarters) % 4]
    p0, q0, p1, q1 = building.outline.bounds
    length = q1 - q0 if out_p else p1 - p0
    pieces = 1 if cover >= 1 else max(int(length * cover / rng.uniform(2.5, 7.0)), 1)
    size = length * min(cover, 1.0) / pieces
    roof = building.outline.polygon().buffer(0.2)
    made = []
    for k in range(pieces):
        along = -length / 2 + (k + 0.5) * length / pieces
        p = (p1 if out_p > 0 else p0) if out_p else (p0 + p1) / 2 + along
        q = (q1 if out_q > 0 else q0) if out_q else (q0 + q1) / 2 + along
        half_p, half_q = abs(out_q) * size / 2, abs(out_p) * size / 2
        if not roof.contains(LineString([(p - half_p, q - half_q), (p + half_p, q + half_q)]).buffer(UNDER_ROOF_M)):
            continue
        step, wide = (depth - UNDER_ROOF_M) / 2, depth + UNDER_ROOF_M
        top, turn = min(level, building.eave - 0.3), math.pi / 2 if out_p else 0.0
        made.append(Ledge(p + out_p * step, q + out_q * step, size, wide, top, colour, turn))
    return replace(building, ledges=(*building.ledges, *made))
