"""Ways to fill a block with buildings that stand in no row: works, huts, hamlets and farms."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from .block_open import parking
from .chance import choose
from .plan import District, Plot
from .styles import EARTH, GRAVELLED, PAVED, RED_EARTH, TARRED


def halls(d: District, block: Plot) -> None:
    """Factories and stores: a few large halls, yards with goods, tanks."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block)
    u = u0 + rng.uniform(3, 10)
    while u < u1 - 14:
        width = min(rng.uniform(18, 80), u1 - u - 2)
        depth = min(rng.uniform(16, 90), v1 - v0 - 6)
        v = v0 + rng.uniform(3, max(v1 - v0 - depth - 2, 3.5))
        if rng.random() < 0.85 and width > 10:
            d.building(
                (u, v, u + width, v + depth), eave=float(rng.uniform(*d.style.eave)), pitch=rng.uniform(0.1, 0.4)
            )
            if rng.random() < 0.3:  # a canopy over the loading bays
                d.ledges("-v", rng.uniform(2.0, 5.0), rng.uniform(3.5, 5.5), rng.uniform(0.3, 1.2))
            if rng.random() < 0.5:
                w = rng.uniform(5, 12)
                d.building((u, v + depth, u + width * rng.uniform(0.2, 0.8), min(v + depth + w, v1 - 1)),
                           choose(rng, ("flat", "other", "gable")),
                           float(rng.uniform(3, 6)), pitch=0.2)  # fmt: skip
        u += width + rng.uniform(4, 18)
    for _ in range(int(rng.integers(0, 5))):  # tanks and silos
        size = rng.uniform(3.5, 14)
        tu, tv = rng.uniform(u0, max(u1 - size, u0)), rng.uniform(v0, max(v1 - size, v0))
        if d.free(tu + size / 2, tv + size / 2, size / 2):
            d.building((tu, tv, tu + size, tv + size), "revolved", float(rng.uniform(3, 12)), 0.0, True)
    for _ in range(int(rng.integers(0, 14))):
        tu, tv = rng.uniform(u0, u1), rng.uniform(v0, v1)
        if not d.free(tu, tv, 4):
            continue
        angle = choose(rng, (0, math.pi / 2)) + float(rng.normal(0, 0.05))
        for k in range(int(rng.integers(1, 5))):
            if rng.random() < 0.6:
                size3 = (choose(rng, (6.1, 12.2)), 2.44, choose(rng, (2.6, 2.6, 5.2)))
                d.thing("box", tu, tv + 3 * k, angle, size3, d.colour("container"))
            else:
                size3 = (float(rng.uniform(7, 16)), 2.5, float(rng.uniform(2.8, 4.0)))
                d.thing("van", tu, tv + 3.6 * k, angle, size3, d.colour("car", "container"))
    if rng.random() < 0.6:
        parking(d, (u0 + 1, v1 - rng.uniform(10, 22), u0 + (u1 - u0) * rng.uniform(0.3, 0.9), v1 - 1))
    d.scatter(block, d.style.trees)


def informal(d: District, block: Plot) -> None:
    """Small huts close together, all directions, sheet roofs."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (RED_EARTH, EARTH, ("clutter", "sand", "soil"))[rng.integers(3)], 1.0)
    cell = rng.uniform(6.5, 12)
    filled = rng.uniform(0.55, 0.92)
    low, high = min(d.style.eave[0], 2.0), 3.4
    v = v0
    while v < v1 - 3:
        depth = cell * rng.uniform(0.7, 1.3)
        u = u0 + rng.uniform(0, 3)
        while u < u1 - 3:
            width = cell * rng.uniform(0.6, 1.7)
            if rng.random() < filled:
                gap = rng.uniform(-0.3, 1.4)
                turn = float(rng.normal(0, 0.05 + 0.2 * (1 - d.style.tidy)))
                plot = (u + gap, v + gap, u + width, v + depth)
                if plot[2] - plot[0] > 2.2 and plot[3] - plot[1] > 2.2:
                    d.building(plot, eave=float(rng.uniform(low, high)), turn=turn, plain=True,
                               pitch=rng.uniform(0.14, 0.45))  # fmt: skip
            elif rng.random() < 0.4:
                d.scatter((u, v, u + width, v + depth), 2.2, gap=-9)
            elif rng.random() < 0.3:
                d.thing("rubble", u + width / 2, v + depth / 2, rng.uniform(0, 3), (3.0, 2.0, 0.7),
                        d.colour("concrete", "soil", "white", "fabric"))  # fmt: skip
            u += width
        v += depth
    d.scatter(block, d.style.trees)


def hamlet(d: District, block: Plot) -> None:
    """Huts and small houses apart, in gardens and under trees, some unfinished."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, ragged=1.5)
    if rng.random() < 0.5:
        d.area((rng.uniform(u0, u1), v0, u1, rng.uniform(v0, v1)), ("low_vegetation", "crop", "soil"), 0.8)
    for _ in range(int((u1 - u0) * (v1 - v0) / rng.uniform(260, 700))):
        width, depth = rng.uniform(6, 15), rng.uniform(5, 11)
        u, v = rng.uniform(u0, max(u1 - width, u0)), rng.uniform(v0, max(v1 - depth, v0))
        if not d.free(u + width / 2, v + depth / 2, max(width, depth) * 0.75):
            continue
        d.area((u - 3, v - 3, u + width + 3, v + depth + 3), (EARTH, RED_EARTH, GRAVELLED)[rng.integers(3)], 1.5)
        turn = float(rng.normal(0, 0.3 * (1 - d.style.tidy)))
        d.building((u, v, u + width, v + depth), turn=turn, plain=True, pitch=rng.uniform(0.25, 0.6))
        if rng.random() < 0.14:
            _unfinish(d)
        d.live((u - 5, v - 5, u + width + 5, v + depth + 5))
        if rng.random() < 0.3:
            d.building((u + width + 1.5, v, u + width + rng.uniform(4, 6), v + rng.uniform(2.5, 4)), eave=2.1,
                       turn=turn, plain=True, pitch=0.2)  # fmt: skip
    d.scatter(block, d.style.trees)


def _unfinish(d: District) -> None:
    """Turn the last building into walls without a roof."""
    last = d.plan.buildings[-1]
    flat = replace(last.roof, form="flat", values={})
    d.plan.buildings[-1] = replace(
        last, hollow=True, roof=flat, details=(), ledges=(), colour=d.colour("concrete", "soil")
    )


def farmstead(d: District, block: Plot) -> None:
    """A farm: barns around a yard, a house, a silo, fields behind."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, ragged=1.0)
    cu, cv = (u0 + u1) / 2 + rng.uniform(-10, 10), (v0 + v1) / 2 + rng.uniform(-10, 10)
    d.area((cu - 22, cv - 18, cu + 22, cv + 18), (GRAVELLED, TARRED, EARTH, PAVED)[rng.integers(4)], 1.5)
    for _ in range(int(rng.integers(2, 8))):
        length, width = rng.uniform(12, 45), rng.uniform(7, 18)
        if rng.random() < 0.5:
            length, width = width, length
        u, v = cu + rng.normal(0, 20) - length / 2, cv + rng.normal(0, 18) - width / 2
        if d.free(u + length / 2, v + width / 2, max(length, width) / 2 + 1):
            d.building((u, v, u + length, v + width), turn=float(rng.normal(0, 0.03)), pitch=d.pitch * 0.9)
    for _ in range(int(rng.integers(0, 4))):
        size = rng.uniform(3, 9)
        u, v = cu + rng.normal(0, 18), cv + rng.normal(0, 15)
        if d.free(u, v, size):
            d.building((u, v, u + size, v + size), "revolved", float(rng.uniform(4, 12)), 0.0, True)
    for _ in range(int(rng.integers(0, 6))):
        d.thing("rubble", cu + rng.normal(0, 20), cv + rng.normal(0, 20), rng.uniform(0, 3),
                (float(rng.uniform(2, 9)), float(rng.uniform(1.5, 4)), float(rng.uniform(0.8, 2.5))),
                d.colour("soil", "thatch", "white", "slate"))  # fmt: skip
    d.scatter(block, d.style.trees)


SCATTERED_BLOCKS: dict[str, Callable[[District, Plot], None]] = {
    "halls": halls,
    "informal": informal,
    "hamlet": hamlet,
    "farmstead": farmstead,
}
"""Ways to fill a block with buildings that stand in no row."""
