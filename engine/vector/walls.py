"""One ring of an outline as walls: where they begin, which way they run, and the lines that fit them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import shapely

Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Point = Sequence[float]

_SNAP_LONG_DEG = 12.0
"""Long walls nearer than this to the building's direction are turned into it."""
_SNAP_SHORT_DEG = 30.0
_LONG_M = 4.0
_REFINE_M = 2.0
_MIN_TURN = math.sin(math.radians(15))
"""Two lines that differ by less meet nowhere near."""


@dataclass(slots=True)
class Wall:
    """A straight part of a ring in the building's own frame.

    Attributes:
        kind: ``h`` along the building's x axis, ``v`` along its y axis, ``f`` free.
        first: number of the first of the ring's samples that it stands for.
        last: number behind the last of them; beyond the ring's count where the wall goes on past its beginning.
        begin: the raw corner where it begins.
        end: the raw corner where it ends.
        line: (a, b, c) with a x + b y = c and a² + b² = 1.
        length: from ``begin`` to ``end``, along the wall, in metres.
        settled: whether it was found to be no noise, beside the walls that are its neighbours now.
    """

    kind: str
    first: int
    last: int
    begin: Point
    end: Point
    line: tuple[float, float, float]
    length: float
    settled: bool = False


def simplified_indices(ring: Points, slacks: Sequence[float]) -> list[Indices]:
    """Return the indices of a ring's corners after Douglas and Peucker, beginning at one that is surely a corner.

    Args:
        ring: float64 [n, 2], open (the first point is not repeated).
        slacks: the furthest a dropped point may lie from the new side; one answer for each.
    """
    count = len(ring)
    start = int(np.argmax(((ring - ring.mean(axis=0)) ** 2).sum(axis=1)))
    far = int(np.argmax(((ring - ring[start]) ** 2).sum(axis=1)))
    middle = (far - start) % count or count // 2
    numbers = (np.arange(count + 1) + start) % count
    turned = np.column_stack([ring[numbers], numbers])  # the numbers travel along as heights
    halves = [shapely.linestrings(turned[: middle + 1]), shapely.linestrings(turned[middle:])]
    kept = shapely.simplify(np.array([halves]), np.array(slacks)[:, None], preserve_topology=False)
    places = [[shapely.get_coordinates(half, include_z=True)[:-1, 2] for half in pair] for pair in kept]
    return [np.concatenate(pair).astype(np.int64) for pair in places]


def dominant_angle(corners: Points) -> tuple[float, float]:
    """Return the direction, in radians in [0, pi/2), that most walls agree with, and the share that does.

    Walls count by their squared length.

    Args:
        corners: float64 [n, 2], of a simplified ring, open.
    """
    sides = np.concatenate([corners[1:], corners[:1]]) - corners
    length = np.hypot(sides[:, 0], sides[:, 1])
    angles = np.arctan2(sides[:, 1], sides[:, 0])
    # long walls tell the direction better than their length alone says
    weight = length**2
    trial = np.radians(np.arange(0, 90, 3))
    agree = np.maximum(np.cos(4 * (angles[:, None] - trial[None, :])), 0) ** 4
    angle = float(trial[np.argmax((weight[:, None] * agree).sum(axis=0))])
    for width_deg in (20.0, 10.0):
        near = np.abs(_fold(angles - angle)) < math.radians(width_deg)
        if near.any():
            angle += float((weight[near] * _fold(angles[near] - angle)).sum() / weight[near].sum())
    close = np.abs(_fold(angles - angle)) < math.radians(_SNAP_LONG_DEG)
    return angle % (math.pi / 2), float(weight[close].sum() / weight.sum())


def _fold(angles: Points) -> Points:
    """Return angles as differences modulo a right angle, in [-pi/4, pi/4)."""
    return (angles + math.pi / 4) % (math.pi / 2) - math.pi / 4


@dataclass(frozen=True)
class Ring:
    """A raw ring in a building's own frame, with points evenly spaced along it, so that each metre weighs the same.

    Attributes:
        corners: float64 [n, 2], open.
        samples: float64 [m, 2], about two a pixel.
        first: int64 [n], the first sample behind each corner.
    """

    corners: Points
    samples: Points
    first: Indices

    @classmethod
    def of(cls, corners: Points, gsd: float) -> Ring:
        """Return a ring of open ``corners`` for pixels of ``gsd`` metres; they must lie near the origin."""
        closed = np.vstack([corners, corners[:1]])
        sides = closed[1:] - closed[:-1]
        along = np.concatenate([[0.0], np.cumsum(np.hypot(sides[:, 0], sides[:, 1]))])
        count = max(8, int(2 * along[-1] / gsd))
        at = (np.arange(count) + 0.5) * (along[-1] / count)
        samples = np.column_stack([np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])])
        return cls(corners, samples, np.searchsorted(at, along[:-1]).astype(np.int64))

    def turned(self, turn: Points) -> Ring:
        """Return the ring with its row vectors multiplied by a matrix [2, 2]."""
        return Ring(self.corners @ turn, self.samples @ turn, self.first)

    @cached_property
    def sums(self) -> Points:
        """Running sums of x, y, x², xy, y² over the samples, twice around: float64 [2 m + 1, 5], the first row 0."""
        x, y = self.samples.T
        around = np.column_stack([x, y, x * x, x * y, y * y])
        out = np.zeros((2 * len(x) + 1, 5))
        np.cumsum(np.concatenate([around, around]), axis=0, out=out[1:])
        return out

    def cut(self, kept: Indices) -> list[Wall]:
        """Return the walls between the corners of these indices, which go once around."""
        after = np.concatenate([kept[1:], kept[:1]])
        firsts = self.first[kept]
        lasts = self.first[after] + len(self.samples) * (after <= kept)
        trims = (lasts - firsts) // 8
        sums = (self.sums[lasts - trims] - self.sums[firsts + trims]).tolist()
        places = self.corners[kept].tolist()
        ends = places[1:] + places[:1]
        numbers = zip(firsts.tolist(), lasts.tolist())
        return [
            _wall(_kind(begin, end), first, last, begin, end, item)
            for (first, last), begin, end, item in zip(numbers, places, ends, sums)
        ]

    def wall(self, kind: str, first: int, last: int, begin: Point, end: Point) -> Wall:
        """Return a wall with the line that fits its samples best; its ends, which corners round off, count less."""
        trim = (last - first) // 8
        return _wall(kind, first, last, begin, end, (self.sums[last - trim] - self.sums[first + trim]).tolist())

    def joined(self, kind: str, before: Wall, after: Wall) -> Wall:
        """Return one wall for two and what lies between them."""
        last = before.first + ((after.last - before.first) % len(self.samples) or len(self.samples))
        return self.wall(kind, before.first, last, before.begin, after.end)


def _wall(kind: str, first: int, last: int, begin: Point, end: Point, sums: list[float]) -> Wall:
    """Return a wall; ``sums`` are those of x, y, x², xy and y² over its samples without an eighth at either end."""
    count = last - first - 2 * ((last - first) // 8)
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    if count >= 2:
        sx, sy, sxx, sxy, syy = sums
        x, y = sx / count, sy / count
        along = 0.5 * math.atan2(2 * (sxy - sx * y), (sxx - sx * x) - (syy - sy * y)) if kind == "f" else 0.0
    else:
        x, y = (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2
        along = math.atan2(dy, dx)
    if kind == "h":
        return Wall(kind, first, last, begin, end, (0.0, 1.0, y), abs(dx))
    if kind == "v":
        return Wall(kind, first, last, begin, end, (1.0, 0.0, x), abs(dy))
    a, b = -math.sin(along), math.cos(along)
    return Wall(kind, first, last, begin, end, (a, b, a * x + b * y), abs(dx * b - dy * a))


def refined_turn(ring: Ring, kept: Indices) -> float:
    """Return by what angle, in radians, a frame must still be turned to agree best with the walls along its axes.

    Each wall is fitted freely; its direction is known the better the longer it is (variance as 1 / length cubed).

    Args:
        ring: in that frame.
        kept: indices of the corners between walls.
    """
    total = weights = 0.0
    for wall in ring.cut(kept):
        if wall.kind == "f" or wall.length < _REFINE_M:
            continue
        a, b, _ = ring.wall("f", wall.first, wall.last, wall.begin, wall.end).line
        off = (math.atan2(b, a) + math.pi / 4) % (math.pi / 2) - math.pi / 4
        if abs(off) < math.radians(_SNAP_LONG_DEG):
            total, weights = total + off * wall.length**3, weights + wall.length**3
    return total / weights if weights else 0.0


def fit_ring(ring: Ring, kept: Indices, step: float, gsd: float) -> Points | None:
    """Return a ring of straight walls fitted to a raw one, or None if too few walls are left.

    Args:
        ring: in the building's frame.
        kept: indices of the corners between the walls to begin with.
        step: a jump between two parallel walls smaller than this is noise, metres.
        gsd: pixel size of the raw ring, metres.

    Returns:
        float64 [k, 2], open, in the same frame.
    """
    walls = _tidy(ring, ring.cut(kept), step, gsd)
    if len(walls) < 3 or {wall.kind for wall in walls} in ({"h"}, {"v"}):
        return None
    return _corners(walls)


def _kind(begin: Point, end: Point) -> str:
    dx, dy = abs(end[0] - begin[0]), abs(end[1] - begin[1])
    length = math.hypot(dx, dy)
    off = math.degrees(math.atan2(dy, dx))
    limit = (
        _SNAP_LONG_DEG
        if length >= _LONG_M
        else _SNAP_SHORT_DEG - (_SNAP_SHORT_DEG - _SNAP_LONG_DEG) * (length / _LONG_M)
    )
    if off <= limit:
        return "h"
    return "v" if off >= 90 - limit else "f"


def _tidy(ring: Ring, walls: list[Wall], step: float, gsd: float) -> list[Wall]:
    """Return the walls without those that are noise: short steps, bevelled corners, walls that run on."""
    changed = True
    while changed and len(walls) > 3:
        changed = False
        lengths = [wall.length for wall in walls]
        for i in sorted([i for i, wall in enumerate(walls) if not wall.settled], key=lengths.__getitem__):
            before, wall, after = walls[i - 1], walls[i], walls[(i + 1) % len(walls)]
            if _runs_on(before, wall, step):
                walls = _replace(walls, i - 1, 2, [ring.joined(wall.kind, before, wall)])
            elif wall.length < step and _runs_on(before, after, step):
                walls = _replace(walls, i - 1, 3, [ring.joined(before.kind, before, after)])
            elif wall.length < step and _meet(before, after) and (wall.kind == "f" or wall.length < 2 * gsd):
                walls = _replace(walls, i, 1, [])
            else:
                wall.settled = True
                continue
            changed = True
            break
    return walls


def _runs_on(one: Wall, other: Wall, step: float) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind != "f":
        return abs(one.line[2] - other.line[2]) < step
    turn = abs(one.line[0] * other.line[1] - one.line[1] * other.line[0])
    return turn < _MIN_TURN / 2


def _meet(one: Wall, other: Wall) -> bool:
    return abs(one.line[0] * other.line[1] - one.line[1] * other.line[0]) >= _MIN_TURN


def _replace(walls: list[Wall], first: int, count: int, new: list[Wall]) -> list[Wall]:
    """Return the ring of walls with ``count`` of them from ``first`` (may be -1) on replaced, beside unsettled ones."""
    turned = walls[first:] + walls[:first]
    rest = turned[count:]
    rest[0].settled = rest[-1].settled = False
    return new + rest


def _corners(walls: list[Wall]) -> Points | None:
    """Return the ring in which neighbouring walls meet."""
    corners: list[tuple[float, float]] = []
    for wall, after in zip(walls, walls[1:] + walls[:1]):
        (a, b, c), (d, e, f) = wall.line, after.line
        turn = a * e - b * d
        if abs(turn) >= _MIN_TURN:
            corners.append(((c * e - b * f) / turn, (a * f - c * d) / turn))
        else:  # a square step at the raw corner between them
            x, y = (wall.end[0] + after.begin[0]) / 2, (wall.end[1] + after.begin[1]) / 2
            for p, q, r in (wall.line, after.line):
                away = p * x + q * y - r
                corners.append((x - away * p, y - away * q))
    apart = [item for item, last in zip(corners, corners[-1:] + corners[:-1]) if math.dist(item, last) > 1e-9]
    return np.array(apart) if len(apart) >= 3 else None
