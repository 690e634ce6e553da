"""Concatenation, then a 1×1 convolution: the fusion of HiRes-FusedMIM (arXiv 2503.18540)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConcatFusion(nn.Module):
    """Concatenates both features and mixes the channels.

    Args:
        rgb: channels of the RGB features.
        dsm: channels of the DSM features.
        out: channels given.
    """

    def __init__(self, rgb: int, dsm: int, out: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(rgb + dsm, out, kernel_size=1)

    def forward(self, rgb: Tensor, dsm: Tensor) -> Tensor:
        """Fuse [B, rgb, H, W] and [B, dsm, H, W] into [B, out, H, W]."""
        fused: Tensor = self.mix(torch.cat([rgb, dsm], dim=1))
        return fused
