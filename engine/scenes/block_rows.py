"""A block of long low rows, each under one roof, with deep gardens: much of what was built around the Mediterranean.

Seen from above such a row is a strip of one colour, like a street, and both of its faces are nearly as bright: what
tells it is a ridge, chimneys and skylights, straight edges, and the yards that end at it.
"""

from __future__ import annotations

from dataclasses import replace

from .buildings import Detail
from .chance import choose
from .palette import Colour, draw
from .plan import District, Plot
from .styles import GARDEN, GRAVELLED, PAVED, SANDY, TARRED


def long_rows(d: District, block: Plot) -> None:
    """Rows along both long sides of the block, terraces behind them, gardens between."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block)
    depth = rng.uniform(8.0, 14.0)
    for front, inward in ((v0, 1), (v1, -1)):
        if v1 - v0 < depth + 6 or rng.random() < 0.2:
            continue
        near = front + inward * choose(rng, (0.0, rng.uniform(1.5, 7.0)))
        u = u0 + choose(rng, (0.0, rng.uniform(0, 10)))
        while u < u1 - 12:
            end = min(u + rng.uniform(20, 110), u1)
            _row(d, u, end, near, inward * depth)
            _yards(d, u, end, near + inward * depth, inward, (v1 - v0) / 2)
            if abs(near - front) > 2:
                _fronts(d, u, end, front, near)
            u = end + choose(rng, (0.5, rng.uniform(3, 14)))
    middle = (v0 + v1) / 2
    d.scatter((u0, middle - 4, u1, middle + 4), d.style.trees * 2.0)
    d.scatter(block, d.style.trees)


def _row(d: District, start: float, end: float, near: float, depth: float) -> None:
    """One roof from ``start`` to ``end``, now and then in lengths that differ in shade, height or depth."""
    rng = d.rng
    name = choose(rng, ("gable", "other", "hipped_v1", "flat"), (0.78, 0.1, 0.08, 0.04))
    eave, pitch = float(rng.uniform(*d.style.eave)), d.pitch * float(rng.uniform(0.9, 1.1))
    count = choose(rng, (1, 2, 3, 5), (0.4, 0.25, 0.2, 0.15))
    step, back = choose(rng, (0.0, rng.uniform(0.1, 0.9))), choose(rng, (0.0, rng.uniform(-1.5, 1.5)))
    own: tuple[Colour, Colour, float] | None = None
    for k in range(count):
        a, b = (start + (end - start) * (k + i) / count for i in (0, 1))
        v = near + (back if k % 2 else 0.0)
        house = _plot(a, v, b, v + depth)
        shade = float(rng.uniform(0.9, 1.12)) if rng.random() < 0.5 else 1.0
        colours = None if own is None else (_lighter(own[0], shade), _lighter(own[1], shade), own[2])
        d.building(house, name, eave + step * (k % 2), ridge_along_u=True, colours=colours, pitch=pitch)
        last = d.plan.buildings[-1]
        own = (last.colour, last.stain_colour, last.stain_share) if own is None else own
        if name != "flat":
            d.plan.buildings[-1] = replace(last, details=last.details + _on_top(d, last.outline.bounds))


def _plot(u0: float, front: float, u1: float, back: float) -> Plot:
    """Return the plot between two lines along the street, whichever of them comes first."""
    return u0, min(front, back), u1, max(front, back)


def _lighter(colour: Colour, by: float) -> Colour:
    red, green, blue = (min(part * by, 0.95) for part in colour)
    return red, green, blue


def _on_top(d: District, bounds: tuple[float, float, float, float]) -> tuple[Detail, ...]:
    """Return the chimneys and skylights of a row: as many as it is long."""
    rng = d.rng
    p0, q0, p1, q1 = bounds
    houses, width = max((p1 - p0) / rng.uniform(5, 9), 1.0), q1 - q0
    details = []
    for _ in range(int(rng.poisson(houses * rng.uniform(0.2, 1.2)))):
        size = (float(rng.uniform(0.4, 1.6)), float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.4, 1.2)))
        place = (float(rng.uniform(p0 + 0.5, p1 - 0.5)), float(rng.normal(0, 0.14)) * width)
        details.append(Detail("box", *place, *size, d.colour("white", "concrete", "sand", "terracotta", "slate")))
    for _ in range(int(rng.poisson(houses * rng.uniform(0.0, 1.2)))):
        place = (float(rng.uniform(p0 + 0.8, p1 - 0.8)), choose(rng, (-1, 1)) * width * float(rng.uniform(0.1, 0.38)))
        dark = draw(rng, choose(rng, ("panel", "slate", "black", "white")))
        details.append(Detail("window", *place, float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.8, 1.3)), 0.03, dark))
    return tuple(details)


def _yards(d: District, start: float, end: float, rear: float, inward: int, reach: float) -> None:
    """Give each house a strip behind: a terrace, an annexe, a wall or hedge to the neighbour, trees."""
    rng = d.rng
    u, back = start, rear + inward * reach * rng.uniform(0.4, 1.0)
    while u < end - 3:
        width = min(rng.uniform(4.5, 9.0), end - u)
        plot = _plot(u, rear, u + width, back)
        if rng.random() < 0.5:
            d.area(plot, ragged=0.3)
        terrace = float(rng.uniform(1.5, 4.0))
        if rng.random() < 0.6:
            kind = (PAVED, PAVED, SANDY, GRAVELLED)[rng.integers(4)]
            d.area(_plot(u, rear, u + width, rear + inward * terrace), kind)
        if rng.random() < 0.35:
            annexe = _plot(u + 0.2, rear, u + width * rng.uniform(0.5, 0.97), rear + inward * terrace)
            d.building(annexe, choose(rng, ("flat", "other")), float(rng.uniform(2.2, 3.0)), 0.0, True)
        if rng.random() < d.style.hedges:
            d.hedge(u, rear + inward * 1.0, u, back)
        elif rng.random() < d.style.walls:
            d.wall(u, rear + inward * 0.3, u, back)
        if reach > 10 and rng.random() < 0.3:
            size = float(rng.uniform(1.8, 3.6))
            v = back - inward * (size / 2 + rng.uniform(0.5, 2.0))
            d.building((u + 0.4, v - size / 2, u + 0.4 + size, v + size / 2),
                       choose(rng, ("gable", "flat", "other")), float(rng.uniform(1.8, 2.4)), 0.0, True)  # fmt: skip
        if reach > 12 and rng.random() < 0.08:
            d.water((u + 0.8, min(rear, back) + 3, u + width - 0.8, min(rear, back) + 7), "pool", 0.0)
        d.live(plot)
        d.scatter(plot, d.style.trees * rng.uniform(0.5, 3.0))
        u += width


def _fronts(d: District, start: float, end: float, front: float, near: float) -> None:
    """Lay front gardens and parking places between the street and a row."""
    rng = d.rng
    u = start
    while u < end - 3:
        width = min(rng.uniform(4.5, 9.0), end - u)
        d.area(_plot(u, front, u + width, near), (GARDEN, TARRED, PAVED, GRAVELLED)[rng.integers(4)])
        if rng.random() < d.style.cars * 0.5:
            d.car(u + width / 2, (front + near) / 2, 1.57)
        elif rng.random() < 0.5:
            d.tree(u + width / 2, (front + near) / 2, 0.7, False)
        u += width
