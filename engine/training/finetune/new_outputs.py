"""Where new outputs begin: at the best linear reading of what the decoder says of the labels already.

What they see of the picture itself begins as nothing, its norms at the statistics of the tiles.

Heads that begin at random pull a good decoder apart before they are of use: first the linear probe, then the
fine-tuning (LP-FT, arXiv 2202.10054).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...given import given
from ...models.multitask import DenseModel
from ...models.picture_detail import PictureDetail
from .features import picture_for
from .loop import Lesson
from .samples import task_labels
from .views import seen_map

VIEWS = 3
"""Ways in which each tile is looked at."""
MOST_PIXELS = 4000
"""Pixels drawn of each class: a linear reading of a few dozen numbers needs no more."""
_WEIGHT_DECAY = 1e-3


def begin_new_outputs(model: DenseModel, lesson: Lesson) -> None:
    """Give the heads of the task that the labels teach the weights of a logistic regression; the others stay.

    Each class counts as the lesson's losses count it. Only pixels that train are looked at.

    Args:
        model: the network with the new task; changed in place.
        lesson: labels that teach a ``classes`` task.
    """
    places, start = {}, 0
    for item in model.config.tasks:
        places[item.name] = slice(start, start + item.channels)
        start += item.channels
    name = lesson.teaching.taught[0]
    rows = places[name]
    features, classes, share = _training_pixels(model.eval(), lesson, name, rows.stop - rows.start)
    counts = torch.tensor(lesson.loss.class_weights.get(name, (1.0,) * len(share)), device=features.device)
    weight, bias = _regression(features, classes, counts / share.clamp_min(1e-6))
    with torch.no_grad():
        model.heads.weight[rows] = weight[:, :, None, None]
        given(model.heads.bias)[rows] = bias  # the heads are made with one
    detail = model.details[name] if name in model.details else None
    if isinstance(detail, PictureDetail):
        views = ([(tile, number) for number in range(VIEWS)] for tile in range(len(lesson.samples)))
        detail.measure(given(picture_for(model, lesson.shown, pairs)) for pairs in views)


@torch.no_grad()
def _training_pixels(model: DenseModel, lesson: Lesson, task: str, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the decoder says [N, C] of drawn pixels, their channels [N], and which share [channels] was drawn."""
    rng = np.random.default_rng(lesson.config.seed)
    drawn: list[tuple[int, int, NDArray[np.int64], NDArray[np.int64]]] = []
    classes: list[NDArray[np.int64]] = []
    for tile, sample in enumerate(lesson.samples):
        truth = np.where(sample.validates, 0, task_labels(sample, lesson.teaching, lesson.ids)[task])
        for number in range(VIEWS):
            seen = seen_map(truth, lesson.shown.view((tile, number)))
            rows, columns = np.nonzero(seen)
            drawn.append((tile, number, rows, columns))
            classes.append(seen[rows, columns].astype(np.int64) - 1)
    every = np.concatenate(classes)
    kept = _evenly(every, rng)
    share = np.bincount(every[kept], minlength=channels) / np.maximum(np.bincount(every, minlength=channels), 1)
    ends = np.cumsum([len(item) for item in classes])
    features, known = [], []
    for (tile, number, rows, columns), own, end in zip(drawn, classes, ends):
        mine = kept[(kept >= end - len(own)) & (kept < end)] - (end - len(own))
        if mine.size:
            said = model.decoder(lesson.features([(tile, number)]))
            full = F.interpolate(said, scale_factor=float(model.decoder.stride), mode="bilinear", align_corners=False)
            features.append(full[0, :, rows[mine], columns[mine]].T)
            known.append(own[mine])
    together = torch.cat(features)
    found = torch.from_numpy(np.concatenate(known)).to(together.device)
    return together, found, torch.from_numpy(share).to(together)


def _evenly(classes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the indices of at most `MOST_PIXELS` drawn of each class, in order."""
    chosen = []
    for index in np.unique(classes):
        own = np.flatnonzero(classes == index)
        chosen.append(rng.choice(own, MOST_PIXELS, replace=False) if len(own) > MOST_PIXELS else own)
    return np.sort(np.concatenate(chosen))


def _regression(features: Tensor, classes: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights [classes, C] and biases of a logistic regression; a pixel of a class counts its ``counts``."""
    mean, scale = features.mean(0), features.std(0).clamp_min(1e-4)
    seen = (features - mean) / scale
    weight = torch.zeros(len(counts), features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(len(counts), device=features.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        total: Tensor = F.cross_entropy(seen @ weight.T + bias, classes, weight=counts)
        total = total + _WEIGHT_DECAY * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    plain = weight.detach() / scale
    return plain, bias.detach() - plain @ mean
