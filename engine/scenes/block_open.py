"""Ways to fill a block without streets of houses: parks, fields, woods, water, squares, and churches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from .chance import choose
from .ground import Area, Road
from .plan import District, Plot
from .styles import DRY, EARTH, GARDEN, GRAVELLED, LAWN, PAVED, RED_EARTH, SANDY, TARRED

CROP = ("low_vegetation", "crop", "soil")


def park(d: District, block: Plot) -> None:
    """Lawns, paths, groups of trees, a pond."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, LAWN)
    for _ in range(int(rng.integers(1, 4))):
        v = rng.uniform(v0, v1)
        d.area((u0, v, u1, v + rng.uniform(1.5, 4)), (GRAVELLED, PAVED, TARRED, SANDY)[rng.integers(4)], 0.3)
    if rng.random() < 0.25:
        d.water((u0 + 4, v0 + 4, rng.uniform(min(u0 + 10, u1), u1), rng.uniform(min(v0 + 10, v1), v1)))
    if rng.random() < 0.3:  # a court for games
        u, v = rng.uniform(u0, max(u1 - 18, u0)), rng.uniform(v0, max(v1 - 12, v0))
        d.area((u, v, u + 34, v + 17), ("clutter", choose(rng, ("terracotta", "green_metal", "blue_metal")), "sand"))
    d.scatter(block, d.style.trees * rng.uniform(0.5, 3.0))


def field(d: District, block: Plot) -> None:
    """Strips of crops, ploughed or mown."""
    rng = d.rng
    u0, v0, u1, v1 = block
    v = v0
    while v < v1:
        depth = rng.uniform(12, 70)
        kind = (CROP, DRY, GARDEN, ("low_vegetation", "soil", "dry_grass"), ("low_vegetation", "red_soil", "crop"))
        d.area((u0, v, u1, min(v + depth, v1)), kind[rng.integers(5)], 0.5)
        if rng.random() < 0.2:
            d.hedge(u0, v, u1, v)
        v += depth
    d.scatter(block, 0.04)
    if rng.random() < 0.12:  # bales, heaps
        for _ in range(int(rng.integers(3, 14))):
            d.thing("rubble", rng.uniform(u0, u1), rng.uniform(v0, v1), rng.uniform(0, 3), (1.6, 1.4, 1.3),
                    d.colour("thatch", "white"))  # fmt: skip


def tall_crop(d: District, block: Plot) -> None:
    """Maize or cane: a level top at a man's height with sharp edges, which is no roof."""
    u0, v0, u1, v1 = block
    d.area(block, DRY, 0.5)
    soil = replace(d.soil(CROP), bump_m=float(d.rng.uniform(0.1, 0.25)), stripe_m=0.8, stripe=0.06)
    corners = d.corners((u0 + 3, v0 + 3, u0 + (u1 - u0) * d.rng.uniform(0.3, 0.9), v1 - 3))
    d.plan.areas.append(Area(corners, soil, d.angle, 0.4, lift=float(d.rng.uniform(0.8, 2.6))))
    d.scatter(block, 0.04)


def orchard(d: District, block: Plot) -> None:
    """Small trees or vines in straight rows."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (LAWN, DRY, GARDEN, ("low_vegetation", "soil", "dry_grass"))[rng.integers(4)], 0.5)
    step = rng.uniform(3.5, 8.0)
    if rng.random() < 0.35:
        v = v0 + 1.5
        while v < v1:
            d.hedge(u0, v, u1, v)
            v += max(step * 0.5, 2.4)
        return
    v = v0 + step / 2
    while v < v1:
        u = u0 + step / 2
        while u < u1:
            if rng.random() < 0.93:
                d.tree(u + rng.normal(0, 0.2), v + rng.normal(0, 0.2), min(step / 6, 1.0), False)
            u += step
        v += step


def wood(d: District, block: Plot) -> None:
    """A closed wood with a ragged edge."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, GARDEN, 1.0)
    spacing = rng.uniform(4.0, 7.0)
    v = v0
    while v < v1:
        u = u0
        while u < u1:
            if rng.random() < 0.9:
                d.tree(u + rng.normal(0, 1.2), v + rng.normal(0, 1.2), spacing / 5.0, True)
            u += spacing
        v += spacing * 0.9


def meadow(d: District, block: Plot) -> None:
    """Grass with single trees and rows of bushes."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (LAWN, DRY, GARDEN)[rng.integers(3)], 1.0)
    d.scatter(block, rng.uniform(0.02, 0.35))
    if rng.random() < 0.5:
        v = rng.uniform(v0, v1)
        for k in range(int((u1 - u0) / 7)):
            d.tree(u0 + 7 * k + rng.normal(0, 0.8), v + rng.normal(0, 0.8))


def yard(d: District, block: Plot) -> None:
    """Bare ground, heaps, stacks, a site where something is being built."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (EARTH, RED_EARTH, SANDY, GRAVELLED)[rng.integers(4)], 1.0)
    for _ in range(int(rng.integers(0, 3))):  # large heaps
        size = (float(rng.uniform(8, 26)), float(rng.uniform(7, 20)), float(rng.uniform(2, 7)))
        d.thing("rubble", rng.uniform(u0, u1), rng.uniform(v0, v1), rng.uniform(0, 3), size,
                d.colour("soil", "red_soil", "gravel", "sand", "slate"))  # fmt: skip
    for _ in range(int(rng.integers(0, 12))):
        size = (float(rng.uniform(2, 12)), float(rng.uniform(1.5, 6)), float(rng.uniform(0.5, 3.5)))
        kind = choose(rng, ("rubble", "box", "van", "tent"), (0.55, 0.25, 0.12, 0.08))
        d.thing(kind, rng.uniform(u0, u1), rng.uniform(v0, v1), rng.uniform(0, 3), size,
                d.colour("soil", "red_soil", "concrete", "container", "sand", "fabric"))  # fmt: skip
    for _ in range(int(rng.integers(0, 3))):
        u, v = rng.uniform(u0, u1), rng.uniform(v0, v1)
        d.wall(u, v, u + rng.uniform(4, 15), v)
    d.scatter(block, d.style.trees * 0.4)


def water(d: District, block: Plot) -> None:
    """A lake or river with a wooded bank."""
    u0, v0, u1, v1 = block
    d.area(block, (LAWN, SANDY, GRAVELLED)[d.rng.integers(3)])
    d.water((u0 - 8, v0 - 8, u1 + 8, v1 + 8), ragged=3.0)
    for _ in range(int((u1 - u0) / 6)):
        d.tree(d.rng.uniform(u0, u1), v0 - d.rng.uniform(7, 12))


def river(d: District, block: Plot) -> None:
    """A river between gravel bars, with scrub, driftwood and steep banks; nothing there was built."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area((u0 - 6, v0 - 6, u1 + 6, v1 + 6), (DRY, GARDEN, LAWN)[rng.integers(3)], 2.0)
    middle, half = rng.uniform(v0, v1), rng.uniform(5, 22)
    d.area((u0 - 6, middle - half - 8, u1 + 6, middle + half + 8), (GRAVELLED, SANDY, EARTH)[rng.integers(3)], 4.0)
    deep = choose(rng, (0.0, float(rng.uniform(1.0, 9.0))))
    d.water((u0 - 8, middle - half, u1 + 8, middle + half), ragged=4.0, deep=deep)
    for _ in range(int(rng.integers(2, 9))):  # bars and islands
        u, v, size = rng.uniform(u0, u1), middle + rng.normal(0, half), rng.uniform(3, 14)
        d.area((u, v, u + 2 * size, v + size), (GRAVELLED, SANDY, DRY, EARTH)[rng.integers(4)], 2.5)
    for _ in range(int(rng.integers(0, 10))):
        size3 = (float(rng.uniform(2, 9)), float(rng.uniform(0.6, 3)), float(rng.uniform(0.3, 1.4)))
        d.thing("rubble", rng.uniform(u0, u1), middle + rng.normal(0, half + 6), rng.uniform(0, 3), size3,
                d.colour("soil", "gravel", "thatch", "sand"))  # fmt: skip
    d.scatter((u0, v0, u1, middle - half - 3), rng.uniform(0.1, 1.2))
    d.scatter((u0, middle + half + 3, u1, v1), rng.uniform(0.1, 1.2))
    for bank in (-1, 1):
        if rng.random() < 0.5:
            _gallery(d, (u0, u1), middle + bank * (half + 5))
    for _ in range(choose(rng, (0, 1, 2), (0.15, 0.6, 0.25))):
        _bridge(d, rng.uniform(u0, u1), middle, half + rng.uniform(6, 18))


def _gallery(d: District, reach: tuple[float, float], v: float) -> None:
    """A belt of tall trees along a bank, crown in crown."""
    rng = d.rng
    rows, u = int(rng.integers(1, 4)), reach[0]
    while u < reach[1]:
        for row in range(rows):
            if rng.random() < 0.85:
                d.tree(u + rng.normal(0, 1.0), v + 5.0 * (row - rows / 2) + rng.normal(0, 1.0), 1.1, True)
        u += rng.uniform(3.0, 6.5)


def _bridge(d: District, u: float, middle: float, half: float) -> None:
    """A foot or road bridge, level with the higher bank: long, flat, high above the water, and no roof."""
    rng = d.rng
    (x0, y0), (x1, y1) = d.world(u, middle - half), d.world(u + rng.normal(0, half * 0.3), middle + half)
    level = max(d.plan.terrain.at(x0, y0), d.plan.terrain.at(x1, y1)) + float(rng.uniform(0.0, 0.8))
    soil = d.soil(choose(rng, (PAVED, TARRED, GRAVELLED, SANDY)))
    d.plan.roads.append(
        Road(
            x0,
            y0,
            x1,
            y1,
            choose(rng, (float(rng.uniform(2.0, 5.0)), float(rng.uniform(6.0, 13.0)))),
            soil,
            level=level,
        )
    )
    for _ in range(int(rng.integers(0, 3))):
        d.car(u, middle + rng.uniform(-half, half) * 1.3, math.pi / 2)


def plaza(d: District, block: Plot) -> None:
    """A paved square: market tents, parasols, trees in rows, parked cars, people's clutter."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (PAVED, PAVED, TARRED, SANDY)[rng.integers(4)])
    for _ in range(int(rng.integers(0, 9))):
        size = float(rng.uniform(2, 5))
        d.thing("tent", rng.uniform(u0, u1), rng.uniform(v0, v1), choose(rng, (0, 0.05, 0.8)),
                (size, size * float(rng.uniform(0.7, 1.2)), float(rng.uniform(2.2, 3.2))),
                d.colour("fabric", "white"))  # fmt: skip
    if rng.random() < 0.7:
        for k in range(int((u1 - u0) / 8)):
            d.tree(u0 + 4 + 8 * k, v0 + 4, 0.8)
    if rng.random() < 0.5:
        _crowd(d, block)
    for _ in range(int(rng.integers(0, 10))):
        d.car(rng.uniform(u0, u1), v1 - 4, math.pi / 2 if rng.random() < 0.5 else 0.3)


def _crowd(d: District, plot: Plot) -> None:
    """People, lamp posts, bollards, parasols: specks of height everywhere."""
    rng = d.rng
    u0, v0, u1, v1 = plot
    for _ in range(min(int((u1 - u0) * (v1 - v0) / rng.uniform(25, 150)), 80)):
        u, v = rng.uniform(u0, u1), rng.uniform(v0, v1)
        draw = rng.random()
        if draw < 0.55:
            d.thing("pole", u, v, 0.0, (0.5, 0.4, float(rng.uniform(0.8, 1.8))), d.colour("car", "fabric"))
        elif draw < 0.75:
            d.thing("pole", u, v, 0.0, (0.25, 0.25, float(rng.uniform(3.5, 9))), d.colour("slate", "concrete"))
        else:
            size = float(rng.uniform(1.6, 3.4))
            d.thing("tent", u, v, float(rng.uniform(0, 1)), (size, size, float(rng.uniform(2.1, 2.8))),
                    d.colour("fabric", "white", "thatch"))  # fmt: skip


def monument(d: District, block: Plot) -> None:
    """A church, mosque or hall in a green: nave, tower, apse or domes."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (LAWN, PAVED, GRAVELLED)[rng.integers(3)])
    cu, cv = (u0 + u1) / 2, (v0 + v1) / 2
    length, width = rng.uniform(18, 45), rng.uniform(8, 16)
    eave = float(rng.uniform(7, 15))
    kind = rng.random()
    if kind < 0.6:
        d.building((cu - length / 2, cv - width / 2, cu + length / 2, cv + width / 2), "gable", eave, pitch=0.9)
        size = rng.uniform(4, 7)
        d.building((cu - length / 2 - size, cv - size / 2, cu - length / 2, cv + size / 2), "pyramid",
                   eave + float(rng.uniform(6, 16)), pitch=1.2)  # fmt: skip
        if rng.random() < 0.6:
            d.building((cu + length / 2 - width / 2, cv - width / 2, cu + length / 2 + width / 2, cv + width / 2),
                       "revolved", eave * 0.8)  # fmt: skip
    elif kind < 0.85:
        d.building((cu - width, cv - width, cu + width, cv + width), "flat", eave)
        d.building((cu - width * 0.6, cv - width * 0.6, cu + width * 0.6, cv + width * 0.6), "revolved", eave + 2.5)
        for su in (-1, 1):
            d.building((cu + su * width * 0.95 - 1.6, cv + width * 0.95 - 1.6, cu + su * width * 0.95 + 1.6,
                        cv + width * 0.95 + 1.6), "revolved", eave + 10)  # fmt: skip
    else:
        d.building((cu - length / 2, cv - width, cu + length / 2, cv + width), "arched", eave * 0.7)
    d.scatter(block, d.style.trees * 1.4)


def parking(d: District, plot: Plot) -> None:
    """Rows of parked cars."""
    rng = d.rng
    u0, v0, u1, v1 = plot
    d.area(plot, (TARRED, TARRED, PAVED, GRAVELLED, RED_EARTH)[rng.integers(5)])
    full = rng.uniform(0.1, 0.95) * min(d.style.cars * 1.6, 1.0)
    v = v0 + 2.6
    while v < v1 - 2.2:
        u = u0 + 1.5
        while u < u1 - 1.5:
            if rng.random() < full and d.free(u, v, 1.5):
                d.car(u, v, math.pi / 2)
            u += 2.6
        v += 5.2 if rng.random() < 0.5 else 11.0
    if rng.random() < 0.4:
        for u in range(int(u0) + 5, int(u1), 11):
            if d.free(u, (v0 + v1) / 2, 1):
                d.tree(float(u), (v0 + v1) / 2, 0.8)


OPEN_BLOCKS: dict[str, Callable[[District, Plot], None]] = {
    "park": park,
    "field": field,
    "tall_crop": tall_crop,
    "orchard": orchard,
    "wood": wood,
    "meadow": meadow,
    "yard": yard,
    "water": water,
    "river": river,
    "parking": parking,
    "plaza": plaza,
    "monument": monument,
}
"""Ways to fill a block without streets of houses."""
