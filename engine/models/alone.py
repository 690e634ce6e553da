"""A network for one modality alone, taken out of one for both.

What it computes stays the same but for rounding, and from then on it can learn by itself.
A network for both has one decoder for three ways of looking; what the picture alone would ask of it gives way to what
the heights ask. A network of its own does not have to agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ..given import given
from .decoders.fpn import FpnDecoder
from .fusion.concat import ConcatFusion
from .multitask import DenseModel


@torch.no_grad()
def network_alone(model: DenseModel, modality: str) -> DenseModel:
    """Return a network that takes ``modality`` only and gives what ``model`` gives of it, calibration included.

    The fusion's share of the modality is multiplied into the decoder's first convolutions, and the constant that
    stands for the absent one into their norms.

    Args:
        model: of two encoders fused by concatenation under a feature pyramid; it is not changed.
        modality: ``rgb`` or ``dsm``.

    Raises:
        ValueError: if the network is built in another way, or there is no such modality.
    """
    if modality not in ("rgb", "dsm"):
        raise ValueError(f"modality must be rgb or dsm, not {modality!r}")
    encoder = model.config.encoder
    if model.encoder.modalities != ("rgb", "dsm") or encoder.fusion != "concat":
        raise ValueError("only two encoders fused by concatenation can be taken apart")
    if not isinstance(model.decoder, FpnDecoder) or model.auxiliary is not None:
        raise ValueError("only a plain feature pyramid can be taken over")
    other, one = ("dsm", replace(encoder, dsm=None)) if modality == "rgb" else ("rgb", replace(encoder, rgb=None))
    config = replace(model.config, encoder=one)
    alone = DenseModel(config)
    kept = {name: value for name, value in model.state_dict().items() if name in alone.state_dict()}
    parts: Any = model.encoder
    first = parts.rgb.channels
    for level, fusion in enumerate(parts.fusions):
        mix = _mix_of(fusion)
        picture, surface = mix.weight[:, : first[level], 0, 0], mix.weight[:, first[level] :, 0, 0]
        own, lost = (picture, surface) if modality == "rgb" else (surface, picture)
        absent: Tensor = getattr(parts, f"absent_{other}")[level].flatten()
        constant = lost @ absent + given(mix.bias)
        name = f"decoder.lateral.{level}"
        lateral = kept[f"{name}.0.weight"][:, :, 0, 0]
        kept[f"{name}.0.weight"] = (lateral @ own)[:, :, None, None]
        kept[f"{name}.1.running_mean"] = kept[f"{name}.1.running_mean"] - lateral @ constant
    alone.load_state_dict(kept)
    given(alone.heads.bias).add_(model.absent_bias[0 if modality == "rgb" else 1])
    alone.absent_bias.zero_()
    return alone.train(model.training)


def _mix_of(fusion: nn.Module) -> nn.Conv2d:
    if not isinstance(fusion, ConcatFusion):
        raise ValueError("only features fused by concatenation can be taken apart")
    return fusion.mix
