"""Two independent encoders, one for the picture and one for the surface model, and the fused pyramid of both.

After HiRes-FusedMIM (arXiv 2503.18540): dual encoder, features fused stage by stage.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..given import given
from .backbone import Backbone
from .config import EncoderConfig
from .fusion import FUSION_MODULES
from .layers import check_sides


class FusedEncoder(nn.Module):
    """Gives one pyramid from RGB and DSM, from RGB alone, or from the DSM alone.

    What stands for an absent modality is one learned vector per stage, the same at every pixel; its encoder is not
    computed. In training ``present`` says it sample by sample (modality dropout), and only what is seen is computed.

    Attributes:
        channels: of the fused features, from fine to coarse (those of the RGB backbone, or of the only one).
        strides: of the same.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.rgb = Backbone(config.rgb) if config.rgb is not None else None
        self.dsm = Backbone(config.dsm) if config.dsm is not None else None
        first = given(self.rgb or self.dsm)  # one is there, by the configuration's own check
        self.channels, self.strides = first.channels, first.strides
        if self.rgb is None or self.dsm is None:
            return
        if self.rgb.strides != self.dsm.strides:
            raise ValueError(f"strides of rgb {self.rgb.strides} and dsm {self.dsm.strides} must be the same")
        pairs = list(zip(self.rgb.channels, self.dsm.channels))
        self.absent_rgb = nn.ParameterList([nn.Parameter(torch.zeros(1, rgb, 1, 1)) for rgb, _ in pairs])
        self.absent_dsm = nn.ParameterList([nn.Parameter(torch.zeros(1, dsm, 1, 1)) for _, dsm in pairs])
        self.fusions = nn.ModuleList([FUSION_MODULES[config.fusion](rgb, dsm, rgb) for rgb, dsm in pairs])

    @property
    def modalities(self) -> tuple[str, ...]:
        """``rgb``, ``dsm`` or both: what the encoder can take."""
        return tuple(name for name, net in (("rgb", self.rgb), ("dsm", self.dsm)) if net is not None)

    def forward(
        self, rgb: Tensor | None = None, dsm: Tensor | None = None, present: Tensor | None = None
    ) -> list[Tensor]:
        """Return the fused features [B, C, H / stride, W / stride] from fine to coarse.

        Args:
            rgb: [B, channels, H, W], or None; H and W multiples of 32.
            dsm: [B, channels, H, W] of the same H and W, or None.
            present: bool [B, 2], whether a sample's RGB and DSM are to be seen; needs both tensors.
                None: all that are given.

        Raises:
            ValueError: if nothing is given, a modality is given that the encoder lacks, or sizes do not fit.
        """
        if present is not None and (rgb is None or dsm is None):
            raise ValueError("present needs both rgb and dsm")
        rgb_seen, dsm_seen = (None, None) if present is None else (present[:, 0], present[:, 1])
        rgb_features = self._encode("rgb", self.rgb, rgb if rgb_seen is None or rgb is None else rgb[rgb_seen])
        dsm_features = self._encode("dsm", self.dsm, dsm if dsm_seen is None or dsm is None else dsm[dsm_seen])
        if rgb is not None and dsm is not None and rgb.shape[-2:] != dsm.shape[-2:]:
            raise ValueError(f"rgb {tuple(rgb.shape)} and dsm {tuple(dsm.shape)} differ in height or width")
        if self.rgb is None or self.dsm is None:
            features = rgb_features or dsm_features
            if features is None:
                raise ValueError("neither rgb nor dsm was given")
            return features
        if rgb_features is None and dsm_features is None:
            raise ValueError("neither rgb nor dsm was given")
        fused = []
        for level, fusion in enumerate(self.fusions):
            a = _or_absent(rgb_features, dsm_features, level, self.absent_rgb[level], rgb_seen)
            b = _or_absent(dsm_features, rgb_features, level, self.absent_dsm[level], dsm_seen)
            fused.append(fusion(a, b))
        return fused

    def _encode(self, name: str, backbone: Backbone | None, image: Tensor | None) -> list[Tensor] | None:
        """Return the features of a modality; None where no sample shows it."""
        if image is None:
            return None
        if backbone is None:
            raise ValueError(f"this encoder takes no {name}")
        check_sides(name, image)
        if image.shape[0] == 0:
            return None
        features: list[Tensor] = backbone(image)
        return features


def _or_absent(
    own: list[Tensor] | None, other: list[Tensor] | None, level: int, token: Tensor, seen: Tensor | None
) -> Tensor:
    """Return a modality's features of one stage, with the token where the modality is absent.

    Args:
        own: its features [S, C, H, W] by stage, of the samples that show it; None: none does.
        other: the other modality's.
        level: the stage.
        token: [1, C, 1, 1].
        seen: bool [B], the samples that show it, or None: all.
    """
    if own is None:
        like = given(other)[level]  # one of them is always given
        count = like.shape[0] if seen is None else seen.shape[0]
        return token.to(like.dtype).expand(count, -1, like.shape[2], like.shape[3])
    if seen is None:
        return own[level]
    found = own[level]
    filled = token.to(found.dtype).expand(seen.shape[0], -1, found.shape[2], found.shape[3])
    return filled.index_put((seen,), found)
