"""What a network says itself, on average, of a place seen turned and mirrored: truth to learn from without labels.

A network that learns the mean of its own looks comes nearer at one look to what it takes several to say, and can
learn to say the same of places shown otherwise. No label pulls it away from what it knew; what it knew of other places
than those it is shown may still be lost (``evaluation/MODEL_HISTORY.md``, round 12b). Data distillation: Radosavovic et
al. 2018, "Data distillation: towards omni-supervised learning", CVPR; soft targets: Hinton, Vinyals and Dean 2015,
arXiv 1503.02531.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.config import TaskConfig
from ..models.multitask import AUXILIARY, DenseModel, activate
from ..terrain.symmetry import SYMMETRIES, turned, turned_back, turned_channels
from .losses import LossConfig

_ROOFS, _BUILDINGS = "roof_class", "building"


@torch.no_grad()
def mean_of_looks(
    teacher: DenseModel, inputs: Mapping[str, Tensor], looks: int, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Return the mean probabilities [B, channels, H, W] by task over some looks at a batch.

    Args:
        teacher: in evaluation mode.
        inputs: as `scene_batches.seen_of` gives them; tiles are square.
        looks: how many of the eight symmetries of the square are drawn. As they are drawn anew for each batch, few
            teach the mean of all.
        rng: what draws them.
    """
    total: dict[str, Tensor] = {}
    for symmetry in rng.permutation(SYMMETRIES)[:looks].tolist():
        seen = {name: value if name == "present" else _turned(name, value, symmetry) for name, value in inputs.items()}
        with torch.autocast(next(iter(seen.values())).device.type, dtype=torch.bfloat16):
            logits = teacher(**seen)
        for name, value in activate({k: v.float() for k, v in logits.items()}, teacher.config.tasks).items():
            back = torch.from_numpy(turned_back(value.cpu().numpy(), symmetry).copy()).to(value.device)
            total[name] = total[name] + back if name in total else back
    return {name: value / looks for name, value in total.items()}


def agreement_loss(
    outputs: Mapping[str, Tensor], wanted: Mapping[str, Tensor], tasks: tuple[TaskConfig, ...], config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of all cross-entropies with what is wanted, and each task's own (detached) for the log.

    The class of a roof counts as far as there is a building.

    Args:
        outputs: logits [B, channels, H, W] by task, and the auxiliary head's by ``auxiliary/<task>``.
        wanted: probabilities [B, channels, H, W] by task.
        tasks: what the network gives; metres are left out.
        config: weights of tasks and of the auxiliary head; all else in it is about labels.
    """
    total = torch.zeros((), device=next(iter(outputs.values())).device)
    parts: dict[str, Tensor] = {}
    for task in tasks:
        if task.kind == "metres":
            continue
        truth = wanted[task.name]
        of_roofs = task.name == _ROOFS and _BUILDINGS in wanted
        mass = wanted[_BUILDINGS][:, 0] if of_roofs else torch.ones_like(truth[:, 0])
        loss = _entropy(outputs[task.name], truth, mass, task.kind)
        parts[task.name] = loss.detach()
        if AUXILIARY + task.name in outputs:
            coarse = outputs[AUXILIARY + task.name]
            full = F.interpolate(coarse, size=truth.shape[-2:], mode="bilinear", align_corners=False)
            loss = loss + config.auxiliary * _entropy(full, truth, mass, task.kind)
        total = total + config.task_weights.get(task.name, 1.0) * loss
    return total, parts


def _entropy(logits: Tensor, truth: Tensor, mass: Tensor, kind: str) -> Tensor:
    logits = logits.float()
    if kind == "classes":
        each = -(truth * logits.log_softmax(dim=1)).sum(dim=1)
    else:
        each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")[:, 0]
    return (each * mass).sum() / mass.sum().clamp_min(1e-6)


def _turned(name: str, value: Tensor, symmetry: int) -> Tensor:
    array = value.cpu().contiguous().numpy()
    other = turned_channels(array, symmetry) if name == "dsm" else turned(array, symmetry)
    return torch.from_numpy(other).to(value.device).contiguous(memory_format=torch.channels_last)
