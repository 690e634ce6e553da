"""AdamW with weight decay where it belongs, and learning rates that warm up and fall."""

from __future__ import annotations

import math

import torch
from torch import nn

NO_DECAY_NAMES = ("relative_position_bias_table", "absolute_pos_embed", "mask_token", "absent_rgb", "absent_dsm")
"""Parts of names that are spared weight decay whatever their shape, at any depth and behind any prefix.

SimMIM compares prefixed names and so decays its bias tables unawares; a test holds us to this list.
"""


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return two groups of trainable parameters: decayed, and spared (biases, norms and all of `NO_DECAY_NAMES`)."""
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        spare = parameter.ndim <= 1 or any(part in name for part in NO_DECAY_NAMES)
        (spared if spare else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]


def make_adamw(model: nn.Module, lr: float, weight_decay: float = 0.05) -> torch.optim.AdamW:
    """Return AdamW (betas 0.9 and 0.999, eps 1e-8) over the groups of `parameter_groups`."""
    return torch.optim.AdamW(parameter_groups(model, weight_decay), lr=lr, betas=(0.9, 0.999), eps=1e-8)


def learning_rate(step: int, steps: int, peak: float, warmup: int, floor: float = 0.0, start: float = 0.0) -> float:
    """Return the rate of ``step`` (from 0) of ``steps``: a line from ``start`` to ``peak``, a cosine to ``floor``."""
    if step < warmup:
        return start + (peak - start) * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * done))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate
