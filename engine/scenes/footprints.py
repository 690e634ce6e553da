"""Outlines of roofs in their own frame: unions of rectangles, convex polygons and circles.

p runs along the long side, q across, in metres, the frame's origin near the middle.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from shapely import Polygon, union_all
from shapely.geometry import Point, box

from ..given import given
from .canvas import BoolArray
from .noise import FloatArray

Rect = tuple[float, float, float, float]
"""p0, q0, p1, q1."""


@dataclass(frozen=True)
class Outline:
    """One of: a union of rectangles, a convex polygon, a circle around the origin.

    Attributes:
        rects: overlapping or touching rectangles whose union is the outline.
        corners: corners (p, q) of a convex polygon, in mathematically positive order.
        radius: radius of a circle.
    """

    rects: tuple[Rect, ...] = ()
    corners: tuple[tuple[float, float], ...] = ()
    radius: float = 0.0

    def __post_init__(self) -> None:
        if (len(self.rects) > 0) + (len(self.corners) > 0) + (self.radius > 0) != 1:
            raise ValueError("an outline is rectangles, or corners, or a radius")

    @property
    def bounds(self) -> Rect:
        """p0, q0, p1, q1 of the whole."""
        if self.rects:
            return (
                min(r[0] for r in self.rects),
                min(r[1] for r in self.rects),
                max(r[2] for r in self.rects),
                max(r[3] for r in self.rects),
            )
        if self.corners:
            p, q = zip(*self.corners)
            return min(p), min(q), max(p), max(q)
        return -self.radius, -self.radius, self.radius, self.radius

    def polygon(self) -> Polygon:
        """Return the outline as a polygon in (p, q)."""
        if self.rects:
            return union_all([box(*rect) for rect in self.rects])
        if self.corners:
            return Polygon(self.corners)
        return Point(0, 0).buffer(self.radius, quad_segs=16)

    def depth(self, p: FloatArray, q: FloatArray) -> FloatArray:
        """Return the distance to the outline [h, w] in metres, positive inside and negative outside.

        Inside a union of rectangles it is the side of the largest square that fits around the point (the roof over a
        rectilinear outline whose planes all rise at the same angle has this height: its straight skeleton).
        """
        if self.rects:
            result = None
            for rect in maximal_rects(self.rects):
                one = rect_depth(rect, p, q)
                result = one if result is None else np.maximum(result, one)
            return given(result)
        if self.corners:
            result = None
            for (p0, q0), (p1, q1) in zip(self.corners, self.corners[1:] + self.corners[:1]):
                length = max(math.hypot(p1 - p0, q1 - q0), 1e-6)
                normal_p, normal_q = -(q1 - q0) / length, (p1 - p0) / length
                one = (p - np.float32(p0)) * np.float32(normal_p) + (q - np.float32(q0)) * np.float32(normal_q)
                result = one if result is None else np.minimum(result, one)
            return given(result)
        return np.float32(self.radius) - np.sqrt(p * p + q * q)

    def contains(self, p: FloatArray, q: FloatArray) -> BoolArray:
        """Return which points [h, w] lie inside."""
        if not self.rects:
            return self.depth(p, q) >= 0
        result = np.zeros(np.broadcast_shapes(p.shape, q.shape), np.bool_)
        for p0, q0, p1, q1 in self.rects:
            result |= (p >= p0) & (p < p1) & (q >= q0) & (q < q1)
        return result


def rect_depth(rect: Rect, p: FloatArray, q: FloatArray) -> FloatArray:
    """Return the distance [h, w] to the nearest of the four sides, positive inside."""
    p0, q0, p1, q1 = (np.float32(value) for value in rect)
    centre_p, centre_q = (p0 + p1) / 2, (q0 + q1) / 2
    return np.asarray(np.minimum((p1 - p0) / 2 - np.abs(p - centre_p), (q1 - q0) / 2 - np.abs(q - centre_q)))


def maximal_rects(rects: tuple[Rect, ...]) -> tuple[Rect, ...]:
    """Return all rectangles inside the union of ``rects`` that no larger rectangle inside it contains."""
    if len(rects) == 1:
        return rects
    ps = sorted({value for rect in rects for value in (rect[0], rect[2])})
    qs = sorted({value for rect in rects for value in (rect[1], rect[3])})
    filled: BoolArray = np.array(
        [
            [
                any(r[0] <= (a + b) / 2 <= r[2] and r[1] <= (c + d) / 2 <= r[3] for r in rects)
                for c, d in itertools.pairwise(qs)
            ]
            for a, b in itertools.pairwise(ps)
        ]
    )
    found: list[tuple[int, int, int, int]] = []
    n_p, n_q = filled.shape
    for i0 in range(n_p):
        for i1 in range(i0 + 1, n_p + 1):
            columns = np.all(filled[i0:i1], axis=0)
            start = None
            for j in range(n_q + 1):
                if j < n_q and columns[j]:
                    start = j if start is None else start
                elif start is not None:
                    found.append((i0, start, i1, j))
                    start = None
    keep = [
        a
        for a in found
        if not any(b != a and b[0] <= a[0] and b[1] <= a[1] and b[2] >= a[2] and b[3] >= a[3] for b in found)
    ]
    return tuple((ps[a], qs[b], ps[c], qs[d]) for a, b, c, d in keep)


def rectangle(length: float, width: float) -> Outline:
    """Return a centred rectangle, ``length`` along p and ``width`` along q."""
    return Outline(rects=((-length / 2, -width / 2, length / 2, width / 2),))


def composed(kind: str, length: float, width: float, wing: float, at: float = 0.5, reach: float = 1.0) -> Outline:
    """Return an L, T, U, Z, cross or courtyard outline inside a box of ``length`` by ``width``.

    Args:
        kind: ``L``, ``T``, ``U``, ``Z``, ``cross`` or ``court``.
        length: size along p in metres.
        width: size along q in metres.
        wing: width of the wings in metres (less than half of the box).
        at: place of the wing of a T along p, 0..1.
        reach: how far wings reach across the box, 0..1.

    Raises:
        ValueError: if the kind is not known.
    """
    a, b = length / 2, width / 2
    far = -b + wing + (width - wing) * reach
    bar = (-a, -b, a, -b + wing)
    if kind == "L":
        return Outline(rects=(bar, (-a, -b, -a + wing, far)))
    if kind == "T":
        start = -a + at * (length - wing)
        return Outline(rects=(bar, (start, -b, start + wing, far)))
    if kind == "U":
        return Outline(rects=(bar, (-a, -b, -a + wing, far), (a - wing, -b, a, far)))
    if kind == "Z":
        return Outline(rects=((-a, -b, wing / 2, -b + wing), (-wing / 2, -b, wing / 2, b), (-wing / 2, b - wing, a, b)))
    if kind == "cross":
        return Outline(rects=((-a, -wing / 2, a, wing / 2), (-wing / 2, -b, wing / 2, b)))
    if kind == "court":
        return Outline(rects=(bar, (-a, b - wing, a, b), (-a, -b, -a + wing, b), (a - wing, -b, a, b)))
    raise ValueError(f"{kind!r} is no outline; known are L, T, U, Z, cross, court")


def regular_polygon(sides: int, radius: float) -> Outline:
    """Return a regular polygon of so many ``sides`` around the origin."""
    angles = [2 * math.pi * (k + 0.5) / sides for k in range(sides)]
    return Outline(corners=tuple((radius * math.cos(t), radius * math.sin(t)) for t in angles))
