"""Samples put together from two places, so that a roof is known by itself and not by what it stands among.

A network that sees pictures alone learns which grounds, trees and roofs go together in the scenes, and then takes a
roof in other company for something else. Source: CutMix (Yun et al. 2019, arXiv 1905.04899), with the labels of both.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .crops import Crop

_SIDE = (0.35, 0.8)
"""Range of the inserted rectangle's sides, as shares of the sample's."""


def mixed(crop: Crop, other: Crop, rng: np.random.Generator) -> Crop:
    """Return ``crop`` with a rectangle of ``other`` in its place: every layer, labels too.

    Heights would break along the rectangle, so this is for samples that show the picture alone.

    Args:
        crop: a sample.
        other: another one of the same size.
        rng: source of chance.
    """
    height, width = crop.known.shape
    rows, cols = (_span(side, rng) for side in (height, width))
    return Crop(**{field.name: _pasted(getattr(crop, field.name), getattr(other, field.name), rows, cols)
                   for field in fields(Crop)})  # fmt: skip


def _span(side: int, rng: np.random.Generator) -> slice:
    length = round(side * rng.uniform(*_SIDE))
    first = int(rng.integers(-length // 3, side - length + length // 3 + 1))  # it may stand out of the sample
    return slice(max(first, 0), min(first + length, side))


def _pasted(under: NDArray[Any], over: NDArray[Any], rows: slice, cols: slice) -> NDArray[Any]:
    result = under.copy()
    result[..., rows, cols] = over[..., rows, cols]
    return result
