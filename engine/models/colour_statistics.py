"""What the colours around each pixel are: means, how much they vary, and their products.

Few labels cannot teach convolutions to look at colours, but a linear reading of plain statistics learns from a dozen
polygons what a roof is covered with (``training/finetune_benchmark/NOTES.md``, "Colours read directly").
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WINDOWS = (1, 3, 5)
"""Sides of the squares around a cell over which colours are taken, in cells."""
_SPREAD = 4.0
"""Factor that brings deviations to the size of means: int8 graphs keep all channels at one scale."""


class ColourStatistics(nn.Module):
    """Statistics of a picture in cells of some pixels.

    For each of `WINDOWS` the means of the bands, for those of more than one cell also the mean absolute deviations from
    them, and the products of each two bands of a cell.

    Args:
        bands: of the picture.
        cell: side of a cell in pixels.
    """

    def __init__(self, bands: int, cell: int) -> None:
        super().__init__()
        self._bands, self._cell = bands, cell

    @property
    def channels(self) -> int:
        """Number of statistics."""
        return self._bands * (2 * len(WINDOWS) - 1) + self._bands * (self._bands + 1) // 2

    def forward(self, picture: Tensor) -> Tensor:
        """Return the statistics [B, channels, H / cell, W / cell] of a normalised picture [B, bands, H, W]."""
        cells = F.avg_pool2d(picture, self._cell) if self._cell > 1 else picture
        found = []
        for side in WINDOWS:
            mean = _around(cells, side)
            found.append(mean)
            if side > 1:
                found.append(_SPREAD * _around((cells - mean).abs(), side))
        for band in range(self._bands):
            found.append(cells[:, band : band + 1] * cells[:, band:])
        return torch.cat(found, dim=1)


def _around(cells: Tensor, side: int) -> Tensor:
    """Return the means over squares around each cell, at the rim over what there is of them."""
    if side == 1:
        return cells
    # one axis after the other: ONNX Runtime takes as many sums as a window has cells
    rim = side // 2
    along = F.avg_pool2d(cells, (1, side), stride=1, padding=(0, rim), count_include_pad=False)
    return F.avg_pool2d(along, (side, 1), stride=1, padding=(rim, 0), count_include_pad=False)
