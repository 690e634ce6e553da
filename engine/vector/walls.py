"""One ring of an outline as walls: where they begin, which way they run, and the lines that fit them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_SNAP_LONG_DEG = 12.0
"""Long walls nearer than this to the building's direction are turned into it."""
_SNAP_SHORT_DEG = 30.0
_LONG_M = 4.0
_REFINE_M = 2.0
_MIN_TURN = math.sin(math.radians(15))
"""Two lines that differ by less meet nowhere near."""


@dataclass
class Wall:
    """A straight part of a ring in the building's own frame.

    Attributes:
        kind: ``h`` along the building's x axis, ``v`` along its y axis, ``f`` free.
        points: float64 [n, 2], raw points it stands for.
        line: (a, b, c) with a x + b y = c and a² + b² = 1.
    """

    kind: str
    points: Points
    line: tuple[float, float, float]
    length: float = 0.0
    """From the first to the last raw point, along the wall, in metres."""

    def __post_init__(self) -> None:
        (x0, y0), (x1, y1) = self.points[0].tolist(), self.points[-1].tolist()
        self.length = abs((x1 - x0) * self.line[1] - (y1 - y0) * self.line[0])


def simplified_indices(ring: Points, slack: float) -> Indices:
    """Return the indices of a ring's corners after Douglas and Peucker, beginning at one that is surely a corner.

    Args:
        ring: float64 [n, 2], open (the first point is not repeated).
        slack: the furthest a dropped point may lie from the new side.
    """
    count = len(ring)
    centre = ring.mean(axis=0)
    start = int(np.argmax(((ring - centre) ** 2).sum(axis=1)))
    far = int(np.argmax(((ring - ring[start]) ** 2).sum(axis=1)))
    turned = np.roll(ring, -start, axis=0)
    middle = (far - start) % count
    closed = np.vstack([turned, turned[:1]])
    kept = _peucker(closed, 0, middle, slack) + _peucker(closed, middle, count, slack)
    return (np.array(kept, dtype=np.int64) + start) % count


def _peucker(points: Points, first: int, last: int, slack: float) -> list[int]:
    """Return the kept indices of an open line from ``first`` up to but without ``last``."""
    kept, todo = [], [(first, last)]
    while todo:
        begin, end = todo.pop()
        if end - begin > 1:
            inner = points[begin + 1 : end] - points[begin]
            side = points[end] - points[begin]
            size = math.hypot(side[0], side[1])
            if size == 0:
                away = np.hypot(inner[:, 0], inner[:, 1])
            else:
                away = np.abs(inner[:, 0] * side[1] - inner[:, 1] * side[0]) / size
            worst = int(np.argmax(away))
            if away[worst] > slack:
                split = begin + 1 + worst
                todo += [(split, end), (begin, split)]
                continue
        kept.append(begin)
    return kept


def dominant_angle(ring: Points, slack: float) -> tuple[float, float]:
    """Return the direction, in radians in [0, pi/2), that most walls agree with, and the share that does.

    Walls count by their squared length.
    """
    corners = ring[simplified_indices(ring, slack)]
    sides = np.roll(corners, -1, axis=0) - corners
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
        """Return a ring of open ``corners`` for pixels of ``gsd`` metres."""
        closed = np.vstack([corners, corners[:1]])
        sides = closed[1:] - closed[:-1]
        along = np.concatenate([[0.0], np.cumsum(np.hypot(sides[:, 0], sides[:, 1]))])
        count = max(8, int(2 * along[-1] / gsd))
        at = (np.arange(count) + 0.5) * (along[-1] / count)
        samples = np.column_stack([np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])])
        return cls(corners, samples, np.searchsorted(at, along[:-1]).astype(np.int64))

    def between(self, begin: int, end: int) -> Points:
        """Return the samples from one corner to another, in the ring's order, with both corners."""
        low, high = int(self.first[begin]), int(self.first[end])
        part = self.samples[low:high] if end > begin else np.vstack([self.samples[low:], self.samples[:high]])
        return np.vstack([self.corners[begin : begin + 1], part, self.corners[end : end + 1]])


def refined_turn(ring: Ring, slack: float) -> float:
    """Return by what angle, in radians, a frame must still be turned to agree best with the walls along its axes.

    Each wall is fitted freely; its direction is known the better the longer it is (variance as 1 / length cubed).
    """
    total = weights = 0.0
    for wall in _cut(ring, slack):
        if wall.kind == "f" or wall.length < _REFINE_M:
            continue
        a, b, _ = _wall("f", wall.points).line
        off = float(_fold(np.array([math.atan2(b, a)]))[0])
        if abs(off) < math.radians(_SNAP_LONG_DEG):
            total, weights = total + off * wall.length**3, weights + wall.length**3
    return total / weights if weights else 0.0


def fit_ring(ring: Ring, step: float, gsd: float) -> Points | None:
    """Return a ring of straight walls fitted to a raw one, or None if too few walls are left.

    Args:
        ring: in the building's frame.
        step: a jump between two parallel walls smaller than this is noise, metres.
        gsd: pixel size of the raw ring, metres.

    Returns:
        float64 [k, 2], open, in the same frame.
    """
    walls = _tidy(_cut(ring, max(1.2 * gsd, 0.3 * step)), step, gsd)
    if len(walls) < 3 or {wall.kind for wall in walls} in ({"h"}, {"v"}):
        return None
    return _corners(walls)


def _cut(ring: Ring, slack: float) -> list[Wall]:
    corners = simplified_indices(ring.corners, slack)
    pairs = zip(corners.tolist(), np.roll(corners, -1).tolist())
    return [_wall(_kind(ring.corners[[begin, end]]), ring.between(begin, end)) for begin, end in pairs]


def _kind(points: Points) -> str:
    (x0, y0), (x1, y1) = points[0].tolist(), points[-1].tolist()
    length = math.hypot(x1 - x0, y1 - y0)
    off = math.degrees(math.atan2(abs(y1 - y0), abs(x1 - x0)))
    limit = (
        _SNAP_LONG_DEG
        if length >= _LONG_M
        else _SNAP_SHORT_DEG - (_SNAP_SHORT_DEG - _SNAP_LONG_DEG) * (length / _LONG_M)
    )
    if off <= limit:
        return "h"
    return "v" if off >= 90 - limit else "f"


def _wall(kind: str, points: Points) -> Wall:
    """Return a wall with the line that fits its points best; its ends, which corners round off, count less."""
    trim = len(points) // 8
    core = points[trim : len(points) - trim] if len(points) - 2 * trim >= 2 else points
    if kind == "h":
        return Wall(kind, points, (0.0, 1.0, float(core[:, 1].mean())))
    if kind == "v":
        return Wall(kind, points, (1.0, 0.0, float(core[:, 0].mean())))
    x, y = core[:, 0], core[:, 1]
    x0, y0 = float(x.mean()), float(y.mean())
    dx, dy = x - x0, y - y0
    along = 0.5 * math.atan2(2 * float(dx @ dy), float(dx @ dx) - float(dy @ dy))
    a, b = -math.sin(along), math.cos(along)
    return Wall(kind, points, (a, b, a * x0 + b * y0))


def _tidy(walls: list[Wall], step: float, gsd: float) -> list[Wall]:
    """Return the walls without those that are noise: short steps, bevelled corners, walls that run on."""
    changed = True
    while changed and len(walls) > 3:
        changed = False
        for i in np.argsort([wall.length for wall in walls], kind="stable"):
            before, wall, after = walls[i - 1], walls[i], walls[(i + 1) % len(walls)]
            if _runs_on(before, wall, step):
                walls = _replace(walls, i - 1, 2, [_wall(wall.kind, np.vstack([before.points, wall.points]))])
            elif wall.length < step and _runs_on(before, after, step):
                joined = np.vstack([before.points, wall.points, after.points])
                walls = _replace(walls, i - 1, 3, [_wall(before.kind, joined)])
            elif wall.length < step and _meet(before, after) and (wall.kind == "f" or wall.length < 2 * gsd):
                walls = _replace(walls, i, 1, [])
            else:
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
    """Return the ring of walls with ``count`` of them from ``first`` (may be -1) on replaced."""
    turned = walls[first:] + walls[:first]
    return new + turned[count:]


def _corners(walls: list[Wall]) -> Points | None:
    """Return the ring in which neighbouring walls meet."""
    corners: list[tuple[float, float]] = []
    for wall, after in zip(walls, walls[1:] + walls[:1]):
        (a, b, c), (d, e, f) = wall.line, after.line
        turn = a * e - b * d
        if abs(turn) >= _MIN_TURN:
            corners.append(((c * e - b * f) / turn, (a * f - c * d) / turn))
        else:  # a square step at the raw corner between them
            x, y = (wall.points[-1] + after.points[0]) / 2
            for p, q, r in (wall.line, after.line):
                away = p * x + q * y - r
                corners.append((x - away * p, y - away * q))
    ring = np.array(corners)
    different = np.hypot(*(ring - np.roll(ring, 1, axis=0)).T) > 1e-9
    ring = ring[different]
    return ring if len(ring) >= 3 else None
