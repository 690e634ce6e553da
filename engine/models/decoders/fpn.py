"""A light feature pyramid (after arXiv 1612.03144): sums upsampled coarse features into finer ones.

The norm is BatchNorm because ONNX Runtime folds it into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ..config import DecoderConfig
from ..layers import ConvNormAct


class FpnDecoder(nn.Module):
    """Gives a map at the finest stride of the pyramid.

    Args:
        config: width of the map, and its width at stride 2 where the pyramid begins there.
        channels: of the pyramid, from fine to coarse.
        strides: of the same.

    Attributes:
        out_channels: channels of the map.
        stride: of the map.
    """

    def __init__(self, config: DecoderConfig, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        widths = [config.skip_width if stride == 2 else config.width for stride in strides]
        self.lateral = nn.ModuleList([ConvNormAct(inputs, width, 1) for inputs, width in zip(channels, widths)])
        self.smooth = nn.ModuleList([ConvNormAct(width, width, 3) for width in widths[:-1]])
        self.narrow = nn.ModuleList(
            [nn.Conv2d(coarse, fine, 1) if coarse != fine else nn.Identity() for fine, coarse in pairwise(widths)]
        )
        self.out_channels, self.stride = widths[0], strides[0]

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Return [B, out_channels, H / stride, W / stride] from features fine to coarse."""
        x: Tensor = self.lateral[-1](pyramid[-1])
        for level in range(len(pyramid) - 2, -1, -1):
            up = F.interpolate(self.narrow[level](x), scale_factor=2.0, mode="nearest")
            x = self.smooth[level](self.lateral[level](pyramid[level]) + up)
        return x
