"""A spatial split: whole squares of ground go to validation, and every polygon goes with its own square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ...given import given

LEAST_BLOCK_M = 8.0
"""Smaller squares would put neighbouring parts of one roof into both halves."""


@dataclass(frozen=True)
class Split:
    """Which polygons and which squares validate.

    Attributes:
        block_m: side of a square in metres.
        validation_blocks: (column, row) of the squares that validate: x in [column, column + 1) · block_m.
        validates: bool [N], by polygon: the square of its inner point decides, so no building is in both halves.
    """

    block_m: float
    validation_blocks: frozenset[tuple[int, int]]
    validates: NDArray[np.bool_]

    def blocks_of(self, xs: NDArray[np.floating], ys: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return whether the squares of points validate."""
        columns = np.floor(np.asarray(xs) / self.block_m).astype(np.int64)
        rows = np.floor(np.asarray(ys) / self.block_m).astype(np.int64)
        flat = [(int(column), int(row)) in self.validation_blocks for column, row in zip(columns.ravel(), rows.ravel())]
        return np.array(flat, bool).reshape(columns.shape)


def split_labels(
    polygons: Sequence[BaseGeometry], classes: NDArray[np.int64], share: float, block_m: float, seed: int
) -> Split:
    """Return a spatial split, with smaller squares where the labels lie too close together for the ones asked for.

    Squares are halved, down to `LEAST_BLOCK_M`, until every class that has two polygons or more has one in validation;
    where that cannot be had, the largest squares with the most classes in validation are taken.

    Args:
        polygons: in a CRS in metres.
        classes: int64 [N], class indices.
        share: see `spatial_split`.
        block_m: side of the largest squares in metres.
        seed: of the order.
    """
    repeated = np.bincount(classes) >= 2
    best, most = None, -1
    while True:
        split = spatial_split(polygons, classes, share, block_m, seed)
        there = np.bincount(classes[split.validates], minlength=len(repeated)) > 0
        validated = int((there & repeated).sum())
        if validated > most:
            best, most = split, validated
        if validated == int(repeated.sum()) or block_m / 2 < LEAST_BLOCK_M:
            return given(best)  # the first is always better than none
        block_m /= 2


def spatial_split(
    polygons: Sequence[BaseGeometry], classes: NDArray[np.int64], share: float, block_m: float, seed: int
) -> Split:
    """Choose squares until each class has about ``share`` of its polygons in validation.

    Squares are tried in an order drawn from the seed and taken while they bring the classes nearer to the share, so
    that rare classes are in both halves wherever they lie in more than one square.

    Args:
        polygons: in a CRS in metres.
        classes: int64 [N], class indices.
        share: of the polygons of each class that should validate, between 0 and 1.
        block_m: side of a square in metres.
        seed: of the order.

    Raises:
        ValueError: if there are no polygons.
    """
    if not polygons:
        raise ValueError("there is nothing to split")
    points = shapely.get_coordinates(shapely.point_on_surface(np.array(polygons, dtype=object)))
    homes = np.floor(points / block_m).astype(np.int64)
    blocks, home = np.unique(homes, axis=0, return_inverse=True)
    home = home.reshape(-1)
    count = int(classes.max()) + 1
    table = np.zeros((len(blocks), count))
    np.add.at(table, (home, classes), 1)
    total = table.sum(axis=0)
    wanted = share * total
    weight = 1 / np.maximum(total, 1)
    chosen: list[int] = []
    have = np.zeros(count)
    for block in np.random.default_rng(seed).permutation(len(blocks)):
        after = have + table[block]
        # a class must keep something to train on
        starves = bool(np.any((total > 0) & (total - after < 1)))
        nearer = np.sum(np.abs(wanted - after) * weight) < np.sum(np.abs(wanted - have) * weight)
        if nearer and not starves:
            chosen.append(int(block))
            have = after
    validation = frozenset((int(column), int(row)) for column, row in blocks[chosen])
    return Split(block_m, validation, np.isin(home, chosen))
