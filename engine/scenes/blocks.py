"""Ways to fill a block with houses along streets: one function each, chosen by the kind of place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from numpy.random import Generator

from .block_open import OPEN_BLOCKS, parking
from .block_rows import long_rows
from .block_scattered import SCATTERED_BLOCKS
from .chance import choose
from .ledge_choice import SIDES
from .plan import District, Plot
from .styles import EARTH, GRAVELLED, LAWN, PAVED, TARRED


def fill_block(district: District, kind: str, block: Plot) -> None:
    """Fill a block (u0, v0, u1, v1) of a district in one of the ways of ``BLOCKS``."""
    district.taken = []
    BLOCKS[kind](district, block)


def _sides(d: District, plot: Plot, street_side: float) -> None:
    """Put hedges and walls around a plot; the side at v = ``street_side`` has a gate."""
    u0, v0, u1, v1 = plot
    for a, b, c, e in ((u0, v0, u0, v1), (u1, v0, u1, v1), (u0, v0, u1, v0), (u0, v1, u1, v1)):
        draw = d.rng.random()
        if b == e and abs(b - street_side) < 0.1:
            gate = d.rng.uniform(0.2, 0.7)
            ends: tuple[tuple[float, float], ...] = ((a, a + gate * (c - a) - 1.5), (a + gate * (c - a) + 1.5, c))
        else:
            ends = ((a, c),)
        for start, end in ends:
            if draw < d.style.hedges:
                d.hedge(start, b, end, e)
            elif draw < d.style.hedges + d.style.walls:
                d.wall(start, b, end, e)


def detached(d: District, block: Plot) -> None:
    """Houses in gardens along both long sides."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block)
    middle = (v0 + v1) / 2 if v1 - v0 > 34 else v1
    typical = rng.uniform(13, 28)
    for front, back in ((v0, middle), (v1, middle)):
        if abs(back - front) < 14:
            continue
        inward = 1 if back > front else -1
        u = u0
        while u < u1 - 10:
            width = min(typical * rng.uniform(0.75, 1.35), u1 - u)
            plot = (u, min(front, back), u + width, max(front, back))
            u += width
            if width < 9 or rng.random() < 0.07:
                continue
            if rng.random() < 0.75:
                d.area(plot, ragged=0.4)
            _garden_house(d, plot, front, inward)
            d.live(plot)
            _sides(d, plot, front)
    d.scatter(block, d.style.trees)


def _garden_house(d: District, plot: Plot, front: float, inward: int) -> None:
    rng = d.rng
    u0, v0, u1, v1 = plot
    side_gap = rng.uniform(0.5, 3.5)
    width = min(max(u1 - u0 - 2 * side_gap, 6), rng.uniform(7.5, 17))
    depth = min(rng.uniform(7.0, 13.0), (v1 - v0) * 0.55)
    setback = rng.uniform(2, 8)
    u = rng.uniform(u0 + 0.5, max(u1 - width - 0.5, u0 + 0.6))
    near = front + inward * setback
    house = (u, min(near, near + inward * depth), u + width, max(near, near + inward * depth))
    turn = float(rng.normal(0, 0.02 + 0.25 * (1 - d.style.tidy)))
    eave = None
    name = d.building(house, eave=eave, turn=turn)
    if rng.random() < 0.25:  # a porch or veranda
        side = choose(rng, SIDES)
        own = d.plan.buildings[-1].colour if rng.random() < 0.4 else None
        d.ledges(side, rng.uniform(1.0, 3.2), rng.uniform(2.2, 3.0), rng.uniform(0.3, 1.3), own)
    if rng.random() < 0.5:  # an extension against the back
        size = rng.uniform(2.5, 5)
        far = near + inward * depth
        start = rng.uniform(u, u + width * 0.5)
        ext = (start, min(far, far + inward * size), start + width * rng.uniform(0.25, 0.5),
               max(far, far + inward * size))  # fmt: skip
        if name not in ("revolved", "pyramid") and turn < 0.1:
            d.building(ext, choose(rng, ("flat", "other", "gable")), float(rng.uniform(2.2, 2.9)), turn, True)
    room_left, room_right = u - u0, u1 - u - width
    if max(room_left, room_right) > 3.6 and rng.random() < 0.6:  # a drive, a garage
        start = u0 + 0.3 if room_left > room_right else u1 - 3.3
        length = setback + depth * rng.uniform(0.2, 0.9)
        drive = (start, min(front, front + inward * length), start + 3.0, max(front, front + inward * length))
        d.area(drive, (PAVED, TARRED, GRAVELLED)[rng.integers(3)])
        if rng.random() < 0.55:
            end = front + inward * length
            garage = (start, min(end, end + inward * 6), start + 3.2, max(end, end + inward * 6))
            d.building(garage, choose(rng, ("flat", "gable", "other"), (0.6, 0.25, 0.15)),
                       float(rng.uniform(2.1, 2.8)), 0.0, True)  # fmt: skip
        if rng.random() < d.style.cars:
            d.car(start + 1.5, front + inward * rng.uniform(2.6, max(length - 2, 2.7)), math.pi / 2)
    rear = front + inward * (v1 - v0)
    for _ in range(int(rng.integers(0, 3))):  # sheds
        size = rng.uniform(1.8, 4.5)
        su, sv = rng.uniform(u0 + 1, u1 - 1 - size), rear - inward * rng.uniform(1.0, 4.0) - size / 2
        if u1 - u0 > size + 3 and d.free(su, sv, size):
            d.building((su, sv, su + size, sv + size * rng.uniform(0.7, 1.4)),
                       choose(rng, ("gable", "flat", "other", "pyramid"), (0.45, 0.25, 0.25, 0.05)),
                       float(rng.uniform(1.8, 2.4)), float(rng.normal(0, 0.1)), True)  # fmt: skip
    if rng.random() < 0.12:
        pu, pv = (u0 + u1) / 2, rear - inward * (v1 - v0) * 0.25
        pool = (pu - 4, pv - 2, pu + rng.uniform(2, 5), pv + 2)
        if d.free(pu, pv, 3):
            d.area((pool[0] - 1, pool[1] - 1, pool[2] + 1, pool[3] + 1), PAVED)
            d.water(pool, "pool", 0.0)


def terrace(d: District, block: Plot) -> None:
    """Rows of houses wall to wall along both long sides, gardens behind."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block)
    middle = (v0 + v1) / 2
    depth = rng.uniform(8, 12)
    for front, inward in ((v0, 1), (v1, -1)):
        if rng.random() < 0.15:
            continue
        setback = choose(rng, (0.0, rng.uniform(2, 6)))
        u = u0 + rng.uniform(0, 3)
        sides = ("+v", "-v") if inward < 0 else ("-v", "+v")  # towards the street, towards the gardens
        while u < u1 - 12:
            count = int(rng.integers(3, 12))
            width = rng.uniform(4.8, 8.5)
            porch = _Porch.drawn(rng, 0.4)
            if rng.random() < 0.3:
                u += _under_one_roof(d, u, min(u + count * width, u1), front + inward * setback, inward * depth)
                porch.build(d, sides)
                continue
            name = choose(rng, ("gable", "flat", "mansard", "other", "gambrel"), (0.66, 0.14, 0.08, 0.06, 0.06))
            eave = float(rng.uniform(*d.style.eave))
            step = choose(rng, (0.0, rng.uniform(0.2, 1.2)))
            colours = None
            pitch = d.pitch * rng.uniform(0.8, 1.2)
            along_street = bool(rng.random() < 0.8)
            for k in range(count):
                if u + width > u1:
                    break
                shift = choose(rng, (0.0, rng.uniform(-1.5, 1.5)), (0.75, 0.25))
                near = front + inward * (setback + max(shift, 0))
                house = (u, min(near, near + inward * depth), u + width, max(near, near + inward * depth))
                if rng.random() < 0.3:
                    colours = None
                height = eave + step * (k % 3) + float(rng.normal(0, 0.08))
                d.building(house, name, height, ridge_along_u=along_street, colours=colours, pitch=pitch)
                last = d.plan.buildings[-1]
                colours = (last.colour, last.stain_colour, last.stain_share) if rng.random() < 0.8 else None
                porch.build(d, sides)
                far = near + inward * depth
                if rng.random() < 0.4:
                    size = rng.uniform(1.8, 4.5)
                    d.building((u + 0.2, min(far, far + inward * size), u + width * rng.uniform(0.4, 0.95),
                                max(far, far + inward * size)), choose(rng, ("flat", "other", "gable")),
                               float(rng.uniform(2.2, 3.0)), 0.0, True)  # fmt: skip
                back = middle - inward * 0.5
                if rng.random() < 0.5:
                    if rng.random() < 0.6:
                        d.hedge(u, far + inward * 1, u, back)
                    else:
                        d.wall(u, far + inward * 0.5, u, back)
                if rng.random() < 0.35:
                    size = rng.uniform(1.8, 3.6)
                    sv = back - inward * 2 - size / 2
                    d.building((u + 0.6, sv, u + 0.6 + size, sv + size), choose(rng, ("gable", "flat", "other")),
                               float(rng.uniform(1.8, 2.4)), 0.0, True)  # fmt: skip
                if setback > 3 and rng.random() < d.style.cars * 0.4:
                    d.car(u + width / 2, front + inward * setback / 2, math.pi / 2)
                u += width
            u += choose(rng, (0.0, rng.uniform(2, 8)))
    for _ in range(int((u1 - u0) / 14)):
        start = rng.uniform(u0, u1 - 8)
        d.live((start, v0 + depth + 2, start + 8, v1 - depth - 2))
    d.scatter(block, d.style.trees * 1.3)


@dataclass(frozen=True)
class _Porch:
    """What all houses of a row have along their fronts or backs: how deep (m; 0: nothing), how high, how much of it."""

    depth: float = 0.0
    level: float = 0.0
    cover: float = 1.0
    behind: bool = False
    both: bool = False

    @classmethod
    def drawn(cls, rng: Generator, share: float) -> _Porch:
        """Return one for a ``share`` of the rows, and nothing for the others."""
        if rng.random() >= share:
            return cls()
        whole = rng.random() < 0.5
        return cls(
            float(rng.uniform(0.8, 2.6)), float(rng.uniform(2.3, 3.5)), 1.0 if whole else float(rng.uniform(0.4, 0.95)),
            bool(rng.random() < 0.5), bool(rng.random() < 0.25),
        )  # fmt: skip

    def build(self, d: District, sides: tuple[str, str]) -> None:
        """Put it on the last building, whose sides towards the street and away from it are ``sides``."""
        if self.depth == 0:
            return
        for side in sides if self.both else (sides[self.behind],):
            d.ledges(side, self.depth, self.level, self.cover)


def _under_one_roof(d: District, u: float, end: float, near: float, depth: float) -> float:
    """Put a whole row of houses under one roof between u and ``end``; return how far the row reaches, metres."""
    rng = d.rng
    name = choose(rng, ("gable", "flat", "hipped_v1", "other"), (0.72, 0.12, 0.1, 0.06))
    d.building((u, min(near, near + depth), end, max(near, near + depth)), name, ridge_along_u=True)
    return end - u + choose(rng, (0.0, rng.uniform(2, 8)))


def perimeter(d: District, block: Plot) -> None:
    """Houses along all four sides around a yard."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (PAVED, TARRED, LAWN, GRAVELLED)[rng.integers(4)])
    depth = rng.uniform(10, 15)
    eave = rng.uniform(*d.style.eave)
    inner = (u0 + depth, v0 + depth, u1 - depth, v1 - depth)
    d.area(inner, ragged=0.5)
    runs = ((True, v0, u0, u1), (True, v1 - depth, u0, u1), (False, u0, v0 + depth, v1 - depth),
            (False, u1 - depth, v0 + depth, v1 - depth))  # fmt: skip
    common = choose(rng, ("gable", "flat", "mansard", "mixed"), (0.4, 0.15, 0.2, 0.25))
    for along_u, start, t0, t1 in runs:
        t = t0
        while t < t1 - 5:
            width = min(rng.uniform(9, 26), t1 - t)
            if t1 - t - width < 6:
                width = t1 - t
            plot = (t, start, t + width, start + depth) if along_u else (start, t, start + depth, t + width)
            t += width
            if rng.random() < 0.06:
                continue
            name = common if common != "mixed" and rng.random() > d.balance else None
            if name is None:
                name = choose(rng, ("gable", "flat", "mansard", "other", "hipped_v1", "gambrel"))
            d.building(plot, name, float(eave + rng.normal(0, 1.0)), ridge_along_u=along_u)
            if rng.random() < 0.3:  # balconies to the yard, awnings over the street
                axis = "v" if along_u else "u"
                street, yard = ("-" + axis, "+" + axis) if start in (u0, v0) else ("+" + axis, "-" + axis)
                if rng.random() < 0.5:
                    d.ledges(street, rng.uniform(0.8, 2.0), rng.uniform(2.6, 3.6), rng.uniform(0.4, 1.2),
                             d.colour("fabric", "white", "red_paint", "concrete"))  # fmt: skip
                else:
                    d.ledges(yard, rng.uniform(0.9, 2.0), d.plan.buildings[-1].eave - rng.uniform(0.3, 3.0),
                             rng.uniform(0.25, 0.8))  # fmt: skip
    if inner[2] - inner[0] > 12 and inner[3] - inner[1] > 12:
        for _ in range(int(rng.integers(0, 5))):
            size = rng.uniform(4, 10)
            u, v = rng.uniform(inner[0], inner[2] - size), rng.uniform(inner[1], inner[3] - size)
            if d.free(u + size / 2, v + size / 2, size / 2):
                d.building((u, v, u + size * rng.uniform(0.7, 1.0), v + size * rng.uniform(0.6, 1.0)),
                           choose(rng, ("flat", "other", "gable")),
                           float(rng.uniform(2.5, 5)), 0.0, True)  # fmt: skip
        d.live(inner)
        d.live(inner)
        d.scatter(inner, d.style.trees)


def warren(d: District, block: Plot) -> None:
    """An old block: irregular houses of many heights fill it but for small yards."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block, (PAVED, EARTH, GRAVELLED)[rng.integers(3)])
    jitter = 0.12 * min(u1 - u0, v1 - v0)
    quad = [(u + rng.uniform(0, jitter) * (1 if u == u0 else -1), v + rng.uniform(0, jitter) * (1 if v == v0 else -1))
            for u, v in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]  # fmt: skip
    biggest = rng.uniform(70, 220)
    common = rng.uniform(*d.style.eave)
    pieces = [tuple(quad)]
    while pieces:
        piece = pieces.pop()
        area = _area(piece)
        if area > biggest * rng.uniform(0.6, 1.6):
            pieces.extend(_split(d, piece))
            continue
        if area < 12 or rng.random() < 0.1:
            if area > 25:
                u, v = piece[0]
                w, x = piece[2]
                d.scatter((min(u, w), min(v, x), max(u, w), max(v, x)), 2.0, gap=-9)
            continue
        name = choose(rng, ("gable", "other", "flat", "hipped_v1", "pyramid"), (0.45, 0.24, 0.2, 0.08, 0.03))
        if name == "hipped_v1" and area < 40:
            name = "other"
        low = choose(rng, (1.0, 0.6), (0.8, 0.2))
        d.polygon_building(piece, name, float(max(common * low * rng.uniform(0.75, 1.25), 2.5)))


def _area(piece: tuple[tuple[float, float], ...]) -> float:
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(piece, piece[1:] + piece[:1])))


def _split(d: District, piece: tuple[tuple[float, float], ...]) -> list[tuple[tuple[float, float], ...]]:
    """Cut a quadrilateral across its longer pair of sides, not quite squarely."""
    a, b, c, e = piece
    if math.dist(a, b) + math.dist(c, e) < math.dist(b, c) + math.dist(e, a):
        a, b, c, e = b, c, e, a
    t = d.rng.uniform(0.35, 0.65)
    s = min(max(t + d.rng.normal(0, 0.05), 0.25), 0.75)
    m = (a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]))
    n = (e[0] + s * (c[0] - e[0]), e[1] + s * (c[1] - e[1]))
    return [(a, m, n, e), (m, b, c, n)]


def slabs(d: District, block: Plot) -> None:
    """Long blocks of flats side by side, with parking and lawns between."""
    rng = d.rng
    u0, v0, u1, v1 = block
    d.area(block)
    depth = rng.uniform(9, 15)
    eave = rng.uniform(*d.style.eave)
    gap = depth * rng.uniform(0.9, 2.0) + eave * 0.3
    along_u = rng.random() < 0.6
    s0, s1, t0, t1 = (v0, v1, u0, u1) if along_u else (u0, u1, v0, v1)
    name = choose_common(d, 45, depth)
    balconies = float(rng.uniform(0.2, 1.2)) if rng.random() < 0.45 else 0.0
    sides = choose(rng, (("+",), ("-",), ("+", "-")))
    out, below = rng.uniform(0.9, 2.2), rng.uniform(0.3, 3.5)
    colours = None
    s = s0 + rng.uniform(2, 6)
    while s + depth < s1 - 1:
        t = t0 + rng.uniform(1, 8)
        while t < t1 - 16:
            length = min(rng.uniform(18, 70), t1 - t - 1)
            plot = (t, s, t + length, s + depth) if along_u else (s, t, s + depth, t + length)
            if length > 14:
                d.building(plot, name, float(eave + rng.normal(0, 0.2)), colours=colours)
                last = d.plan.buildings[-1]
                colours = (last.colour, last.stain_colour, last.stain_share) if rng.random() < 0.7 else None
                if balconies > 0:
                    for side in sides:
                        d.ledges(side + ("v" if along_u else "u"), out, last.eave - below, balconies)
            t += length + choose(rng, (0.0, rng.uniform(5, 16)))
        lot = (t0 + 2, s + depth + 3, t1 - 2, min(s + depth + gap - 3, s1))
        if lot[3] - lot[1] > 9:
            if rng.random() < 0.55:
                parking(d, lot if along_u else (lot[1], lot[0], lot[3], lot[2]))
            else:
                green = lot if along_u else (lot[1], lot[0], lot[3], lot[2])
                d.area(green, LAWN, 0.8)
                d.live(green)
        s += depth + gap
    d.scatter(block, d.style.trees)


def choose_common(d: District, length: float, width: float) -> str:
    """Return one roof class for all long blocks of an estate."""
    names = ["flat", "gable", "hipped_v1", "mansard", "arched", "other"]
    return choose(d.rng, names, (0.45, 0.24, 0.2, 0.04, 0.03, 0.04)) if length > width else "flat"


BLOCKS: dict[str, Callable[[District, Plot], None]] = {
    "detached": detached,
    "terrace": terrace,
    "perimeter": perimeter,
    "warren": warren,
    "slabs": slabs,
    "long_rows": long_rows,
    **SCATTERED_BLOCKS,
    **OPEN_BLOCKS,
}
"""Every way to fill a block."""
