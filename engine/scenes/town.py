"""Streets and blocks: from an area and a seed to a plan."""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator

from .blocks import fill_block
from .clutter import Wire
from .ground import Road, Soil
from .plan import District, Plan, Plot, make_soil
from .styles import STYLE_WEIGHTS, STYLES, Style
from .terrain import draw_terrain

Bounds = tuple[float, float, float, float]


def draw_plan(rng: Generator, bounds: Bounds, styles: dict[str, float], balance: float, max_slope: float) -> Plan:
    """Return a plan of one district over ``bounds`` (x0, y0, x1, y1 in metres)."""
    style = STYLES[pick(rng, styles or STYLE_WEIGHTS)]
    terrain = draw_terrain(rng, bounds, max_slope, 0.35)
    base = make_soil(rng, *style.yard[int(rng.integers(len(style.yard)))])
    plan = Plan(terrain, base)
    add_district(plan, rng, style, bounds, balance, clip=False)
    return plan


def draw_town(rng: Generator, bounds: Bounds, styles: dict[str, float], balance: float, max_slope: float) -> Plan:
    """Return a plan of many districts on one terrain, about 250 m each, streets between them."""
    terrain = draw_terrain(rng, bounds, max_slope, 0.1)
    base = make_soil(rng, "low_vegetation", "meadow", "dry_grass")
    plan = Plan(terrain, base)
    x0, y0, x1, y1 = bounds
    nx, ny = max(round((x1 - x0) / 250), 1), max(round((y1 - y0) / 250), 1)
    main = make_soil(rng, "impervious_surface", "asphalt", "asphalt")
    for i in range(nx):
        for j in range(ny):
            cell = (x0 + (x1 - x0) * i / nx, y0 + (y1 - y0) * j / ny,
                    x0 + (x1 - x0) * (i + 1) / nx, y0 + (y1 - y0) * (j + 1) / ny)  # fmt: skip
            style = STYLES[pick(rng, styles or STYLE_WEIGHTS)]
            add_district(plan, rng, style, cell, balance, clip=True)
    for i in range(nx + 1):
        x = x0 + (x1 - x0) * i / nx
        plan.roads.append(Road(x, y0, x, y1, 9.0, main, marking="dashes"))
    for j in range(ny + 1):
        y = y0 + (y1 - y0) * j / ny
        plan.roads.append(Road(x0, y, x1, y, 9.0, main, marking="dashes"))
    return plan


def pick(rng: Generator, weights: dict[str, float]) -> str:
    """Return one key drawn by weight."""
    share = np.array(list(weights.values()), float)
    return list(weights)[int(rng.choice(len(share), p=share / share.sum()))]


def add_district(plan: Plan, rng: Generator, style: Style, bounds: Bounds, balance: float, clip: bool) -> None:
    """Add streets and filled blocks to a plan.

    Args:
        plan: what grows.
        rng: source of chance.
        style: the kind of place.
        bounds: x0, y0, x1, y1 in metres.
        balance: probability that a roof class is drawn without regard to the place.
        clip: True keeps blocks wholly inside ``bounds``; False lets them stand out.
    """
    x0, y0, x1, y1 = bounds
    angle = float(rng.uniform(0, math.pi))
    district = District(plan, rng, style, (x0 + x1) / 2, (y0 + y1) / 2, angle, balance)
    reach = math.hypot(x1 - x0, y1 - y0) / 2
    soil = _street_soil(rng, style)
    walk_soil = make_soil(rng, "impervious_surface", "paving", "concrete")
    vs = _cuts(rng, reach, style.block_depth, style.street)
    for k, (v, v_next, street) in enumerate(vs):
        _street(
            district, (-reach, v - street / 2, reach, v - street / 2), street, soil, walk_soil, k % 2 == 0, clip, bounds
        )
        us = _cuts(rng, reach, style.block_length, style.street)
        for u, u_next, side in us:
            block = (u, v, u_next - side, v_next - street)
            if block[2] - block[0] < 14 or block[3] - block[1] < 10:
                continue
            if not _touches(district, block, bounds, clip):
                continue
            _street(
                district, (u - side / 2, block[1], u - side / 2, block[3]), side, soil, walk_soil, False, clip, bounds
            )
            fill_block(district, pick(rng, style.blocks), block)


def _street_soil(rng: Generator, style: Style) -> Soil:
    family = style.street_soils[int(rng.integers(len(style.street_soils)))]
    cover = "impervious_surface" if family in ("asphalt", "concrete", "paving", "gravel") else "clutter"
    return make_soil(rng, cover, family, family)


def _cuts(
    rng: Generator, reach: float, size: tuple[float, float], street: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """Return (start, next start, street width) along one axis from -reach to reach."""
    result = []
    at = -reach - rng.uniform(0, size[1])
    while at < reach:
        width = float(rng.uniform(*street))
        following = at + float(rng.uniform(*size)) + width
        result.append((at, following, width))
        at = following
    return result


def _touches(d: District, block: Plot, bounds: Bounds, clip: bool) -> bool:
    corners = d.corners(block)
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    x0, y0, x1, y1 = bounds
    if clip:
        gap = 7.0
        return min(xs) > x0 + gap and max(xs) < x1 - gap and min(ys) > y0 + gap and max(ys) < y1 - gap
    return max(xs) > x0 and min(xs) < x1 and max(ys) > y0 and min(ys) < y1


def _street(
    d: District, line: Plot, width: float, soil: Soil, walk_soil: Soil, busy: bool, clip: bool, bounds: Bounds
) -> None:
    rng = d.rng
    if clip and not _touches(d, (line[0], line[1], line[2], line[3]), bounds, True):
        return
    paved = soil.cover == "impervious_surface"
    (xa, ya), (xb, yb) = d.world(line[0], line[1]), d.world(line[2], line[3])
    walk = float(rng.uniform(1.0, 2.2)) if paved and width > 7 else 0.0
    marking = str(rng.choice(["none", "line", "dashes", "zebra"], p=[0.4, 0.2, 0.25, 0.15])) if paved else "none"
    ragged = 0.05 if paved else 0.5
    d.plan.roads.append(Road(xa, ya, xb, yb, max(width - 2 * walk, 2.0), soil, 0.0, marking, walk, walk_soil, ragged))
    length = math.hypot(line[2] - line[0], line[3] - line[1])
    along = math.atan2(line[3] - line[1], line[2] - line[0])
    cu, su = math.cos(along), math.sin(along)
    d.taken = []
    for _ in range(int(rng.poisson(length / 14 * d.style.cars * (1.0 if width > 5 else 0.3)))):
        t, side = rng.uniform(0, length), rng.choice([-1, 1]) * max(width / 2 - walk - 1.1, 0.3)
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
