"""What a network sees of a surface model: heights above a local ground, slopes and roughness.

A surface model cannot go into a network as it is: its offset says where on Earth it lies, not what stands there, and
statistics of a tile would make neighbouring tiles disagree. The recipe here depends on the pixels within a known
reach only, is anchored on the absolute pixel lattice, and uses nothing but minima, maxima and sums in a fixed order:
the same absolute pixel gets the same bits whatever the window (beyond the reach from its rim) it is computed in.

Local ground: the minimum of every block of about 2 m, a grey opening over blocks (which removes what is narrower
than the opening and keeps planes of any tilt: Haralick, Sternberg and Zhuang 1987, IEEE TPAMI 9(4)), a small blur, and
bilinear interpolation back to pixels. On a slope the ground under the low corner of a building comes out too high by
at most the tilt times the building's width. Two openings are given side by side. The narrow one follows the terrain
closely: it works on what remains when the slope at large is taken away (planes fitted to a first opening), which
undoes most of that error, and it looks only from places that have data, so that a building cut by the raster's rim
stands above the ground beside it. The wide one still sees under large halls.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .lattice import Bools, Floats, blocks_of, to_pixels
from .opening import grey_opening
from .trend import local_planes

RECIPE_VERSION = 2
"""Grows with every change of the numbers that come out; a model package names the one it was trained with."""

CHANNELS = ("height", "height_wide", "slope_x", "slope_y", "roughness", "valid")
"""Names of the channels, in order.

``height`` and ``height_wide``: height above the narrow and the wide local ground, sign(h) * ln(1 + |h| / 1 m).
``slope_x`` and ``slope_y``: rise per metre to the right and downwards (in rows), clipped to [-2, 2].
``roughness``: ln(1 + |z - mean of four neighbours| / 5 cm).
``valid``: 1 where the surface is known; all other channels are 0 elsewhere.
"""

BLOCK_M = 2.0
NARROW_M = 32.0
WIDE_M = 64.0
TREND_M = 34.0
CONTEXT_M = 94.0
"""No pixel further away than this changes a pixel's channels, for any GSD up to 1 m (exactly: `context_px`)."""

_NEIGHBOUR_M = 0.25
_SLOPE_LIMIT = np.float32(2.0)
_HEIGHT_LIMIT_M = np.float32(300.0)
_ROUGHNESS_UNIT_M = np.float32(0.05)
_BLUR_REACH = 2  # blocks: the kernel (1, 2, 1) / 4 twice


def context_px(gsd: float) -> int:
    """Return how many pixels around a window its channels depend on, at ``gsd`` metres per pixel."""
    block = _block_px(gsd)
    wide = _opening_blocks(WIDE_M, block * gsd) - 1  # erosion and dilation reach half of it each
    narrow = 2 * (_opening_blocks(NARROW_M, block * gsd) - 1) + _trend_reach(block * gsd)
    # one block more for the bilinear interpolation, one for the block that the window's rim cuts
    return (max(wide, narrow) + _BLUR_REACH + 2) * block + _neighbour_px(gsd)


def height_channels(
    surface: npt.ArrayLike, valid: npt.ArrayLike, gsd: float, col0: int, row0: int, margin: int = 0
) -> Floats:
    """Return the channels of one window of a surface model.

    Pixels outside the window count as unknown, so its outer `context_px` pixels differ from what a larger window
    gives; cut them off where the surface goes on.

    Args:
        surface: float [H, W], heights in metres; any value (NaN too) where not valid.
        valid: bool [H, W].
        gsd: metres per pixel.
        col0: absolute column of the window's first pixel on the lattice of this GSD.
        row0: absolute row of the window's first pixel.
        margin: pixels on every side that serve as context only; leaving them out saves most of the work.

    Returns:
        float32 [C, H - 2 margin, W - 2 margin], C as in `CHANNELS`; never NaN.

    Raises:
        ValueError: if the shapes differ, ``gsd`` is not positive, or the margin does not fit.
    """
    heights = np.asarray(surface, dtype=np.float32)
    if heights.ndim != 2 or np.shape(valid) != heights.shape:
        raise ValueError(f"surface {heights.shape} and valid {np.shape(valid)} must be the same [H, W]")
    if not gsd > 0:
        raise ValueError(f"gsd must be positive, not {gsd}")
    if not 0 <= 2 * margin <= min(heights.shape):
        raise ValueError(f"the margin {margin} does not fit into {heights.shape}")
    known = np.asarray(valid, dtype=bool) & np.isfinite(heights)
    inner = _inside(heights.shape, margin)
    channels = np.zeros((len(CHANNELS), *heights[inner].shape), dtype=np.float32)
    if not known.any():
        return channels
    block = _block_px(gsd)
    stack = blocks_of(np.where(known, heights, np.float32(np.inf)), block, block, col0, row0)
    lowest: Floats = stack.min(axis=1).min(axis=2)
    wide = grey_opening(lowest, _opening_blocks(WIDE_M, block * gsd))
    for channel, opened in ((0, _open_along_slope(lowest, block * gsd)), (1, wide)):
        ground = _blur(opened)
        below = to_pixels(ground, block, col0 % block + margin, row0 % block + margin, channels.shape[1:])
        channels[channel] = _compress(np.where(known[inner], heights[inner] - below, np.float32(0)))
    step = _neighbour_px(gsd)
    rim = min(step, margin)
    around = _inside(heights.shape, margin - rim)
    near = np.zeros((3, *heights[around].shape), dtype=np.float32)
    _slopes_and_roughness(heights[around], known[around], step, np.float32(1.0 / (2 * step * gsd)), near)
    channels[2:5] = near[:, rim : near.shape[1] - rim, rim : near.shape[2] - rim]
    channels[5] = known[inner]
    return channels


def _inside(shape: tuple[int, ...], margin: int) -> tuple[slice, slice]:
    return slice(margin, shape[0] - margin), slice(margin, shape[1] - margin)


def _block_px(gsd: float) -> int:
    return max(1, round(BLOCK_M / gsd))


def _neighbour_px(gsd: float) -> int:
    return max(1, round(_NEIGHBOUR_M / gsd))


def _opening_blocks(reach_m: float, block_m: float) -> int:
    """Return the odd number of blocks that is nearest to ``reach_m``."""
    return 2 * round((reach_m / block_m - 1) / 2) + 1


def _trend_reach(block_m: float) -> int:
    return _opening_blocks(TREND_M, block_m) // 2


def _open_along_slope(lowest: Floats, block_m: float) -> Floats:
    """Return the narrow opening of blocks, done on what the slope at large leaves."""
    size = _opening_blocks(NARROW_M, block_m)
    known = np.isfinite(lowest)
    trend = local_planes(grey_opening(lowest, size), known, _trend_reach(block_m))
    left_over = np.where(known, lowest - trend, np.inf).astype(np.float32)
    return (grey_opening(left_over, size, known) + trend).astype(np.float32)


def _blur(ground: Floats) -> Floats:
    """Return the ground smoothed by (1, 2, 1) / 4 twice along both axes; unknown blocks weigh nothing.

    Each block that touches a known one becomes known, so that interpolation finds all four corners.
    """
    known = np.isfinite(ground)
    total, weight = np.where(known, ground, np.float32(0)), known.astype(np.float32)
    for axis in (0, 1):
        for _ in range(_BLUR_REACH):
            total, weight = _smooth(total, axis), _smooth(weight, axis)
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def _smooth(values: Floats, axis: int) -> Floats:
    padded = np.pad(values, [(1, 1) if i == axis else (0, 0) for i in (0, 1)])
    before, after = (padded[:-2], padded[2:]) if axis == 0 else (padded[:, :-2], padded[:, 2:])
    return (before + after) * np.float32(0.25) + values * np.float32(0.5)


def _compress(above: Floats) -> Floats:
    np.clip(above, -_HEIGHT_LIMIT_M, _HEIGHT_LIMIT_M, out=above)
    return np.copysign(np.log(np.abs(above) + np.float32(1)), above)


def _slopes_and_roughness(heights: Floats, known: Bools, step: int, per_metre: np.float32, out: Floats) -> None:
    """Fill ``out`` (slope_x, slope_y, roughness), leaving 0 where a neighbour ``step`` pixels away is unknown."""
    rows, cols = heights.shape
    flat = np.where(known, heights, np.float32(0))
    middle_c, middle_r = slice(step, cols - step), slice(step, rows - step)
    has_x = has_y = None
    if cols > 2 * step:
        has_x = known[:, : -2 * step] & known[:, middle_c] & known[:, 2 * step :]
        rise = (flat[:, 2 * step :] - flat[:, : -2 * step]) * per_metre
        out[0][:, middle_c] = np.where(has_x, np.clip(rise, -_SLOPE_LIMIT, _SLOPE_LIMIT), np.float32(0))
    if rows > 2 * step:
        has_y = known[: -2 * step] & known[middle_r] & known[2 * step :]
        rise = (flat[2 * step :] - flat[: -2 * step]) * per_metre
        out[1][middle_r] = np.where(has_y, np.clip(rise, -_SLOPE_LIMIT, _SLOPE_LIMIT), np.float32(0))
    if has_x is None or has_y is None:
        return
    across = flat[middle_r, : -2 * step] + flat[middle_r, 2 * step :]
    along = flat[: -2 * step, middle_c] + flat[2 * step :, middle_c]
    bend = np.abs((across + along) * np.float32(0.25) - flat[middle_r, middle_c])
    np.clip(bend, np.float32(0), _HEIGHT_LIMIT_M, out=bend)
    rough = np.log(bend / _ROUGHNESS_UNIT_M + np.float32(1))
    out[2][middle_r, middle_c] = np.where(has_x[middle_r] & has_y[:, middle_c], rough, np.float32(0))
