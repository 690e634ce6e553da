"""Streets and blocks: from an area and a seed to a plan."""

from __future__ import annotations

import math

from numpy.random import Generator

from .blocks import fill_block
from .chance import choose, choose_key
from .clutter import Wire
from .ground import Road, Soil
from .local_roofs import draw_local_roofs
from .plan import District, Plan, Plot, make_soil
from .styles import STYLE_WEIGHTS, STYLES, Style
from .terrain import draw_terrain

Bounds = tuple[float, float, float, float]


def draw_plan(rng: Generator, bounds: Bounds, styles: dict[str, float], balance: float, max_slope: float) -> Plan:
    """Return a plan of one district over ``bounds`` (x0, y0, x1, y1 in metres)."""
    style = STYLES[choose_key(rng, styles or STYLE_WEIGHTS)]
    terrain = draw_terrain(rng, bounds, max_slope, 0.2)
    base = make_soil(rng, *style.yard[int(rng.integers(len(style.yard)))])
    plan = Plan(terrain, base)
    x0, y0, x1, y1 = bounds
    angle = float(rng.uniform(0, math.pi))
    district = District(plan, rng, style, (x0 + x1) / 2, (y0 + y1) / 2, angle, balance)
    reach = math.hypot(x1 - x0, y1 - y0) / 2
    # Blocks start anywhere: the streets of chips do not all run through their middle.
    u, v = rng.uniform(0, style.block_length[1]), rng.uniform(0, style.block_depth[1])
    fill_district(district, (-reach - u, -reach - v, reach, reach), bounds)
    return plan


def draw_town(rng: Generator, bounds: Bounds, styles: dict[str, float], balance: float, max_slope: float) -> Plan:
    """Return a plan of many districts on one terrain, about 250 m each, with main streets between them."""
    terrain = draw_terrain(rng, bounds, max_slope, 0.1)
    plan = Plan(terrain, make_soil(rng, "low_vegetation", "meadow", "dry_grass"), local_roofs=draw_local_roofs(rng))
    main = make_soil(rng, "impervious_surface", "asphalt", "asphalt")
    x0, y0, x1, y1 = bounds
    cx, cy, angle = (x0 + x1) / 2, (y0 + y1) / 2, float(rng.uniform(0, math.pi / 2))
    cos, sin = math.cos(angle), math.sin(angle)
    reach = math.hypot(x1 - x0, y1 - y0) / 2
    count = max(math.ceil(2 * reach / 250), 1)
    cell, street = 2 * reach / count, 10.0
    for i in range(count):
        for j in range(count):
            u, v = -reach + (i + 0.5) * cell, -reach + (j + 0.5) * cell
            style = STYLES[choose_key(rng, styles or STYLE_WEIGHTS)]
            turned = angle + (math.pi / 2 if rng.random() < 0.5 else 0.0)
            district = District(plan, rng, style, cx + u * cos - v * sin, cy + u * sin + v * cos, turned, balance)
            half = (cell - street) / 2
            fill_district(district, (-half, -half, half, half), bounds)
    for k in range(count + 1):
        t = -reach + k * cell
        for u0, v0, u1, v1 in ((t, -reach, t, reach), (-reach, t, reach, t)):
            plan.roads.append(
                Road(cx + u0 * cos - v0 * sin, cy + u0 * sin + v0 * cos, cx + u1 * cos - v1 * sin,
                     cy + u1 * sin + v1 * cos, street, main, marking="dashes")
            )  # fmt: skip
    return plan


def fill_district(district: District, plot: Plot, bounds: Bounds) -> None:
    """Cut a district into blocks with streets between them, and fill those that touch ``bounds`` (world metres)."""
    rng, style = district.rng, district.style
    soil = _street_soil(rng, style)
    walk_soil = make_soil(rng, "impervious_surface", "paving", "concrete")
    u0, v0, u1, v1 = plot
    for k, (va, vb, street) in enumerate(_cuts(rng, v0, v1, style.block_depth, style.street)):
        if vb < v1:
            _street(district, (u0, vb + street / 2, u1, vb + street / 2), street, soil, walk_soil, k % 2 == 0)
        for ua, ub, side in _cuts(rng, u0, u1, style.block_length, style.street):
            block = (ua, va, ub, vb)
            if ub - ua < 14 or vb - va < 10 or not _touches(district, block, bounds):
                continue
            if ub < u1:
                _street(district, (ub + side / 2, va, ub + side / 2, vb), side, soil, walk_soil, False)
            fill_block(district, choose_key(rng, style.blocks), block)


def _street_soil(rng: Generator, style: Style) -> Soil:
    family = style.street_soils[int(rng.integers(len(style.street_soils)))]
    cover = "impervious_surface" if family in ("asphalt", "concrete", "paving", "gravel") else "clutter"
    return make_soil(rng, cover, family, family)


def _cuts(
    rng: Generator, start: float, end: float, size: tuple[float, float], street: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """Return (start, end, width of the street behind it) of blocks from ``start`` to ``end``."""
    result = []
    at = start
    while at < end:
        width = float(rng.uniform(*street))
        stop = at + float(rng.uniform(*size))
        if end - stop < size[0] * 0.6:  # no sliver at the end
            stop = end
        result.append((at, min(stop, end), width))
        at = stop + width
    return result


def _touches(d: District, block: Plot, bounds: Bounds) -> bool:
    corners = d.corners(block)
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    x0, y0, x1, y1 = bounds
    return max(xs) > x0 and min(xs) < x1 and max(ys) > y0 and min(ys) < y1


def _street(d: District, line: Plot, width: float, soil: Soil, walk_soil: Soil, busy: bool) -> None:
    rng = d.rng
    paved = soil.cover == "impervious_surface"
    (xa, ya), (xb, yb) = d.world(line[0], line[1]), d.world(line[2], line[3])
    walk = float(rng.uniform(1.0, 2.2)) if paved and width > 7 else 0.0
    marking = choose(rng, ("none", "line", "dashes", "zebra"), (0.4, 0.2, 0.25, 0.15)) if paved else "none"
    ragged = 0.05 if paved else 0.5
    lift = float(rng.uniform(3.0, 8.0)) if paved and width > 6 and rng.random() < 0.025 else 0.0
    d.plan.roads.append(
        Road(xa, ya, xb, yb, max(width - 2 * walk, 2.0), soil, 0.0, marking, walk, walk_soil, ragged, lift)
    )
    length = math.hypot(line[2] - line[0], line[3] - line[1])
    along = math.atan2(line[3] - line[1], line[2] - line[0])
    cu, su = math.cos(along), math.sin(along)
    d.taken = []
    for _ in range(int(rng.poisson(length / 14 * d.style.cars * (1.0 if width > 5 else 0.3)))):
        t, side = rng.uniform(0, length), choose(rng, (-1, 1)) * max(width / 2 - walk - 1.1, 0.3)
        d.car(line[0] + t * cu - side * su, line[1] + t * su + side * cu, along)
    if busy and width > 7 and rng.random() < 0.4:  # an avenue
        step = rng.uniform(7, 13)
        for k in range(int(length / step)):
            for side in (-1, 1):
                offset = side * (width / 2 - 0.6)
                d.tree(line[0] + k * step * cu - offset * su, line[1] + k * step * su + offset * cu, 0.8)
    if busy and rng.random() < 0.35:  # a line of poles
        step, height = rng.uniform(28, 45), float(rng.uniform(6, 10))
        previous: tuple[float, float, float] | None = None
        for k in range(int(length / step)):
            u = line[0] + k * step * cu - (width / 2) * su
            v = line[1] + k * step * su + (width / 2) * cu
            d.thing("pole", u, v, 0.0, (0.3, 0.3, height), d.colour("soil", "concrete"))
            x, y = d.world(u, v)
            here = (x, y, d.plan.terrain.at(x, y) + height)
            if previous is not None:
                d.plan.wires.append(Wire(*previous, *here))
            previous = here
