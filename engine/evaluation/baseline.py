"""The classical rule that a learned model must beat: what stands high and is smooth is a building.

Height above a morphological opening of the surface, over a least height; roughness (Gaussian-smoothed magnitude of the
Laplacian) under a threshold; opening and dilation of the mask. Its roughness threshold is tuned on the very area it is
measured on, so the figure flatters it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .metrics import binary_iou

OPENING_M = 25.0
HEIGHT_M = 2.2
CLEANING_M = 0.8
ROUGHNESS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 1e9)
"""Thresholds tried, in metres per square metre: magnitude of the Laplacian smoothed over about a metre."""


def height_and_roughness(
    surface: NDArray[np.floating], gsd: float, threshold: float, height_m: float = HEIGHT_M
) -> NDArray[np.bool_]:
    """Return the building mask [H, W] of the rule.

    Args:
        surface: heights in metres [H, W]; NaN where there is none.
        gsd: metres per pixel.
        threshold: roughness under which a high pixel counts as roof.
        height_m: least height above the opening.
    """
    valid = np.isfinite(surface)
    if not valid.any():
        return np.zeros(surface.shape, dtype=bool)
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    filled = np.asarray(surface, dtype=np.float64)[tuple(nearest)]
    size = max(round(OPENING_M / gsd), 3)
    above = filled - ndimage.grey_opening(filled, size=(size, size))
    roughness = ndimage.gaussian_filter(np.abs(ndimage.gaussian_laplace(filled, 0.5 / gsd)) / gsd**2, 0.6 / gsd)
    mask = (above > height_m) & (roughness < threshold) & valid
    radius = max(round(CLEANING_M / gsd), 1)
    disc = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1]) <= radius
    opened = ndimage.binary_opening(mask, structure=disc)
    dilated: NDArray[np.bool_] = ndimage.binary_dilation(opened, structure=disc) & valid
    return dilated


def tuned(
    surface: NDArray[np.floating],
    gsd: float,
    truth: NDArray[np.bool_],
    counts: NDArray[np.bool_],
    thresholds: Sequence[float] = ROUGHNESS,
) -> tuple[float, float]:
    """Return the best building IoU that the rule reaches on this area, and the roughness threshold that gives it.

    Args:
        surface: heights in metres [H, W].
        gsd: metres per pixel.
        truth: building mask [H, W].
        counts: pixels that are measured [H, W].
        thresholds: those tried.
    """
    scores = [(binary_iou(truth, height_and_roughness(surface, gsd, item), counts), item) for item in thresholds]
    return max(scores)
