"""From a pretraining run to the encoders of a network that is to be trained: all of them, or an error that says why."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..jobs import ErrorCode, RidgelineError
from .checkpoint import load_into, load_weights
from .encoders import Encoder
from .fused_encoder import FusedEncoder

_LEFT_BEHIND = ("decoder.", "projection.", "mask_token")
"""Parts of a masked-image network that serve pretraining alone, behind ``rgb_``, ``dsm_``, ``rgb.`` or ``dsm.``."""


def load_pretrained(encoder: Encoder, path: Path) -> tuple[str, ...]:
    """Fill an encoder's backbones with those of a pretraining run, and return which it has taken.

    Fusions and what stands for an absent modality are not part of pretraining and stay as they are.

    Args:
        encoder: pair, or one modality alone (the run's other encoder is then left behind).
        path: ``weights-….safetensors`` of a run of ``ridgeline pretrain``.

    Raises:
        RidgelineError: (INPUT_MISSING) if there is no such file; (BAD_MODEL) if it is of no pretraining run, or a
            backbone is not the one that was pretrained: the message lists what is missing, left over, or of another
            shape. The encoder then is as it was.
    """
    tensors, sidecar = load_weights(path)
    if sidecar.get("kind") != "masked_image":
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {path.name!r} are not of a pretraining run.",
            "Name the weights-….safetensors in the folder of a `ridgeline pretrain` run.",
        )
    if not isinstance(encoder, FusedEncoder):
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {path.name!r} are of two encoders, but this network has one over stacked channels.",
            "Choose a network with an encoder for each modality.",
        )
    parts = {name: _part(tensors, f"{name}.backbone.") for name in ("rgb", "dsm")}
    strange = sorted(
        name
        for name in tensors
        if not name.startswith(("rgb.backbone.", "dsm.backbone.")) and not name[4:].startswith(_LEFT_BEHIND)
    )
    if strange:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {path.name!r} hold parts that no pretraining run has: {', '.join(strange)}.",
            "Pretrain again with this version of Ridgeline.",
        )
    backbones = {name: net for name, net in (("rgb", encoder.rgb), ("dsm", encoder.dsm)) if net is not None}
    before = {name: {key: value.clone() for key, value in net.state_dict().items()} for name, net in backbones.items()}
    try:
        for name, net in backbones.items():
            load_into(net, parts[name], f"{path.name}, {name}")
    except RidgelineError:
        for name, net in backbones.items():
            net.load_state_dict(before[name])
        raise
    return tuple(backbones)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
