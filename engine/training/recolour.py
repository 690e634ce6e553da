"""Roofs and ground in other colours than the scenes gave them, so that a network learns shapes and shadows.

A palette, however wide, teaches its own habits: which colours are roofs and which are streets. Other countries have
others.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..classes import LAND_COVER

_GROUND = tuple(info.id for info in LAND_COVER if info.name in ("impervious_surface", "clutter", "low_vegetation"))
_EDGE_PX = 0.6
"""Colours run into each other at edges as far as a camera's blur goes."""


def recoloured(
    rgb: NDArray[np.float32],
    building: NDArray[np.int64],
    land_cover: NDArray[np.int64],
    share: float,
    rng: np.random.Generator,
    rows: float = 0.0,
    ground: float = 0.5,
) -> NDArray[np.float32]:
    """Return the picture with some roofs and some kinds of ground in colours of no palette; light and texture stay.

    Args:
        rgb: float32 [3, H, W], 0–255.
        building: ids [H, W], 0 off buildings.
        land_cover: class ids [H, W].
        share: of the roofs that get another colour.
        rng: source of chance.
        rows: how often roofs that touch change together and get one colour, as a whole terrace under one roof has.
            Without such, only streets are long strips of one colour.
        ground: how often each kind of ground gets one, as a share of ``share``.
    """
    first = int(building.max()) + 1  # parts: buildings by their ids, then kinds of ground
    part = building.copy()
    for number, cover in enumerate(_GROUND):
        part[(building == 0) & (land_cover == cover)] = first + number
    count = first + len(_GROUND)
    pixels = np.bincount(part.ravel(), minlength=count)
    leader = np.arange(count)  # whose chance and colour a part shares
    if rows and rng.random() < rows:
        leader[1:first] = _first_of_row(building, first)[1:]
    chosen = (rng.random(count) < np.where(np.arange(count) < first, share, share * ground))[leader]
    chosen[0] = False
    wanted = np.flatnonzero(chosen & (pixels > 0))
    if wanted.size == 0:
        return rgb
    gains = np.ones((3, count), np.float32)
    drawn = {part: _any_colour(rng) for part in dict.fromkeys(leader[wanted].tolist())}
    colours = np.array([drawn[part] for part in leader[wanted].tolist()]).T
    for band in range(3):
        mean = np.bincount(part.ravel(), rgb[band].ravel(), minlength=count)[wanted] / pixels[wanted]
        gains[band, wanted] = np.clip(colours[band] / np.maximum(mean, 8.0), 0.25, 4.0)
    blurred = ndimage.gaussian_filter(gains[:, part], (0, _EDGE_PX, _EDGE_PX), truncate=2.5)
    return np.asarray(np.minimum(rgb * blurred, np.float32(255)), np.float32)


def _first_of_row(building: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return by id the lowest id among the buildings that stand wall to wall with it, itself included."""
    row = ndimage.label(building > 0)[0]
    lowest = np.full(int(row.max()) + 1, count, np.int64)
    np.minimum.at(lowest, row.ravel(), building.ravel())
    first = np.arange(count)
    inside = building > 0
    first[building[inside]] = lowest[row[inside]]
    return first


def _any_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a display colour (0–255) of any hue, mostly a dull one, of any lightness."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), 0.65 * rng.random() ** 2, rng.uniform(0.2, 0.95))
    return 255 * red, 255 * green, 255 * blue
