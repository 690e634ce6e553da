"""Masked-image pretraining of the encoder pair (SimMIM, arXiv 2111.09886, for two modalities as in arXiv 2503.18540).

Both encoders see their picture with squares replaced by a learned token, two light decoders rebuild the hidden
pixels, and the pooled features of a place's RGB and DSM are drawn together (InfoNCE, arXiv 1807.03748).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..given import given
from .backbone import Backbone
from .contrastive import info_nce
from .masked_config import MaskedImageConfig


def make_masks(batch: int, cells: int, ratio: float, generator: torch.Generator) -> Tensor:
    """Return bool [batch, cells, cells], True where hidden: ceil(cells² · ratio) squares of each sample, drawn apart.

    Args:
        batch: samples.
        cells: squares along a side.
        ratio: share that is hidden.
        generator: its state decides; give every process one of its own.
    """
    hidden = math.ceil(cells * cells * ratio)
    order = torch.rand(batch, cells * cells, generator=generator).argsort(dim=1).argsort(dim=1)
    return (order < hidden).view(batch, cells, cells)


def masked_l1(image: Tensor, rebuilt: Tensor, hidden: Tensor) -> Tensor:
    """Return the mean absolute error over hidden pixels, as SimMIM has it.

    Args:
        image: [B, C, H, W].
        rebuilt: the same shape: one channel must not be broadcast over three.
        hidden: 0 or 1, [B, 1, H, W].

    Raises:
        ValueError: if the shapes differ.
    """
    if image.shape != rebuilt.shape:
        raise ValueError(f"image {tuple(image.shape)} and reconstruction {tuple(rebuilt.shape)} must have one shape")
    error = (image - rebuilt.float()).abs() * hidden
    return error.sum() / (hidden.sum() + 1e-5) / image.shape[1]


def local_norm(image: Tensor, window: int) -> Tensor:
    """Return [B, C, H, W] less its local mean, over its local deviation, in a window of so many pixels."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, stride=1, padding=window // 2, count_include_pad=False)

    average = mean(image)
    variance = (mean(image.square()) - average.square()).clamp_min(0.0)
    return (image - average) / (variance + 1e-6).sqrt()


class MaskedBackbone(nn.Module):
    """A backbone that can be shown a picture with squares hidden.

    A Swin's tokens are replaced after the patch embedding; a convolutional network, which has none, gets a learned
    value per channel in the pixels' place.

    Args:
        backbone: to wrap; it stays usable alone.
        channels: of the picture.
    """

    def __init__(self, backbone: Backbone, channels: int) -> None:
        super().__init__()
        self.backbone = backbone
        embed = backbone.patch_embed
        width = backbone.channels[0] if embed is not None else channels
        shape = (1, 1, 1, width) if embed is not None else (1, width, 1, 1)
        self.mask_token = nn.Parameter(torch.empty(shape))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        self._tokens: Tensor | None = None
        if embed is not None:
            embed.register_forward_hook(self._replace)
        for norm in list(backbone.norms)[:-1]:
            norm.requires_grad_(False)  # only the last stage's features are used here: no gradient would ever come

    def _replace(self, _module: nn.Module, _inputs: tuple[Tensor, ...], embedded: Tensor) -> Tensor:
        if self._tokens is None:
            return embedded
        return torch.where(self._tokens, self.mask_token.to(embedded.dtype), embedded)

    def forward(self, image: Tensor, hidden: Tensor) -> Tensor:
        """Return the last stage's features [B, C, H / 32, W / 32].

        Args:
            image: [B, channels, H, W].
            hidden: bool [B, H / 32, W / 32].
        """
        if self.backbone.patch_embed is None:
            pixels = _enlarge(hidden, 32)[:, None]
            features: list[Tensor] = self.backbone(torch.where(pixels, self.mask_token.to(image.dtype), image))
            return features[-1]
        self._tokens = _enlarge(hidden, 8)[..., None]  # 32-pixel squares in patches of 4
        try:
            features = self.backbone(image)
        finally:
            self._tokens = None
        return features[-1]


@dataclass(frozen=True)
class MaskedResult:
    """What a batch gave: losses (scalars), reconstructions [B, C, H, W] in normalised units, projections [B, P]."""

    loss: Tensor
    rgb_loss: Tensor
    dsm_loss: Tensor
    contrastive_loss: Tensor
    rgb_rebuilt: Tensor
    dsm_rebuilt: Tensor
    rgb_projected: Tensor
    dsm_projected: Tensor


class MaskedImageModel(nn.Module):
    """Two masked encoders, two decoders, two projections.

    Args:
        config: settings; ``config.encoder`` has both backbones.
    """

    def __init__(self, config: MaskedImageConfig) -> None:
        super().__init__()
        self.config = config
        rgb_config, dsm_config = given(config.encoder.rgb), given(config.encoder.dsm)  # both, says its own check
        self.rgb = MaskedBackbone(Backbone(rgb_config), rgb_config.channels)
        self.dsm = MaskedBackbone(Backbone(dsm_config), dsm_config.channels)
        rgb_width, dsm_width = self.rgb.backbone.channels[-1], self.dsm.backbone.channels[-1]
        both = rgb_width + dsm_width
        self.rgb_decoder = make_decoder(both if config.joint_decoders else rgb_width, rgb_config.channels)
        self.dsm_decoder = make_decoder(both if config.joint_decoders else dsm_width, dsm_config.channels)
        outputs, layers, pool = config.projection or rgb_width, config.projection_layers, config.projection_pool
        self.rgb_projection = make_projection(rgb_width, outputs, layers, pool)
        self.dsm_projection = make_projection(dsm_width, outputs, layers, pool)

    def forward(
        self,
        rgb: Tensor,
        dsm: Tensor,
        rgb_hidden: Tensor,
        dsm_hidden: Tensor,
        rgb_valid: Tensor | None = None,
        dsm_valid: Tensor | None = None,
    ) -> MaskedResult:
        """Return losses, reconstructions and projected features of a batch.

        Args:
            rgb: [B, channels, H, W], normalised.
            dsm: [B, channels, H, W], normalised.
            rgb_hidden: bool [B, H / 32, W / 32].
            dsm_hidden: the same for the DSM.
            rgb_valid: bool [B, 1, H, W]; pixels without data are not asked for. None: all have data.
            dsm_valid: the same for the DSM.
        """
        rgb_features, rgb_compared = self._features(self.rgb, rgb, rgb_hidden)
        dsm_features, dsm_compared = self._features(self.dsm, dsm, dsm_hidden)
        both = torch.cat([rgb_features, dsm_features], dim=1) if self.config.joint_decoders else None
        rgb_rebuilt = self.rgb_decoder(rgb_features if both is None else both)
        dsm_rebuilt = self.dsm_decoder(dsm_features if both is None else both)
        window = self.config.dsm_target_window
        rgb_loss = masked_l1(rgb, rgb_rebuilt, _asked(rgb_hidden, rgb_valid))
        target = local_norm(dsm, window) if window else dsm
        dsm_loss = masked_l1(target, dsm_rebuilt, _asked(dsm_hidden, dsm_valid))
        rgb_projected = self.rgb_projection(rgb_compared)
        dsm_projected = self.dsm_projection(dsm_compared)
        # in evaluation one process may well be alone in calling this: it must wait for no other
        gather = self.config.gather and self.training
        contrastive = info_nce(rgb_projected, dsm_projected, self.config.temperature, gather)
        rebuilding = self.config.rgb_share * rgb_loss + (1 - self.config.rgb_share) * dsm_loss
        loss = (1 - self.config.alpha) * rebuilding + self.config.alpha * contrastive
        return MaskedResult(
            loss, rgb_loss, dsm_loss, contrastive, rgb_rebuilt, dsm_rebuilt, rgb_projected, dsm_projected
        )

    def _features(self, net: MaskedBackbone, image: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last stage's features of the masked picture, and those that are compared."""
        if not self.config.contrast_whole or self.config.alpha == 0:
            features: Tensor = net(image, hidden)
            return features, features
        # in one pass: a BatchNorm's statistics are then those of both, in training as in use
        both: Tensor = net(torch.cat([image, image]), torch.cat([hidden, torch.zeros_like(hidden)]))
        masked, whole = both.chunk(2)
        return masked, whole

    def embed(self, rgb: Tensor, dsm: Tensor) -> tuple[Tensor, Tensor]:
        """Return the projected, L2-normalised features [B, P] of pictures that are shown whole."""
        shown = torch.zeros(rgb.shape[0], rgb.shape[2] // 32, rgb.shape[3] // 32, dtype=torch.bool, device=rgb.device)
        return (
            F.normalize(self.rgb_projection(self.rgb(rgb, shown)).float(), dim=1),
            F.normalize(self.dsm_projection(self.dsm(dsm, shown)).float(), dim=1),
        )


def make_decoder(inputs: int, channels: int) -> nn.Sequential:
    """Return SimMIM's decoder: a 1×1 convolution to 32 · 32 · channels numbers a cell, laid out as pixels."""
    return nn.Sequential(nn.Conv2d(inputs, 32 * 32 * channels, kernel_size=1), nn.PixelShuffle(32))


def make_projection(inputs: int, outputs: int, layers: int, pool: int = 1) -> nn.Sequential:
    """Return means over ``pool`` × ``pool`` cells and one or two linear layers: [B, inputs, h, w] → [B, outputs]."""
    parts: list[nn.Module] = [nn.AdaptiveAvgPool2d(pool), nn.Flatten()]
    width = inputs * pool * pool
    if layers == 2:
        parts += [nn.Linear(width, inputs), nn.GELU()]
        width = inputs
    return nn.Sequential(*parts, nn.Linear(width, outputs))


def _enlarge(mask: Tensor, factor: int) -> Tensor:
    """Return [B, h · factor, w · factor] from [B, h, w]."""
    return mask.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)


def _asked(hidden: Tensor, valid: Tensor | None) -> Tensor:
    """Return 1 where a pixel is hidden and has data, float [B, 1, H, W]."""
    pixels = _enlarge(hidden, 32)[:, None]
    return (pixels if valid is None else pixels & valid).float()


__all__ = [
    "MaskedBackbone",
    "MaskedImageModel",
    "MaskedResult",
    "local_norm",
    "make_decoder",
    "make_masks",
    "make_projection",
    "masked_l1",
]
