"""The ground (DTM) under a surface model: a progressive morphological filter whose thresholds follow the local slope.

Steps, all on cells of about 1 m that lie on the absolute lattice:

1. Each cell keeps its lowest height and the mean of what lies close above it; single pits are lifted.
2. Grey openings with growing squares, 3 m to 101 m. What an opening takes off by more than 0.3 m plus what the local
   slope explains is no ground (progressive morphological filter: Zhang et al. 2003, IEEE TGRS 41(4)). The local slope
   is the median over about 100 m, so that a hall on flat land is cut at a low threshold; and what large squares take
   off must end in walls, so that hilltops are kept. Openings keep tilted planes and flights of terraces as they are.
3. What was cut is filled from the cells around it by averages of growing size that are then relaxed towards a membrane
   (push-pull: Gortler et al. 1996, "The Lumigraph"; a few Jacobi steps on every level).
4. Bilinear interpolation back to pixels; the ground is never above the surface.

Every step has a known reach, so windows and strips agree bit for bit beyond `context_px` from their rim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, minimum_filter1d, percentile_filter

from .lattice import Bools, Floats, blocks_of, to_pixels
from .opening import grey_opening

CELL_M = 1.0
WINDOWS_M = (3.0, 5.0, 9.0, 17.0, 33.0, 65.0, 101.0)
_STEP_M = 0.3
"""An opening may take off so much without the cell being an object, in metres."""
_LOW_M = 0.3
_PIT_M = 0.4
_SMALL_RISE = np.float32(0.3)
"""The slope granted to windows that hold roofs and trees, not terrain."""
_TERRAIN_M = 17.0
"""From this window on, what is removed may be terrain: the local slope is granted, and walls are asked for."""
_WALL_M = 1.2
"""So much must the edge of an object drop within two cells to be a wall."""
_WALL_SHARE = 0.25
_DOUBT_M = 33.0
"""What shows too few walls at a window up to this one is asked again, whole, at the next: a dense block may be cut in
two by the window, or by the rim of the data."""
_DOUBT_WALL_SHARE = 0.5
"""... and then so much of its edge must be wall."""
_SHUT_IN_M = 65.0
"""The largest window at which a low roof may be shut in: it is asked for twice as far away."""
_SHUT_IN = 10
"""What is removed is shut in by objects if it touches so many times more of them than of open ground."""
_SLOPE_CELLS = 4
"""The local slope is taken on blocks of so many cells."""
_SLOPE_WINDOW = 25
_STEEPEST = 1.0
_LEVELS = 4
"""Push-pull goes up to blocks of 2 ** 4 = 16 cells."""
_TOP_ROUNDS = 4
_RELAX = 8
ANCHOR_CELLS = 2**_LEVELS
"""Cells are cut at multiples of this, so that all levels lie on the absolute lattice."""


@dataclass(frozen=True)
class Cells:
    """What the ground filter keeps of a surface, on cells of the absolute lattice.

    Attributes:
        row0: absolute row of the first cell, a multiple of the anchor.
        col0: absolute column of the first cell, a multiple of the anchor.
        lowest: float32 [h, w], lowest height of each cell, +inf where nothing is known.
        low_mean: float32 [h, w], mean of the heights at most 0.3 m above the lowest; 0 where nothing is known.
    """

    row0: int
    col0: int
    lowest: Floats
    low_mean: Floats


def cell_px(gsd: float) -> int:
    """Return how many pixels make a cell."""
    return max(1, round(CELL_M / gsd))


def context_cells() -> int:
    """Return how many cells around a cell its ground depends on."""
    opening = max(WINDOWS_M)
    slope = _SLOPE_CELLS * (_SLOPE_WINDOW // 2 + 3) + _TERRAIN_M
    fill: int = sum((_RELAX + 2) * 2**level for level in range(_LEVELS)) + (_TOP_ROUNDS + 2) * ANCHOR_CELLS
    return int(max(opening, slope) + opening) + 8 + fill


def context_px(gsd: float) -> int:
    """Return how many pixels around a window its ground depends on, at ``gsd`` metres per pixel."""
    return (context_cells() + 2) * cell_px(gsd)


def ground(surface: npt.ArrayLike, valid: npt.ArrayLike, gsd: float, col0: int, row0: int) -> Floats:
    """Return the ground under one window of a surface model.

    Args:
        surface: float [H, W], heights in metres; anything where not valid.
        valid: bool [H, W].
        gsd: metres per pixel.
        col0: absolute column of the window's first pixel on the lattice of this GSD.
        row0: absolute row of the window's first pixel.

    Returns:
        float32 [H, W]: metres; not above the surface where that is known; NaN far from any known surface.
    """
    heights = np.asarray(surface, dtype=np.float32)
    known = np.asarray(valid, dtype=bool) & np.isfinite(heights)
    cells = to_cells(heights, known, gsd, col0, row0)
    return to_surface(cells.row0, cells.col0, ground_of_cells(cells), heights, known, gsd, col0, row0)


def to_cells(heights: Floats, known: Bools, gsd: float, col0: int, row0: int) -> Cells:
    """Return the cells of one window (step 1, without the pits); rows and columns reach out to the next anchor."""
    size = cell_px(gsd)
    anchor = size * ANCHOR_CELLS
    first_row, first_col = row0 // anchor * ANCHOR_CELLS, col0 // anchor * ANCHOR_CELLS
    stack = blocks_of(np.where(known, heights, np.float32(np.inf)), size, anchor, col0, row0)
    lowest: Floats = stack.min(axis=1).min(axis=2)
    low = stack <= (lowest + np.float32(_LOW_M))[:, None, :, None]
    low &= np.isfinite(stack)
    # relative to the lowest, so that float32 keeps millimetres on mountains too
    above = np.where(low, stack - np.where(np.isfinite(lowest), lowest, np.float32(0))[:, None, :, None], np.float32(0))
    count = low.sum(axis=1, dtype=np.float32).sum(axis=2, dtype=np.float32)
    total = above.sum(axis=1, dtype=np.float32).sum(axis=2, dtype=np.float32)
    mean = np.where(count > 0, lowest + total / np.maximum(count, np.float32(1)), np.float32(0))
    return Cells(first_row, first_col, lowest, mean.astype(np.float32))


def ground_of_cells(cells: Cells) -> Floats:
    """Return the ground of each cell, float32 [h, w]; NaN where no surface is known within reach (steps 1 to 3)."""
    lowest = _lift_pits(cells.lowest)
    unknown = np.isinf(lowest)
    if unknown.all():
        return np.full(lowest.shape, np.nan, dtype=np.float32)
    objects = unknown.copy()
    before, since, asked = lowest, np.ones_like(lowest), np.zeros_like(unknown)
    slope = None
    for window in WINDOWS_M:
        after = grey_opening(lowest, int(window), np.isfinite(lowest))
        step = np.float32(window) - since
        if slope is None and window >= _TERRAIN_M:
            slope = _local_slope(after)
        rise = _SMALL_RISE if slope is None else slope
        with np.errstate(invalid="ignore"):
            removed = (before - after) > np.float32(_STEP_M) + rise * step / np.float32(2)
        doubtful = np.zeros_like(removed)
        if slope is not None:
            wanted = np.where(asked, np.float32(_DOUBT_WALL_SHARE), np.float32(_WALL_SHARE))
            walled = _walled(before, removed & ~objects, objects, int(window), wanted)
            if window <= _DOUBT_M:
                doubtful = removed & ~walled
            removed &= walled
        objects |= removed
        asked = doubtful
        before, since = np.where(doubtful, before, after), np.where(doubtful, since, np.float32(window))
    filled = _fill(np.where(objects, np.float32(0), cells.low_mean), ~objects)
    # a hall larger than all windows and fills: what the widest opening says
    return np.where(np.isfinite(filled), filled, np.where(np.isfinite(before), before, np.float32(np.nan)))


def to_surface(
    cell_row0: int, cell_col0: int, cells: Floats, heights: Floats, known: Bools, gsd: float, col0: int, row0: int
) -> Floats:
    """Return the ground of cells at the pixels of a window, not above its surface (step 4)."""
    size = cell_px(gsd)
    at_pixels = to_pixels(cells, size, col0 - cell_col0 * size, row0 - cell_row0 * size, heights.shape)
    return np.where(known, np.minimum(at_pixels, heights), at_pixels)


def _lift_pits(lowest: Floats) -> Floats:
    rows, cols = lowest.shape
    padded = np.pad(lowest, 1, constant_values=np.inf)
    least = second = np.full_like(lowest, np.inf)
    for row in range(3):
        for col in range(3):
            value = padded[row : row + rows, col : col + cols]
            second = np.minimum(second, np.maximum(least, value))
            least = np.minimum(least, value)
    with np.errstate(invalid="ignore"):
        pit = np.isfinite(second) & (lowest < second - np.float32(_PIT_M))
    return np.where(pit, second, lowest)


def _local_slope(opened: Floats) -> Floats:
    """Return the median slope around each cell, metres per metre, of a surface without its small objects."""
    size = _SLOPE_CELLS
    rows, cols = opened.shape
    coarse = np.where(np.isnan(opened), np.float32(np.inf), opened)
    coarse = coarse.reshape(rows // size, size, cols // size, size).min(axis=1).min(axis=2)
    padded = np.pad(coarse, 1, mode="edge")
    with np.errstate(invalid="ignore"):
        across = np.abs(padded[1:-1, 2:] - padded[1:-1, :-2])
        along = np.abs(padded[2:, 1:-1] - padded[:-2, 1:-1])
        slope = np.maximum(across, along) / np.float32(2 * size * CELL_M)
    slope = np.where(slope < _STEEPEST, slope, np.float32(0))  # a wall says nothing about the terrain
    middle = percentile_filter(slope, 50, size=_SLOPE_WINDOW, mode="nearest")
    steps: Floats = middle.repeat(size, axis=0).repeat(size, axis=1)
    return steps


def _walled(before: Floats, removed: Bools, objects: Bools, reach: int, share: Floats) -> Bools:
    """Return where at least ``share`` of the rim of what was removed, within ``reach`` cells around, is a wall.

    A hall ends in walls (where no data ends or tree hides them), a hilltop in none. A low roof that higher ones shut in
    has hardly a rim of its own and counts as well.
    """
    inside = np.pad(removed | objects, 1, constant_values=True)
    enclosed = inside[1:-1, :-2] & inside[1:-1, 2:] & inside[:-2, 1:-1] & inside[2:, 1:-1]
    rim = removed & ~enclosed
    low = np.where(np.isnan(before), np.float32(np.inf), before)
    for axis in (0, 1):
        low = minimum_filter1d(low, 5, axis=axis, mode="constant", cval=np.inf)
    with np.errstate(invalid="ignore"):
        wall = rim & (before - low > np.float32(_WALL_M))
    rims = _box_sum(rim, reach)
    walled = _box_sum(wall, reach) >= share * np.maximum(rims, 1)
    return walled if reach > _SHUT_IN_M else walled | _shut_in(before, removed, objects, rims, reach)


def _shut_in(before: Floats, removed: Bools, objects: Bools, rims: npt.NDArray[np.int32], reach: int) -> Bools:
    """Return where what was removed is a low roof among higher ones: it has next to no rim, and stands off the ground.

    A wooded hill, whose trees hide its rim, has ground at all heights between what is removed and what is kept.
    """
    beside = np.pad(objects, 1)
    beside = removed & (beside[1:-1, :-2] | beside[1:-1, 2:] | beside[:-2, 1:-1] | beside[2:, 1:-1])
    highest = np.where(np.isfinite(before) & ~objects & ~removed, before, np.float32(-np.inf))
    for axis in (0, 1):
        highest = maximum_filter1d(highest, 2 * reach + 1, axis=axis, mode="constant", cval=-np.inf)
    with np.errstate(invalid="ignore"):
        between = removed & (before - highest < np.float32(_WALL_M))
    off_the_ground = _box_sum(between, reach) * _SHUT_IN < _box_sum(removed, reach)
    return off_the_ground & (rims * _SHUT_IN < _box_sum(beside, reach))


def _box_sum(mask: Bools, reach: int) -> npt.NDArray[np.int32]:
    """Return how many cells of ``mask`` lie in the square of ``reach`` cells around each: whole numbers, so exact."""
    total = mask.astype(np.int32)
    for axis in (0, 1):
        count = total.shape[axis]
        running = np.concatenate([np.zeros_like(total.take([0], axis)), total.cumsum(axis, dtype=np.int32)], axis)
        upper = np.minimum(np.arange(count) + reach + 1, count)
        lower = np.maximum(np.arange(count) - reach, 0)
        total = running.take(upper, axis) - running.take(lower, axis)
    return total


def _fill(values: Floats, known: Bools) -> Floats:
    """Return the values with the unknown ones filled from around; NaN where nothing is known within reach."""
    levels = [(values, known)]
    for _ in range(_LEVELS):
        levels.append(_halve(*levels[-1]))
    top, top_known = levels[-1]
    for _ in range(_TOP_ROUNDS):
        top, top_known = _grow(top, top_known)
    for fine, fine_known in reversed(levels[:-1]):
        guess, guess_known = _double(top, top_known)
        top = np.where(fine_known, fine, guess)
        top_known = fine_known | guess_known
        top = _relax(top, fine_known, top_known)
    return np.where(top_known, top, np.float32(np.nan))


def _halve(values: Floats, known: Bools) -> tuple[Floats, Bools]:
    weight = known.astype(np.float32)
    total, count = values * weight, weight
    for axis in (0, 1):
        first = tuple(slice(0, None, 2) if i == axis else slice(None) for i in (0, 1))
        second = tuple(slice(1, None, 2) if i == axis else slice(None) for i in (0, 1))
        total, count = total[first] + total[second], count[first] + count[second]
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0), count > 0


def _neighbours(values: Floats, known: Bools) -> tuple[Floats, Floats]:
    """Return the sum of the known ones of four neighbours, and how many are known."""
    weight = np.pad(known.astype(np.float32), 1)
    padded = np.pad(values, 1) * weight
    total = (padded[1:-1, :-2] + padded[1:-1, 2:]) + (padded[:-2, 1:-1] + padded[2:, 1:-1])
    count = (weight[1:-1, :-2] + weight[1:-1, 2:]) + (weight[:-2, 1:-1] + weight[2:, 1:-1])
    return total, count


def _grow(values: Floats, known: Bools) -> tuple[Floats, Bools]:
    total, count = _neighbours(values, known)
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return np.where(known, values, mean), known | (count > 0)


def _double(values: Floats, known: Bools) -> tuple[Floats, Bools]:
    """Return the values at twice the resolution, bilinear over known ones."""
    total, weight = values * known, known.astype(np.float32)
    for axis in (0, 1):
        total, weight = _double_along(total, axis), _double_along(weight, axis)
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0), weight > 0


def _double_along(values: Floats, axis: int) -> Floats:
    lines = values if axis == 0 else values.T
    padded = np.pad(lines, [(1, 1), (0, 0)])
    out = np.empty((2 * lines.shape[0], lines.shape[1]), dtype=np.float32)
    out[0::2] = lines * np.float32(0.75) + padded[:-2] * np.float32(0.25)
    out[1::2] = lines * np.float32(0.75) + padded[2:] * np.float32(0.25)
    return out if axis == 0 else out.T


def _relax(values: Floats, fixed: Bools, known: Bools) -> Floats:
    for _ in range(_RELAX):
        total, count = _neighbours(values, known)
        mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
        values = np.where(fixed | (count == 0), values, mean)
    return values
