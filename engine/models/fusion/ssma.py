"""Self-supervised model adaptation (Valada, Mohan and Burgard, arXiv 1808.03833, section 4.2): gates, then a mix.

A bottleneck looks at both features and opens or closes each channel of each modality at each place, so the network
can trust heights under trees' shadows and colours where the surface has holes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..layers import norm_groups

BOTTLENECK = 16
"""The paper's eta: the gate's bottleneck has so many times fewer channels than its input."""


class SsmaFusion(nn.Module):
    """Gates the concatenated features and mixes them by a 3×3 convolution.

    The paper's BatchNorm after the mix is a GroupNorm here, which does not depend on the batch.

    Args:
        rgb: channels of the RGB features.
        dsm: channels of the DSM features.
        out: channels given.
    """

    def __init__(self, rgb: int, dsm: int, out: int) -> None:
        super().__init__()
        both = rgb + dsm
        narrow = max(4, both // BOTTLENECK)
        self.squeeze = nn.Conv2d(both, narrow, 3, padding=1)
        self.gate = nn.Conv2d(narrow, both, 3, padding=1)
        self.mix = nn.Conv2d(both, out, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(norm_groups(out), out)

    def forward(self, rgb: Tensor, dsm: Tensor) -> Tensor:
        """Fuse [B, rgb, H, W] and [B, dsm, H, W] into [B, out, H, W]."""
        both = torch.cat([rgb, dsm], dim=1)
        gates = torch.sigmoid(self.gate(torch.relu(self.squeeze(both))))
        fused: Tensor = self.norm(self.mix(both * gates))
        return fused
