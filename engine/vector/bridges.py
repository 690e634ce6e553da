"""Which of the things found are bridges: narrow decks that go on, level, beyond their ends.

Seen from above a deck is much like a long flat roof. But a building ends in a step on all sides, while a bridge has
steps along its sides alone: at its ends it meets the ground, or goes on beyond what was found of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..terrain.lattice import Bools, Floats

_SLENDER = 3.5
"""Decks are at least so many times longer than wide,"""
_WIDEST_M = 30.0
"""and no wider, which is a motorway's width."""
_NEAR_M, _FAR_M = 1.0, 3.0
"""So far from the outline the surface around is looked at: nearer, a coarse surface shows its ramps."""
_LEVEL_M = 0.5
_STEP_M = 1.5
_STEP_SHARE = 0.6
"""A deck goes on where the surface lies within so much of it, and ends in a step where it lies so much lower. There are
such steps along so much of either side."""
_UNKNOWN_SHARE = 0.25
"""Of a place less of which is known than this, nothing can be said: LiDAR hardly sees water, and rasters end."""

MARGIN_M = _FAR_M + 1.0
"""So much of the surface around a building `is_bridge` needs to see."""


@dataclass(frozen=True)
class _Deck:
    """Where the pixels of a window lie along and across a thing, in metres from its middle, and its own ones there."""

    along: Floats
    across: Floats
    inside: Bools
    first: float
    last: float
    width: float


def is_slender(mask: Bools, gsd: float) -> bool:
    """Return whether a thing has the proportions of a deck: what else `is_bridge` asks needs the surface around it.

    Args:
        mask: bool [H, W], its pixels.
        gsd: metres per pixel.
    """
    height, width = mask.shape
    # no thing is longer than its box: most are told by that alone
    if (math.hypot(height - 1, width - 1) + 1) ** 2 < _SLENDER * np.count_nonzero(mask):
        return False
    deck = _deck(mask, gsd)
    return deck is not None and deck.width <= _WIDEST_M and deck.last - deck.first >= _SLENDER * deck.width


def is_bridge(mask: Bools, surface: Floats, gsd: float) -> bool:
    """Return whether a slender thing has a step along both sides, and none at its ends.

    One end may lie where nothing is known of the surface, as beside water, or where the raster ends.

    Args:
        mask: bool [H, W], its pixels, with `MARGIN_M` around them.
        surface: float32 [H, W], metres, NaN = unknown.
        gsd: metres per pixel.
    """
    deck = _deck(mask, gsd)
    known = np.isfinite(surface)
    if deck is None or np.count_nonzero(mask & known) < 2:
        return False
    own = deck.inside & known
    slope, level = np.polyfit(deck.along[own], surface[own], 1)
    below = (slope * deck.along + level - surface).astype(np.float32)
    distance = ndimage.distance_transform_edt(~mask) * gsd
    around = (distance > _NEAR_M) & (distance <= _FAR_M)
    beside = around & (deck.along > deck.first) & (deck.along < deck.last)
    if not all(_steps_down(below[beside & side]) for side in (deck.across > 0, deck.across < 0)):
        return False
    ends = [_goes_on(below[place]) for place in _beyond(deck)]
    return True in ends and False not in ends


def _deck(mask: Bools, gsd: float) -> _Deck | None:
    """Return the directions of a thing: along is the axis of its largest extent (principal component)."""
    rows, cols = np.nonzero(mask)
    if len(rows) < 3:
        return None
    middle = np.array([rows.mean(), cols.mean()])
    _, axes = np.linalg.eigh(np.cov(np.stack([rows, cols])))
    places = np.moveaxis(np.indices(mask.shape), 0, -1) - middle
    across, along = (np.asarray(places @ axis * gsd, np.float32) for axis in axes.T)
    first, last = float(along[mask].min()) - gsd / 2, float(along[mask].max()) + gsd / 2
    return _Deck(along, across, mask, first, last, len(rows) * gsd**2 / (last - first))


def _beyond(deck: _Deck) -> list[Bools]:
    """Return the places beyond both ends: the middle half of the deck's width, as it lies at that end."""
    places = []
    for out in (deck.along - deck.last, deck.first - deck.along):
        end = deck.inside & (out > -_FAR_M)
        middle = float(np.median(deck.across[end]))
        places.append((out > _NEAR_M) & (out <= _FAR_M) & (np.abs(deck.across - middle) <= deck.width / 4))
    return places


def _steps_down(below: npt.NDArray[np.float32]) -> bool:
    """Return whether most of what is known lies a step lower; also where nothing is known."""
    known = below[np.isfinite(below)]
    return len(known) == 0 or float((known > _STEP_M).mean()) >= _STEP_SHARE


def _goes_on(below: npt.NDArray[np.float32]) -> bool | None:
    """Return whether the deck goes on here; None where too little is known."""
    known = below[np.isfinite(below)]
    if len(known) <= _UNKNOWN_SHARE * len(below):
        return None
    return bool(abs(float(np.median(known))) <= _LEVEL_M)
