"""Housing estates around courts: rows of alike blocks under pitched roofs of one colour, cars parked between them.

Built by the thousand on the rims of growing cities. A whole estate has one roof, often as pale and as smooth as the
yards around it: what tells a roof there is its ridge, its straight eaves, its height over the cars, and its neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .block_open import parking
from .chance import choose
from .palette import Colour
from .plan import District, Plot
from .roof_choice import roof_colours
from .styles import DRY, EARTH, GARDEN, GRAVELLED, LAWN, PAVED, RED_EARTH, TARRED


@dataclass(frozen=True)
class _Kind:
    """What all houses of an estate have in common."""

    roof: str
    eave: float
    depth: float
    length: tuple[float, float]
    colours: tuple[Colour, Colour, float]
    ground: tuple[str, str, str]
    bay_m: float  # how often entrances jut out of the front; 0: none do


def courts(d: District, block: Plot) -> None:
    """Courts side by side: houses on two to four sides of each, parked cars in its middle."""
    rng = d.rng
    u0, v0, u1, v1 = block
    kind = _Kind(
        roof=choose(rng, ("gable", "hipped_v1", "flat", "other"), (0.66, 0.2, 0.08, 0.06)),
        eave=float(rng.uniform(*d.style.eave)),
        depth=float(rng.uniform(7.0, 12.0)),
        length=(float(rng.uniform(14, 24)), float(rng.uniform(24, 48))),
        colours=roof_colours(rng, d.material, d.family, d.plan.local_roofs),
        ground=(TARRED, TARRED, PAVED, GRAVELLED, DRY, EARTH, RED_EARTH)[rng.integers(7)],
        bay_m=choose(rng, (0.0, rng.uniform(8, 15)), (0.6, 0.4)),
    )
    d.area(block, kind.ground)
    if rng.random() < 0.5:
        for a, b, c, e in ((u0, v0, u1, v0), (u0, v1, u1, v1), (u0, v0, u0, v1), (u1, v0, u1, v1)):
            d.wall(a, b, c, e)
    width = rng.uniform(36, 62)
    u = u0 + 1.5
    while u < u1 - 22:
        end = min(u + width, u1 - 1.5)
        _court(d, (u, v0 + 1.5, end, v1 - 1.5), kind)
        u = end + choose(rng, (rng.uniform(1, 4), rng.uniform(5, 9)))
    d.scatter(block, d.style.trees)


def _court(d: District, plot: Plot, kind: _Kind) -> None:
    rng = d.rng
    u0, v0, u1, v1 = plot
    garden = float(choose(rng, (rng.uniform(0, 2), rng.uniform(3, 7))))
    sides = [side for side in ("v0", "v1", "u0", "u1") if rng.random() < 0.85]
    clear = kind.depth + garden + 1.5
    for side in sides:
        if side[0] == "v":
            near = v0 + garden if side == "v0" else v1 - garden - kind.depth
            _row(d, kind, u0, u1, near, True)
            strip = (u0, v0, u1, near) if side == "v0" else (u0, near + kind.depth, u1, v1)
        else:
            near = u0 + garden if side == "u0" else u1 - garden - kind.depth
            # where two sides meet at a corner, the shorter one stops before the other
            _row(d, kind, v0 + clear, v1 - clear, near, False)
            strip = (u0, v0, near, v1) if side == "u0" else (near + kind.depth, v0, u1, v1)
        if garden > 2.5:
            _gardens(d, strip, side[0] == "v")
    middle = (u0 + clear, v0 + clear, u1 - clear, v1 - clear)
    if middle[2] - middle[0] > 9 and middle[3] - middle[1] > 6:
        if rng.random() < 0.75:
            parking(d, middle)
        else:
            d.area(middle, (LAWN, DRY, kind.ground)[rng.integers(3)], 0.6)
            d.live(middle)


def _row(d: District, kind: _Kind, start: float, end: float, near: float, along_u: bool) -> None:
    """Houses end to end or with gaps between them, from ``start`` to ``end``."""
    rng = d.rng
    t = start + rng.uniform(0, 3)
    while t < end - 9:
        length = min(rng.uniform(*kind.length), end - t)
        t += length
        if length < 9 or rng.random() < 0.05:
            continue
        a, b = t - length, t
        house = (a, near, b, near + kind.depth) if along_u else (near, a, near + kind.depth, b)
        shade = float(rng.uniform(0.93, 1.08))
        colours = (_shaded(kind.colours[0], shade), kind.colours[1], kind.colours[2])
        eave = kind.eave + float(rng.normal(0, 0.15))
        d.building(house, kind.roof, eave, ridge_along_u=along_u, colours=colours)
        if kind.bay_m:
            side = choose(rng, ("+", "-")) + ("v" if along_u else "u")
            d.ledges(side, rng.uniform(0.8, 1.8), eave - rng.uniform(0.0, 0.6), min(2.5 / kind.bay_m, 0.6), colours[0])
        t += choose(rng, (rng.uniform(0.8, 2.5), rng.uniform(3, 9)))


def _shaded(colour: Colour, by: float) -> Colour:
    red, green, blue = (min(part * by, 0.95) for part in colour)
    return red, green, blue


def _gardens(d: District, strip: Plot, along_u: bool) -> None:
    """Cut the strip behind a row into small plots: sheds, fences, shrubs, washing places."""
    rng = d.rng
    u0, v0, u1, v1 = strip
    step = rng.uniform(5, 9)
    start, end = (u0, u1) if along_u else (v0, v1)
    for k in range(max(int((end - start) / step), 0)):
        t = start + k * step
        plot = (t, v0, t + step, v1) if along_u else (u0, t, u1, t + step)
        if rng.random() < 0.6:
            d.area(plot, (GARDEN, LAWN, PAVED, EARTH)[rng.integers(4)], 0.3)
        if rng.random() < 0.4:
            d.wall(plot[0], plot[1], plot[2] if not along_u else plot[0], plot[3] if along_u else plot[1])
        size = float(rng.uniform(1.6, 3.0))
        u, v = rng.uniform(plot[0], plot[2]), rng.uniform(plot[1], plot[3])
        if rng.random() < 0.25 and d.free(u, v, size):
            d.building((u - size / 2, v - size / 2, u + size / 2, v + size / 2), choose(rng, ("flat", "other")),
                       float(rng.uniform(1.9, 2.4)), 0.0, True)  # fmt: skip
        elif d.free(u, v, 0.8):
            d.tree(u, v, 0.8, False)
        if rng.random() < d.style.cars * 0.2 and d.free(u, v, 2.5):
            d.car(u, v, choose(rng, (0.0, math.pi / 2)))
