"""Losses of the dense tasks: each takes logits and labels, ignores what is unknown, and is a mean over what is known.

Cross-entropy finds the class, a soft Dice term (V-Net, arXiv 1606.04797) keeps small classes and thin outlines from
drowning in background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from ..models.config import TaskConfig
from ..models.multitask import AUXILIARY

UNKNOWN = 255
"""Label of a pixel whose truth a ``probability`` task does not know (its labels are 0, 1 and this)."""


@dataclass(frozen=True)
class LossConfig:
    """Weights in the sum of losses.

    Attributes:
        task_weights: by task; 1 where not named.
        class_weights: by task, one number a class in the channels' order (rare classes count more).
        dice: of the Dice term beside the cross-entropy of ``probability`` tasks.
        class_dice: the same of ``classes`` tasks; 0 saves a quarter of a small network's step.
        auxiliary: of the auxiliary head's losses (0.4 as in UPerNet's published settings).
    """

    task_weights: dict[str, float] = field(default_factory=dict)
    class_weights: dict[str, tuple[float, ...]] = field(default_factory=dict)
    dice: float = 0.5
    class_dice: float = 0.5
    auxiliary: float = 0.4


@dataclass(frozen=True)
class Labels:
    """Truth of a batch.

    Attributes:
        maps: by task: ``classes``: integer [B, H, W], class ids from 1 and 0 for unknown; ``probability``: integer
            [B, H, W] of 0, 1 and `UNKNOWN`; ``metres``: float [B, H, W], NaN for unknown. Tasks may be left out.
        weights: by task, float [B, H, W] ≥ 0: how much a pixel counts (1 where a task is not named). Roof classes are
            weighed by building this way, so that one hall does not outweigh thirty houses.
    """

    maps: dict[str, Tensor]
    weights: dict[str, Tensor] = field(default_factory=dict)


def multitask_loss(
    outputs: Mapping[str, Tensor], labels: Labels, tasks: tuple[TaskConfig, ...], config: LossConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of all losses, and each task's own (detached) for the log.

    Args:
        outputs: logits [B, channels, H, W] by task, and the auxiliary head's by ``auxiliary/<task>``.
        labels: truth; tasks without labels are left out.
        tasks: what the network gives.
        config: weights.
    """
    total = torch.zeros((), device=next(iter(outputs.values())).device)
    parts: dict[str, Tensor] = {}
    for task in tasks:
        if task.name not in labels.maps:
            continue
        truth, weight = labels.maps[task.name], labels.weights.get(task.name)
        loss = task_loss(outputs[task.name], truth, weight, task, config)
        parts[task.name] = loss.detach()
        if AUXILIARY + task.name in outputs:
            coarse = outputs[AUXILIARY + task.name]
            full = F.interpolate(coarse, size=truth.shape[-2:], mode="bilinear", align_corners=False)
            loss = loss + config.auxiliary * task_loss(full, truth, weight, task, config)
        total = total + config.task_weights.get(task.name, 1.0) * loss
    return total, parts


def task_loss(logits: Tensor, truth: Tensor, weight: Tensor | None, task: TaskConfig, config: LossConfig) -> Tensor:
    """Return one task's loss (a scalar): 0 with zero gradients if nothing is known.

    Args:
        logits: the task's maps [B, C, H, W].
        truth: [B, H, W], as the loss of the task's kind takes it.
        weight: [B, H, W], how much each pixel counts; None: all alike.
        task: what kind of task it is.
        config: how losses are made up.
    """
    logits = logits.float()
    if task.kind == "classes":
        class_weights = config.class_weights.get(task.name)
        return classes_loss(logits, truth, weight, class_weights, config.class_dice)
    if task.kind == "probability":
        return probability_loss(logits[:, 0], truth, weight, config.dice)
    return metres_loss(logits[:, 0], truth, weight)


def classes_loss(
    logits: Tensor, truth: Tensor, weight: Tensor | None, class_weights: tuple[float, ...] | None, dice: float
) -> Tensor:
    """Return cross-entropy plus ``dice`` times soft Dice over the classes that occur in the batch.

    Args:
        logits: [B, classes, H, W].
        truth: integer [B, H, W], ids from 1, 0 unknown.
        weight: float [B, H, W] or None.
        class_weights: one number a class, or None.
        dice: factor of the Dice term.
    """
    known = truth > 0
    index = (truth.long() - 1).clamp_min(0)
    mass = known.float() if weight is None else known.float() * weight
    per_class = None if class_weights is None else logits.new_tensor(class_weights)
    entropy = F.cross_entropy(logits, index, reduction="none")
    scale = mass if per_class is None else mass * per_class[index]
    loss = (entropy * scale).sum() / scale.sum().clamp_min(1e-6)
    if dice > 0:
        probabilities = logits.softmax(dim=1)
        hot = F.one_hot(index, logits.shape[1]).movedim(-1, 1).to(logits.dtype)
        loss = loss + dice * _soft_dice(probabilities, hot, mass[:, None])
    return loss


def probability_loss(logits: Tensor, truth: Tensor, weight: Tensor | None, dice: float) -> Tensor:
    """Return binary cross-entropy plus ``dice`` times soft Dice; ``logits`` and ``truth`` are [B, H, W]."""
    known = (truth != UNKNOWN).float()
    mass = known if weight is None else known * weight
    positive = (truth == 1).to(logits.dtype)
    entropy = F.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    loss = (entropy * mass).sum() / mass.sum().clamp_min(1e-6)
    if dice > 0:
        loss = loss + dice * _soft_dice(logits.sigmoid()[:, None], positive[:, None], mass[:, None])
    return loss


def metres_loss(metres: Tensor, truth: Tensor, weight: Tensor | None) -> Tensor:
    """Return the smooth L1 distance (quadratic below 1 m); ``metres`` and ``truth`` are [B, H, W], NaN unknown."""
    known = torch.isfinite(truth)
    mass = known.float() if weight is None else known.float() * weight
    distance = F.smooth_l1_loss(metres, torch.where(known, truth, metres.detach()), reduction="none")
    return (distance * mass).sum() / mass.sum().clamp_min(1e-6)


def _soft_dice(probabilities: Tensor, truth: Tensor, mass: Tensor) -> Tensor:
    """Return 1 - mean soft Dice over the channels that occur in the batch; all are [B, C, H, W]."""
    axes = (0, 2, 3)
    both = (probabilities * truth * mass).sum(axes)
    area = (probabilities * mass).sum(axes) + (truth * mass).sum(axes)
    occurs = (truth * mass).sum(axes) > 0
    loss = 1 - (2 * both + 1) / (area + 1)
    return (loss * occurs).sum() / occurs.sum().clamp_min(1)
