"""Cross-modal rectification and fusion (CMX: Zhang et al., arXiv 2203.04838, sections III-B and III-C).

First each modality corrects the other (channel by channel, and place by place), then both exchange their global
contexts by a linear cross-attention, and a depthwise convolution mixes them. The paper hands the rectified features
back to the backbones; here the backbones stay independent (so that either can be left out), and each stage is rectified
for the fusion alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..layers import norm_groups


class Rectify(nn.Module):
    """Adds to each modality what the other has to say, weighted by channel and by place (half of each).

    Args:
        channels: of both modalities.
        reduction: of the hidden width of the two small networks.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        hidden = max(4, 2 * channels // reduction)
        self.by_channel = nn.Sequential(
            nn.Conv2d(4 * channels, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, 2 * channels, 1)
        )
        self.by_place = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, 2, 1)
        )

    def forward(self, rgb: Tensor, dsm: Tensor) -> tuple[Tensor, Tensor]:
        """Return both features [B, channels, H, W], rectified."""
        both = torch.cat([rgb, dsm], dim=1)
        pooled = torch.cat([both.mean(dim=(2, 3), keepdim=True), both.amax(dim=(2, 3), keepdim=True)], dim=1)
        channel = torch.sigmoid(self.by_channel(pooled))
        place = torch.sigmoid(self.by_place(both))
        to_rgb, to_dsm = channel.chunk(2, dim=1)
        weight_rgb = 0.5 * to_rgb + 0.5 * place[:, :1]
        weight_dsm = 0.5 * to_dsm + 0.5 * place[:, 1:]
        return rgb + weight_rgb * dsm, dsm + weight_dsm * rgb


class ContextExchange(nn.Module):
    """Linear attention whose global context (keys times values, heads × d × d) comes from the other modality.

    Args:
        channels: of both modalities.
        heads: of the attention.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.split_rgb = nn.Conv2d(channels, 2 * channels, 1)
        self.split_dsm = nn.Conv2d(channels, 2 * channels, 1)
        self.context_rgb = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.context_dsm = nn.Conv2d(channels, 2 * channels, 1, bias=False)
        self.out_rgb = nn.Conv2d(2 * channels, channels, 1)
        self.out_dsm = nn.Conv2d(2 * channels, channels, 1)
        self.norm_rgb = nn.GroupNorm(norm_groups(channels), channels)
        self.norm_dsm = nn.GroupNorm(norm_groups(channels), channels)

    def forward(self, rgb: Tensor, dsm: Tensor) -> tuple[Tensor, Tensor]:
        """Return both features [B, channels, H, W] with the other's context taken in."""
        keep_rgb, ask_rgb = torch.relu(self.split_rgb(rgb)).chunk(2, dim=1)
        keep_dsm, ask_dsm = torch.relu(self.split_dsm(dsm)).chunk(2, dim=1)
        found_rgb = self._attend(ask_rgb, self.context_dsm(ask_dsm))
        found_dsm = self._attend(ask_dsm, self.context_rgb(ask_rgb))
        rgb = self.norm_rgb(rgb + self.out_rgb(torch.cat([keep_rgb, found_rgb], dim=1)))
        dsm = self.norm_dsm(dsm + self.out_dsm(torch.cat([keep_dsm, found_dsm], dim=1)))
        return rgb, dsm

    def _attend(self, query: Tensor, keys_values: Tensor) -> Tensor:
        batch, channels, height, width = query.shape
        depth = channels // self.heads
        query = query.reshape(batch, self.heads, depth, height * width)
        keys, values = (item.reshape(batch, self.heads, depth, -1) for item in keys_values.chunk(2, dim=1))
        # a mean over places where the paper has a sum: the softmax then does not sharpen with the tile's size
        products = keys @ values.transpose(-1, -2) / (height * width)
        context = torch.softmax(products * depth**-0.5, dim=-2)
        return (context.transpose(-1, -2) @ query).reshape(batch, channels, height, width)


class CmxFusion(nn.Module):
    """Rectifies, exchanges contexts, and mixes.

    Args:
        rgb: channels of the RGB features.
        dsm: channels of the DSM features (brought to those of the RGB by a 1×1 convolution if they differ).
        out: channels given.
    """

    def __init__(self, rgb: int, dsm: int, out: int) -> None:
        super().__init__()
        self.align = nn.Conv2d(dsm, rgb, 1) if dsm != rgb else nn.Identity()
        self.rectify = Rectify(rgb)
        self.exchange = ContextExchange(rgb, heads=next(heads for heads in (4, 2, 1) if rgb % heads == 0))
        self.residual = nn.Conv2d(2 * rgb, out, 1, bias=False)
        self.embed = nn.Sequential(
            nn.Conv2d(2 * rgb, out, 1),
            nn.Conv2d(out, out, 3, padding=1, groups=out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 1),
            nn.GroupNorm(norm_groups(out), out),
        )
        self.norm = nn.GroupNorm(norm_groups(out), out)

    def forward(self, rgb: Tensor, dsm: Tensor) -> Tensor:
        """Fuse [B, rgb, H, W] and [B, dsm, H, W] into [B, out, H, W]."""
        rgb, dsm = self.rectify(rgb, self.align(dsm))
        rgb, dsm = self.exchange(rgb, dsm)
        both = torch.cat([rgb, dsm], dim=1)
        fused: Tensor = self.norm(self.residual(both) + self.embed(both))
        return fused
