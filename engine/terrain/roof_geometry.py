"""Heights, slope and aspect of one roof, from the surface inside its outline and the ground under it.

All numbers have to stand chimneys, antennas, leaning trees, ragged outlines and centimetre noise. So the pixels next to
the outline are left out where enough are left; pixels that no small plane fits (tree crowns, chimneys) do not count for
eave and ridge; and every extreme is a percentile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..classes import FLAT_SLOPE_DEG
from .lattice import Bools, Floats

_RIM_M = 0.5
"""Pixels so near the outline may show a wall or the ground beside it."""
_LOW_SHARE = 0.3
"""What is lower than this share of the roof's median height is no roof (a hole in it, the ground beside)."""
_MISFIT_M = 0.25
_PART_SHARE = 0.12
"""Smooth parts that cover less of the smooth roof, cut off by steps, are crowns and dormers, not the roof."""
_TOP_PERCENTILE = 99.5
_MAX_PERCENTILE = 98.0
_EAVE_PERCENTILE = 20.0
_FLAT_SHARE = 0.5
_STEEPEST_DEG = 75.0
_ASPECT_WIDTH_DEG = 25.0
_MIN_PIXELS = 12


@dataclass(frozen=True)
class RoofGeometry:
    """Numbers of one roof, in metres and degrees; heights are above ``ground_m``.

    Attributes:
        ground_m: median height of the ground under the building, in the surface's own datum.
        height_max_m: 98th percentile of the height above ground; a chimney does not count.
        height_mean_m: mean height above ground.
        eave_height_m: height of the lowest eaves.
        ridge_height_m: height of the highest ridge (of a flat roof: its level).
        volume_m3: between roof and ground.
        slope_deg: slope of the dominant plane.
        azimuth_deg: where water runs on the dominant plane: 0 north, 90 east; None on a flat roof.
    """

    ground_m: float
    height_max_m: float
    height_mean_m: float
    eave_height_m: float
    ridge_height_m: float
    volume_m3: float
    slope_deg: float
    azimuth_deg: float | None


def roof_geometry(mask: Bools, surface: Floats, ground: Floats, gsd: float) -> RoofGeometry | None:
    """Return the geometry of the roof under ``mask``, or None where fewer than a dozen heights are known.

    Args:
        mask: bool [H, W], the building; rows run southwards.
        surface: float32 [H, W], metres, NaN where unknown.
        ground: float32 [H, W], metres, NaN where unknown.
        gsd: metres per pixel.
    """
    known = mask & np.isfinite(surface) & np.isfinite(ground)
    if known.sum() < _MIN_PIXELS:
        return None
    ground_m = float(np.median(ground[known]))
    above = (surface - ground)[known]
    middle = float(np.median(above))
    standing = above[above > _LOW_SHARE * middle] if middle > 1 else above
    # over all of the outline: holes in the surface count with the mean
    volume = max(float(standing.mean()), 0.0) * float(mask.sum()) * gsd * gsd
    heights = np.where(known, surface - np.float32(ground_m), np.float32(np.nan))
    roof = known & (heights > _LOW_SHARE * middle) if middle > 1 else known
    inner = _inner(roof, mask, max(1, round(_RIM_M / gsd)))
    planes = _local_planes(heights, inner, 5 if gsd <= 0.35 else 3, gsd)
    smooth = _large_parts(inner & (planes.misfit < max(_MISFIT_M, 0.6 * gsd)))
    if smooth.sum() < max(_MIN_PIXELS, 0.2 * inner.sum()):
        smooth = inner
    calm = _median3(heights, inner)
    top = float(np.percentile(calm[smooth], _TOP_PERCENTILE))
    slope, azimuth = _dominant_plane(planes, smooth)
    eave = min(_eave(heights, roof, planes, smooth, gsd), top)
    return RoofGeometry(
        ground_m=ground_m,
        height_max_m=float(np.percentile(calm[inner], _MAX_PERCENTILE)),
        height_mean_m=float(standing.mean()),
        eave_height_m=eave,
        ridge_height_m=top,
        volume_m3=volume,
        slope_deg=slope,
        azimuth_deg=azimuth,
    )


@dataclass(frozen=True)
class _Planes:
    """A plane fitted around each pixel: rise per metre to the east and to the south, root mean square misfit."""

    east: Floats
    south: Floats
    misfit: Floats


def _inner(roof: Bools, mask: Bools, rim: int) -> Bools:
    """Return the roof without the rim of its outline, as far as a fair part of it is left."""
    away = ndimage.distance_transform_cdt(np.pad(mask, 1), metric="chessboard")[1:-1, 1:-1]
    for width in range(rim, 0, -1):
        inner: Bools = roof & (away > width)
        if inner.sum() >= max(_MIN_PIXELS, 0.25 * roof.sum()):
            return inner
    return roof


def _local_planes(heights: Floats, inner: Bools, size: int, gsd: float) -> _Planes:
    """Return least-squares planes over squares of ``size`` pixels, over those of ``inner`` only.

    Where less than two thirds of a square are known, or they lie in one line, the misfit is infinite.
    """
    weight = inner.astype(np.float64)
    filled = np.where(inner, heights, 0).astype(np.float64)
    offset = np.arange(size) - size // 2
    ones = np.ones(size)

    def window(values: npt.NDArray[np.float64], down: npt.NDArray[np.float64], across: npt.NDArray[np.float64]):  # type: ignore[no-untyped-def]  # noqa: ANN202
        first = ndimage.correlate1d(values, down, axis=0, mode="constant")
        return ndimage.correlate1d(first, across, axis=1, mode="constant")

    x = offset.astype(np.float64)
    n, sx, sy = window(weight, ones, ones), window(weight, ones, x), window(weight, x, ones)
    sxx, syy, sxy = window(weight, ones, x * x), window(weight, x * x, ones), window(weight, x, x)
    sz, sxz, syz = window(filled, ones, ones), window(filled, ones, x), window(filled, x, ones)
    szz = window(filled * filled, ones, ones)
    with np.errstate(invalid="ignore", divide="ignore"):
        cxx, cyy, cxy = sxx - sx * sx / n, syy - sy * sy / n, sxy - sx * sy / n
        cxz, cyz, czz = sxz - sx * sz / n, syz - sy * sz / n, szz - sz * sz / n
        det = cxx * cyy - cxy * cxy
        east, south = (cxz * cyy - cyz * cxy) / det, (cyz * cxx - cxz * cxy) / det
        left = np.maximum(czz - east * cxz - south * cyz, 0) / n
    fits = inner & (n >= 2 / 3 * size * size) & (det > 1e-6)
    zero = np.zeros(heights.shape)
    return _Planes(
        (np.where(fits, east, zero) / gsd).astype(np.float32),
        (np.where(fits, south, zero) / gsd).astype(np.float32),
        np.where(fits, np.sqrt(np.where(fits, left, 0)), np.inf).astype(np.float32),
    )


def _large_parts(smooth: Bools) -> Bools:
    """Return the connected parts that matter."""
    labels, count = ndimage.label(smooth, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: Bools = (sizes >= _PART_SHARE * sizes.sum())[labels] & smooth
    return kept


def _median3(heights: Floats, inner: Bools) -> Floats:
    """Return the median of each pixel's 3 x 3 neighbours inside the roof."""
    padded = np.pad(np.where(inner, heights, np.float32(np.nan)), 1, constant_values=np.nan)
    rows, cols = heights.shape
    stack = np.stack([padded[r : r + rows, c : c + cols][inner] for r in range(3) for c in range(3)])
    stack.sort(axis=0)  # NaN goes last
    middle = (np.isfinite(stack).sum(axis=0) - 1) // 2
    out = np.full(heights.shape, np.nan, dtype=np.float32)
    out[inner] = np.take_along_axis(stack, middle[None, :], axis=0)[0]
    return out


def _dominant_plane(planes: _Planes, smooth: Bools) -> tuple[float, float | None]:
    """Return slope and downslope azimuth, in degrees, of the aspect that covers most of the roof."""
    east, south = planes.east[smooth].astype(float), planes.south[smooth].astype(float)
    slope = np.degrees(np.arctan(np.hypot(east, south)))
    usable = slope < _STEEPEST_DEG
    east, south, slope = east[usable], south[usable], slope[usable]
    if len(slope) == 0:
        return 0.0, None
    flat = slope < FLAT_SLOPE_DEG
    if flat.mean() >= _FLAT_SHARE:
        return float(np.degrees(np.arctan(np.hypot(np.median(east[flat]), np.median(south[flat]))))), None
    east, south = east[~flat], south[~flat]
    # downslope: against the rise; north is up, rows run south
    aspect = np.degrees(np.arctan2(-east, south)) % 360
    counts = np.bincount((aspect / 5).astype(int) % 72, minlength=72).astype(float)
    around = ndimage.correlate1d(counts, np.ones(9), mode="wrap")
    peak = 5 * float(np.argmax(around)) + 2.5
    for _ in range(2):
        off = (aspect - peak + 180) % 360 - 180
        near = np.abs(off) < _ASPECT_WIDTH_DEG
        if not near.any():
            break
        peak = (peak + float(np.median(off[near]))) % 360
    gradient = np.hypot(np.median(east[near]), np.median(south[near])) if near.any() else 0.0
    degrees = float(np.degrees(math.atan(gradient)))
    return degrees, (None if degrees < FLAT_SLOPE_DEG else peak)


def _eave(heights: Floats, roof: Bools, planes: _Planes, smooth: Bools, gsd: float) -> float:
    """Return the height of the eaves: that of the roof continued down its slope to the outline.

    Along a gable's ends the height runs up to the ridge and down again, along its eaves it is one; the 20th percentile
    over the whole outline is on the eaves as long as they are a fifth of it.
    """
    if not smooth.any():
        return float(np.percentile(heights[roof], _EAVE_PERCENTILE))
    whole = np.pad(roof, 1)
    rim = (roof & ~ndimage.binary_erosion(whole)[1:-1, 1:-1]) if roof.any() else roof
    rows, cols = np.nonzero(rim)
    away, (near_r, near_c) = ndimage.distance_transform_edt(~smooth, return_indices=True)
    r, c = near_r[rows, cols], near_c[rows, cols]
    limit = math.tan(math.radians(_STEEPEST_DEG))
    east, south = np.clip(planes.east[r, c], -limit, limit), np.clip(planes.south[r, c], -limit, limit)
    continued = heights[r, c] + (east * (cols - c) + south * (rows - r)) * np.float32(gsd)
    trusted = away[rows, cols] * gsd < 3.0
    if trusted.sum() < 4:
        trusted[:] = True
    return float(np.percentile(continued[trusted], _EAVE_PERCENTILE))
