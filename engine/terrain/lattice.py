"""Blocks of pixels that lie on the absolute lattice, whatever the window they are cut from."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


def framed(values: npt.NDArray[Scalar], blank: object = 0) -> npt.NDArray[Scalar]:
    """Return values [H, W] with a frame of one pixel of ``blank`` around: ``np.pad``, in a tenth of its time."""
    out = np.full((values.shape[0] + 2, values.shape[1] + 2), blank, values.dtype)
    out[1:-1, 1:-1] = values
    return out


def eroded(mask: Bools, width: int) -> Bools:
    """Return the pixels of a mask [H, W] that lie more than ``width`` pixels, along either axis, from any outside it.

    As from scipy's chessboard distance, in a tenth of its time for a roof and a few pixels.
    """
    rows, cols = mask.shape
    padded = np.zeros((rows + 2 * width, cols + 2 * width), dtype=bool)
    padded[width : width + rows, width : width + cols] = mask
    down = padded[:rows].copy()
    for shift in range(1, 2 * width + 1):
        down &= padded[shift : shift + rows]
    out = down[:, :cols].copy()
    for shift in range(1, 2 * width + 1):
        out &= down[:, shift : shift + cols]
    return out


def median(values: npt.NDArray[np.floating]) -> float:
    """Return the median of values [n], n > 0, none of them NaN: what ``np.median`` does, in a fifth of its time."""
    low, high = (len(values) - 1) // 2, len(values) // 2
    part = np.partition(values, (low, high))
    return (float(part[low]) + float(part[high])) / 2


def blocks_of(values: Floats, block: int, anchor: int, col0: int, row0: int) -> Floats:
    """Return a window cut into blocks of the absolute lattice.

    Args:
        values: float32 [H, W].
        block: pixels along a block.
        anchor: the result begins and ends at multiples of so many absolute pixels (a multiple of ``block``).
        col0: absolute column of the first pixel.
        row0: absolute row of the first pixel.

    Returns:
        float32 [h, block, w, block]; +inf outside the window.
    """
    rows, cols = values.shape
    top, left = row0 % anchor, col0 % anchor
    down, across = -(-(top + rows) // anchor) * anchor, -(-(left + cols) // anchor) * anchor
    padded = np.full((down, across), np.inf, dtype=np.float32)
    padded[top : top + rows, left : left + cols] = values
    return padded.reshape(down // block, block, across // block, block)


def to_pixels(values: Floats, block: int, col: int, row: int, shape: tuple[int, int]) -> Floats:
    """Return block values interpolated bilinearly to pixel centres.

    Args:
        values: float32 [h, w], one value a block.
        block: pixels along a block.
        col: column of the first wanted pixel, counted from the first block's first pixel.
        row: row of the first wanted pixel, likewise.
        shape: (H, W) wanted.
    """
    (low_c, high_c, part_c) = _corners(shape[1], col, block, values.shape[1])
    (low_r, high_r, part_r) = _corners(shape[0], row, block, values.shape[0])
    one = np.float32(1)
    wide: Floats = values[:, low_c] * (one - part_c) + values[:, high_c] * part_c
    full: Floats = wide[low_r] * (one - part_r)[:, None] + wide[high_r] * part_r[:, None]
    return full


def _corners(
    count: int, first: int, block: int, blocks: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Return, for each pixel of a line, the two blocks whose centres enclose its own and the share of the second."""
    place = np.arange(count) + first
    phase = 2 * (place % block) + 1 - block  # twice the distance from the block's centre: whole numbers, no rounding
    low = place // block - (phase < 0)
    part = (np.where(phase < 0, phase + 2 * block, phase) / (2 * block)).astype(np.float32)
    return np.clip(low, 0, blocks - 1), np.clip(low + 1, 0, blocks - 1), part
