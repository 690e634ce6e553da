"""One encoder that sees both modalities stacked as channels: the simpler network that the encoder pair is held against.

HiRes-FusedMIM (arXiv 2503.18540) says that its dual encoder is better than a single one; this is that single one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..given import given
from .backbone import Backbone
from .config import EncoderConfig
from .layers import check_sides


class StackedEncoder(nn.Module):
    """Gives what `FusedEncoder` gives, from one backbone over the channels of RGB and DSM.

    What stands for an absent modality is one learned value per channel, the same at every pixel. Unlike in a pair of
    encoders, leaving a modality out saves nothing.

    Args:
        config: with the fusion ``stack``; both sides name the same backbone, each with its own channels.

    Attributes:
        channels: of the features, from fine to coarse.
        strides: of the same.
        modalities: what the encoder can take, ``rgb`` and ``dsm``.
    """

    modalities = ("rgb", "dsm")

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        rgb, dsm = given(config.rgb), given(config.dsm)  # the configuration's own check
        self.net = Backbone(replace(rgb, channels=rgb.channels + dsm.channels))
        self.channels, self.strides = self.net.channels, self.net.strides
        self.absent_rgb = nn.Parameter(torch.zeros(1, rgb.channels, 1, 1))
        self.absent_dsm = nn.Parameter(torch.zeros(1, dsm.channels, 1, 1))

    def forward(
        self, rgb: Tensor | None = None, dsm: Tensor | None = None, present: Tensor | None = None
    ) -> list[Tensor]:
        """Return the features [B, C, H / stride, W / stride] from fine to coarse; arguments as in `FusedEncoder`.

        Raises:
            ValueError: if nothing is given, or sizes do not fit.
        """
        if present is not None and (rgb is None or dsm is None):
            raise ValueError("present needs both rgb and dsm")
        like = rgb if rgb is not None else dsm
        if like is None:
            raise ValueError("neither rgb nor dsm was given")
        for name, image in (("rgb", rgb), ("dsm", dsm)):
            if image is not None:
                check_sides(name, image)
                if image.shape[-2:] != like.shape[-2:]:
                    raise ValueError(f"rgb {tuple(like.shape)} and dsm {tuple(image.shape)} differ in height or width")
        seen = (None, None) if present is None else (present[:, 0], present[:, 1])
        parts = [
            _or_absent(rgb, self.absent_rgb, seen[0], like),
            _or_absent(dsm, self.absent_dsm, seen[1], like),
        ]
        features: list[Tensor] = self.net(torch.cat(parts, dim=1))
        return features


def _or_absent(image: Tensor | None, value: Tensor, seen: Tensor | None, like: Tensor) -> Tensor:
    """Return [B, C, H, W]: the picture, with ``value`` in all of a sample that does not show it."""
    filled = value.to(like.dtype).expand(like.shape[0], -1, like.shape[2], like.shape[3])
    if image is None:
        return filled
    return image if seen is None else torch.where(seen.view(-1, 1, 1, 1), image, filled)
