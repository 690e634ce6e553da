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
from .lattice import Bools, Floats, eroded, framed, median
from .roof_planes import LocalPlanes, local_planes, shared_planes

_RIM_M = 0.5
"""Pixels so near the outline may show a wall or the ground beside it."""
_LOW_SHARE = 0.3
"""What is lower than this share of the roof's median height is no roof (a hole in it, the ground beside)."""
_MISFIT_M = 0.25
_SMOOTH_SHARE = 0.3
_PART_SHARE = 0.12
"""Smooth parts that cover less of the smooth roof, cut off by steps, are crowns and dormers, not the roof."""
_SHARED = 0.25
"""Where fewer smooth pixels than this share lie on common planes the roof is a curved one."""
_HIDDEN_M = 1.5
"""What a crown hides, or the rim, is what the planes say there, so far from where they are seen."""
_TOP_PERCENTILE = 99.5
_MAX_PERCENTILE = 98.0
_EAVE_PERCENTILE = 20.0
_SKIRT_M = 1.0
"""Where the surface inside the rim lies so far below the roof's planes, it has steep lower slopes, as mansards have."""
_SKIRT_SHARE = 0.25
"""... if that holds along so much of the outline."""
_LEDGE_WIDTH_M = 3.2
_LEDGE_BELOW_M = 1.0
_LEDGE_LEVEL_M = 0.2
_LEDGE_SHARE = 0.25
_LEDGE_GAP_M = 0.8
"""A ledge is no wider, lies so far under the middle of the roof, is level within so much, and is no larger a part of
the building. From there to so far above it hardly anything lies, while a slope goes on."""
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
        plane_share: share of the roof, its rim left out, that lies on a few common planes: little of a tree's crown.
    """

    ground_m: float
    height_max_m: float
    height_mean_m: float
    eave_height_m: float
    ridge_height_m: float
    volume_m3: float
    slope_deg: float
    azimuth_deg: float | None
    plane_share: float = 1.0


def roof_geometry(mask: Bools, surface: Floats, ground: Floats, gsd: float) -> RoofGeometry | None:
    """Return the geometry of the roof under ``mask``, or None where fewer than a dozen heights are known.

    Args:
        mask: bool [H, W], the building; rows run southwards.
        surface: float32 [H, W], metres, NaN where unknown.
        ground: float32 [H, W], metres, NaN where unknown.
        gsd: metres per pixel.
    """
    known = mask & np.isfinite(surface) & np.isfinite(ground)
    if np.count_nonzero(known) < _MIN_PIXELS:
        return None
    ground_m = _percentile(ground[known], 50)
    above = (surface - ground)[known]
    middle = _percentile(above, 50)
    standing = above[above > _LOW_SHARE * middle] if middle > 1 else above
    # over all of the outline: holes in the surface count with the mean
    volume = max(float(standing.mean()), 0.0) * float(np.count_nonzero(mask)) * gsd * gsd
    heights = np.where(known, surface - np.float32(ground_m), np.float32(np.nan))
    roof = known & (heights > _LOW_SHARE * middle) if middle > 1 else known
    ledges = _ledges(heights, roof, gsd)
    if ledges is not None:
        roof = roof & ~ledges
    inner = _inner(roof, mask, max(1, round(_RIM_M / gsd)))
    for size in (5, 3) if gsd <= 0.35 else (3,):
        planes = local_planes(heights, inner, size, gsd)
        smooth = _large_parts(inner & (planes.misfit < max(_MISFIT_M, 0.6 * gsd)))
        if np.count_nonzero(smooth) >= max(_MIN_PIXELS, _SMOOTH_SHARE * np.count_nonzero(inner)):
            break  # else, on a small roof, smaller planes may fit between what stands on it
    if np.count_nonzero(smooth) < _MIN_PIXELS:
        smooth = inner
    shared = shared_planes(heights, smooth, planes, gsd)
    level = np.count_nonzero(shared.mask) >= max(_MIN_PIXELS, _SHARED * np.count_nonzero(smooth))
    if level:
        smooth = shared.mask
    calm = _median3(heights, inner)
    away, near = ndimage.distance_transform_edt(~smooth, return_indices=True)
    seen = calm[smooth]
    if level:
        rows, cols = np.nonzero(roof & ~smooth & (away * gsd < _HIDDEN_M))
        seen = np.concatenate([seen, shared.lowest(rows, cols, gsd)])
    top = _percentile(seen, _TOP_PERCENTILE)
    slope, azimuth = _dominant_plane(planes, smooth)
    eave = min(_eave(heights, roof, planes, away, near, gsd), top)
    return RoofGeometry(
        ground_m=ground_m,
        height_max_m=_percentile(calm[inner], _MAX_PERCENTILE),
        height_mean_m=float(standing.mean()),
        eave_height_m=eave,
        ridge_height_m=top,
        volume_m3=volume,
        slope_deg=slope,
        azimuth_deg=azimuth,
        plane_share=float(shared.mask.sum() / max(1, int(inner.sum()))),
    )


def _percentile(values: npt.NDArray[np.floating], percent: float) -> float:
    """Return what ``np.percentile`` does, in a tenth of its time for a roof's few values."""
    place = percent / 100 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    part = np.partition(values, (low, high))
    return float(part[low]) + (place - low) * (float(part[high]) - float(part[low]))


def _inner(roof: Bools, mask: Bools, rim: int) -> Bools:
    """Return the roof without the rim of its outline, as far as a fair part of it is left."""
    for width in range(rim, 0, -1):
        inner = roof & eroded(mask, width)
        if np.count_nonzero(inner) >= max(_MIN_PIXELS, 0.25 * np.count_nonzero(roof)):
            return inner
    return roof


def _large_parts(smooth: Bools) -> Bools:
    """Return the connected parts that matter."""
    labels, count = ndimage.label(smooth, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    kept: Bools = (sizes >= _PART_SHARE * sizes.sum())[labels] & smooth
    return kept


def _ledges(heights: Floats, roof: Bools, gsd: float) -> Bools | None:
    """Return the level strips under the roof (balconies, porches, canopies), or None where there are none.

    They belong to the building, and its eaves are not theirs. A lower wing is wider, and over an eave the roof goes on.
    """
    values = heights[roof]
    low = values[values < _percentile(values, 50) - _LEDGE_BELOW_M]
    if len(low) < _MIN_PIXELS:
        return None
    bin_m = _LEDGE_LEVEL_M / 2
    steps = np.floor((values[values < low.max() + _LEDGE_GAP_M] - low.min()) / np.float32(bin_m)).astype(int)
    before = np.concatenate([[0], np.cumsum(np.bincount(steps))])  # pixels below each bin
    reach, gap = 2, round(_LEDGE_GAP_M / bin_m)
    here = np.arange(len(before))
    under, over, far = (before[np.clip(here + off, 0, len(before) - 1)] for off in (-reach, reach, gap))
    level_there = (over - under >= _MIN_PIXELS) & (over - under >= 2 * (far - over))
    level_there[here * bin_m > low.max() - low.min()] = False
    if not level_there.any():
        return None
    level = float(low.min()) + bin_m * int(np.argmax(np.where(level_there, over - under, 0)))
    # with the ragged rim between them and the ground
    strips = roof & (heights < level + _LEDGE_LEVEL_M) & (heights > level - 8 * _LEDGE_LEVEL_M)
    labels, count = ndimage.label(strips)
    depth = ndimage.distance_transform_edt(np.pad(strips, 1))[1:-1, 1:-1] * gsd
    widest = np.atleast_1d(ndimage.maximum(depth, labels, np.arange(1, count + 1)))
    narrow = np.concatenate([[False], widest < (_LEDGE_WIDTH_M + gsd) / 2])
    found: Bools = narrow[labels] & strips
    left = np.count_nonzero(roof & ~found)
    return found if found.any() and left >= max(_MIN_PIXELS, (1 - _LEDGE_SHARE) * len(values)) else None


def _median3(heights: Floats, inner: Bools) -> Floats:
    """Return the median of each pixel's 3 x 3 neighbours inside the roof."""
    padded = framed(np.where(inner, heights, np.float32(np.nan)), np.nan)
    width = padded.shape[1]
    places = np.flatnonzero(inner)
    rows = places // inner.shape[1]
    around = np.add.outer([0, width, 2 * width], [0, 1, 2]).reshape(9, 1)
    stack = padded.take(around + (places + 2 * rows))  # a row of the padded array is two longer
    stack.sort(axis=0)  # NaN goes last
    middle = (np.isfinite(stack).sum(axis=0) - 1) // 2
    out = np.full(heights.shape, np.nan, dtype=np.float32)
    out.put(places, stack[middle, np.arange(len(places))])
    return out


def _dominant_plane(planes: LocalPlanes, smooth: Bools) -> tuple[float, float | None]:
    """Return slope and downslope azimuth, in degrees, of the aspect that covers most of the roof."""
    places = np.flatnonzero(smooth)
    east, south = planes.east.take(places).astype(float), planes.south.take(places).astype(float)
    slope = np.degrees(np.arctan(np.hypot(east, south)))
    usable = slope < _STEEPEST_DEG
    east, south, slope = east[usable], south[usable], slope[usable]
    if len(slope) == 0:
        return 0.0, None
    flat = slope < FLAT_SLOPE_DEG
    if np.count_nonzero(flat) >= _FLAT_SHARE * len(flat):
        return math.degrees(math.atan(math.hypot(median(east[flat]), median(south[flat])))), None
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
        peak = (peak + median(off[near])) % 360
    gradient = math.hypot(median(east[near]), median(south[near])) if near.any() else 0.0
    degrees = math.degrees(math.atan(gradient))
    return degrees, (None if degrees < FLAT_SLOPE_DEG else peak)


def _eave(
    heights: Floats,
    roof: Bools,
    planes: LocalPlanes,
    away: npt.NDArray[np.float64],
    near: npt.NDArray[np.int32],
    gsd: float,
) -> float:
    """Return the height of the eaves: that of the roof continued down its slope to the outline.

    Along a gable's ends the height runs up to the ridge and down again, along its eaves it is one; the 20th percentile
    over the whole outline is on the eaves as long as they are a fifth of it.
    """
    whole = framed(roof)
    rim = roof & ~(whole[:-2, 1:-1] & whole[2:, 1:-1] & whole[1:-1, :-2] & whole[1:-1, 2:])
    rows, cols = np.nonzero(rim)
    r, c = near[:, rows, cols]
    limit = math.tan(math.radians(_STEEPEST_DEG))
    east, south = np.clip(planes.east[r, c], -limit, limit), np.clip(planes.south[r, c], -limit, limit)
    continued = heights[r, c] + (east * (cols - c) + south * (rows - r)) * np.float32(gsd)
    trusted = away[rows, cols] * gsd < 3.0
    if np.count_nonzero(trusted) < 4:
        trusted[:] = True
    skirt = _skirt_foot(heights, roof, planes, near, gsd)
    return _percentile(continued[trusted], _EAVE_PERCENTILE) if skirt is None else skirt


def _skirt_foot(
    heights: Floats, roof: Bools, planes: LocalPlanes, near: npt.NDArray[np.int32], gsd: float
) -> float | None:
    """Return the height at which a roof's steep lower slopes end, or None where it has none.

    Such slopes are a metre or two wide in plan, too narrow for planes of their own: what tells them is a ring of pixels
    inside the rim that lies well below the planes nearby. Its own rise towards the next ring leads down to the outline.
    """
    step = max(2, round(_RIM_M / gsd))
    rows, cols = np.nonzero(_ring(roof, step))
    if len(rows) < _MIN_PIXELS:
        return None
    r, c = near[:, rows, cols]
    level = heights[r, c] + (planes.east[r, c] * (cols - c) + planes.south[r, c] * (rows - r)) * np.float32(gsd)
    below = level - heights[rows, cols] > _SKIRT_M
    if np.count_nonzero(below) < _SKIRT_SHARE * len(below):
        return None
    seen = _percentile(heights[rows[below], cols[below]], 50)
    deeper = heights[_ring(roof, 2 * step)]
    rise = max(_percentile(deeper, 50) - seen, 0.0) if len(deeper) >= _MIN_PIXELS else 0.0
    steepest = math.tan(math.radians(_STEEPEST_DEG)) * step * gsd
    if rise > 2 * steepest:
        return None  # a wall: the outline reaches beyond the roof
    return seen - min(rise, steepest) * (step - 0.5) / step  # from the middle of the ring to the rim


def _ring(roof: Bools, depth: int) -> Bools:
    """Return the pixels of the roof that are the ``depth``-th from outside it, along either axis."""
    return eroded(roof, depth - 1) & ~eroded(roof, depth)
