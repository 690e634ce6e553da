"""Polygons of truth and result paired by overlap, and what is wrong with each that has no true partner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

MISSED, INVENTED, WRONG_CLASS = "missed", "invented", "wrong class"
MIN_IOU = 0.5
"""From this overlap on a partner is unique by arithmetic (but for two exact halves)."""


@dataclass(frozen=True)
class Shape:
    """A polygon and its class; None: the class plays no part."""

    outline: BaseGeometry
    name: str | None = None


@dataclass(frozen=True)
class Fault:
    """One thing that the model got wrong.

    Attributes:
        kind: ``missed`` (true, not found), ``invented`` (found, not true) or ``wrong class``.
        outline: where; the true outline, of invented ones the one found.
        truth: the true class.
        found: the class found.
        iou: with the best partner.
    """

    kind: str
    outline: BaseGeometry
    truth: str | None
    found: str | None
    iou: float


@dataclass(frozen=True)
class ObjectScores:
    """How many things were found.

    Attributes:
        true: number of true things.
        found: number of things found; None where inventions cannot be told (sparse labels).
        matched: pairs that overlap by `MIN_IOU` or more, of whatever class.
        right_class: those of them that are of one class.
        faults: all that is wrong.
    """

    true: int
    found: int | None
    matched: int
    right_class: int
    faults: tuple[Fault, ...]

    @property
    def precision(self) -> float | None:
        """Share of things found that are there; None where nothing was found or it cannot be told."""
        return self.matched / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of true things that were found; None where there is none."""
        return self.matched / self.true if self.true else None


def compare_objects(truth: Sequence[Shape], found: Sequence[Shape], complete: bool) -> ObjectScores:
    """Pair the shapes, the best overlap first, each with one partner at most.

    Args:
        truth: valid polygons in a CRS in metres.
        found: the same.
        complete: whether what no true shape covers is known to be empty.
    """
    pairs, best = _overlaps(truth, found)
    partner_of: dict[int, int] = {}
    taken: dict[int, float] = {}
    for iou, i, j in sorted(pairs, key=lambda item: (-item[0], item[1], item[2])):
        if iou >= MIN_IOU and i not in partner_of and j not in taken:
            partner_of[i], taken[j] = j, iou
    faults, right = [], 0
    for i, shape in enumerate(truth):
        partner = partner_of.get(i)
        if partner is None:
            faults.append(Fault(MISSED, shape.outline, shape.name, None, best.get(i, 0.0)))
        elif found[partner].name != shape.name:
            faults.append(Fault(WRONG_CLASS, shape.outline, shape.name, found[partner].name, taken[partner]))
        else:
            right += 1
    if complete:
        most = dict.fromkeys(range(len(found)), 0.0)
        for iou, _, j in pairs:
            most[j] = max(most[j], iou)
        faults += [
            Fault(INVENTED, shape.outline, None, shape.name, most[j]) for j, shape in enumerate(found) if j not in taken
        ]
    return ObjectScores(len(truth), len(found) if complete else None, len(partner_of), right, tuple(faults))


def _overlaps(truth: Sequence[Shape], found: Sequence[Shape]) -> tuple[list[tuple[float, int, int]], dict[int, float]]:
    """Return (IoU, true, found) of all pairs that overlap, and the best IoU by true shape."""
    if not truth or not found:
        return [], {}
    true = np.array([shape.outline for shape in truth], dtype=object)
    others = np.array([shape.outline for shape in found], dtype=object)
    left, right = shapely.STRtree(others).query(true, predicate="intersects")
    common = shapely.area(shapely.intersection(true[left], others[right]))
    scores = common / (shapely.area(true[left]) + shapely.area(others[right]) - common)
    pairs = [(float(s), int(i), int(j)) for s, i, j in zip(scores, left, right) if s > 0]
    best: dict[int, float] = {}
    for score, i, _ in pairs:
        best[i] = max(best.get(i, 0.0), score)
    return pairs, best
