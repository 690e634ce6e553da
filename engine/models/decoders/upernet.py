"""UPerNet (arXiv 1807.10221): pyramid pooling on the coarsest stage, a feature pyramid, and all levels fused.

Norms are GroupNorm: the pooled maps are as small as one pixel and batches of large networks as small as one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import DecoderConfig
from ..layers import ConvNormAct

POOL_SIZES = (1, 2, 3, 6)


class PyramidPooling(nn.Module):
    """Sees the whole tile at several coarse sizes (PSPNet, arXiv 1612.01105) and mixes it with the stage itself.

    Args:
        inputs: channels of the stage.
        width: channels out, and of each pooled branch.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([ConvNormAct(inputs, width, 1, "group") for _ in POOL_SIZES])
        self.mix = ConvNormAct(inputs + width * len(POOL_SIZES), width, 3, "group")

    def forward(self, x: Tensor) -> Tensor:
        """Return [B, width, H, W] from [B, inputs, H, W]."""
        size = x.shape[-2:]
        pooled = [branch(area_pool(x, side)) for side, branch in zip(POOL_SIZES, self.branches)]
        up = [F.interpolate(item, size=size, mode="bilinear", align_corners=False) for item in pooled]
        mixed: Tensor = self.mix(torch.cat([x, *up], dim=1))
        return mixed


class UperNetDecoder(nn.Module):
    """Gives a map at stride 4; features at stride 2 are not used.

    Args:
        config: width of the map.
        channels: of the pyramid, from fine to coarse.
        strides: of the same.

    Attributes:
        out_channels: channels of the map.
        stride: of the map.
    """

    def __init__(self, config: DecoderConfig, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        width = config.width
        self._first = list(strides).index(4)
        used = list(channels)[self._first :]
        self.pooling = PyramidPooling(used[-1], width)
        self.lateral = nn.ModuleList([ConvNormAct(inputs, width, 1, "group") for inputs in used[:-1]])
        self.smooth = nn.ModuleList([ConvNormAct(width, width, 3, "group") for _ in used[:-1]])
        self.fuse = ConvNormAct(width * len(used), width, 3, "group")
        self.out_channels, self.stride = width, 4

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Return [B, out_channels, H / 4, W / 4] from features fine to coarse."""
        used = pyramid[self._first :]
        levels = [lateral(feature) for lateral, feature in zip(self.lateral, used[:-1])]
        levels.append(self.pooling(used[-1]))
        for index in range(len(levels) - 2, -1, -1):  # [1/4, 1/8, 1/16, 1/32], from the coarsest down
            levels[index] = levels[index] + _resize(levels[index + 1], levels[index])
        smooth = [block(level) for block, level in zip(self.smooth, levels[:-1])] + [levels[-1]]
        fused: Tensor = self.fuse(torch.cat([_resize(level, smooth[0]) for level in smooth], dim=1))
        return fused


def area_pool(x: Tensor, side: int) -> Tensor:
    """Return what ``adaptive_avg_pool2d`` does, [B, C, side, side], as two matrix products.

    Where ``side`` does not divide the map (3 and 6 at a tile of 512), the exporter writes adaptive pooling down cell
    by cell: a graph of thousands of nodes.
    """
    rows, columns = (_averages(int(length), side).to(x) for length in x.shape[-2:])
    return rows @ x @ columns.T


def _averages(length: int, cells: int) -> Tensor:
    """Return [cells, length]: row i holds the mean over floor(i * length / cells) to ceil((i + 1) * length / cells)."""
    matrix = torch.zeros(cells, length)
    for cell in range(cells):
        first, last = cell * length // cells, -(-(cell + 1) * length // cells)
        matrix[cell, first:last] = 1 / (last - first)
    return matrix


def _resize(x: Tensor, like: Tensor) -> Tensor:
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
