"""Weights between those a run began with and those it ended with.

A run that goes on from a good model learns what is new in its scenes and forgets a little of what the model knew of
others. Weights half-way between the two keep most of both (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
models", CVPR).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ..models.multitask import DenseModel


@torch.no_grad()
def move_towards(model: DenseModel, start: DenseModel, share: float) -> None:
    """Move the weights of ``model`` towards those of ``start``; whole numbers among them stay as they are.

    Args:
        model: changed in place.
        start: of the same architecture.
        share: of ``model``'s own weights, 0 to 1.

    Raises:
        ValueError: if the share lies outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, not {share}")
    before = start.state_dict()
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.lerp(before[name].to(value.device, value.dtype), value, share))


@torch.no_grad()
def blend(
    model: DenseModel, start: DenseModel, share: float, shown: Iterable[Mapping[str, Tensor]], device: str
) -> None:
    """Move the weights of ``model`` towards those of ``start``; the means of its activations are then taken anew.

    Args:
        model: on ``device``; changed in place, and in evaluation mode afterwards.
        start: of the same architecture.
        share: of ``model``'s own weights, 0 to 1.
        shown: inputs float32 [B, C, H, W] by name, on ``device``; the means and variances of batch normalisation are
            taken from them.
        device: ``cpu`` or ``cuda``.

    Raises:
        ValueError: if the share lies outside 0 to 1.
    """
    move_towards(model, start, share)
    normalisations = [part for part in model.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    momenta = [part.momentum for part in normalisations]
    for part in normalisations:
        part.reset_running_stats()
        part.momentum = None  # a plain mean over all batches
    model.train()
    for inputs in shown:
        with torch.autocast(device, dtype=torch.bfloat16):
            model(**inputs)
    for part, momentum in zip(normalisations, momenta):
        part.momentum = momentum
    model.eval()
