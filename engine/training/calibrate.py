"""Calibrate a network where a modality is absent: at which logit does a picture alone mean a building?

One threshold serves users whatever rasters they have. A picture alone leaves a network unsure, so that buildings stay
under the threshold that is right where heights are seen too. The logit at which the IoU on synthetic validation scenes
is best is taken off, once, in training: nothing here is measured on real areas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..models.multitask import DenseModel

_LOGITS = np.linspace(-3.0, 3.0, 61)


@torch.no_grad()
def best_logit(
    model: DenseModel, task: str, batches: Iterable[tuple[Mapping[str, Tensor], NDArray[np.bool_]]]
) -> tuple[float, float]:
    """Return the logit from which ``task`` counts as yes at best, and the IoU there.

    Args:
        model: the network.
        task: a ``probability`` task.
        batches: inputs by name, and the truth bool [B, H, W].
    """
    model.eval()
    both, either = np.zeros(len(_LOGITS)), np.zeros(len(_LOGITS))
    for inputs, truth in batches:
        logits = model(**inputs)[task][:, 0].float().cpu().numpy()
        # counts of logits above each threshold, by sorting them once into bins
        inside = np.histogram(logits[truth], [*_LOGITS, np.inf])[0][::-1].cumsum()[::-1]
        outside = np.histogram(logits[~truth], [*_LOGITS, np.inf])[0][::-1].cumsum()[::-1]
        both += inside
        either += outside + int(truth.sum())
    iou = both / np.maximum(either, 1)
    best = int(np.argmax(iou))
    return float(_LOGITS[best]), float(iou[best])
