"""Where new outputs begin: at the best linear reading of what the decoder and the picture's colours say of the labels.

What else they see of the picture begins as nothing, its norms at the statistics of the tiles.

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
from .linear_reading import linear_reading
from .loop import Lesson
from .samples import task_labels
from .views import seen_map

VIEWS = 3
"""Ways in which each tile is looked at."""
MOST_PIXELS = 4000
"""Pixels drawn of each class: a linear reading of a few dozen numbers needs no more."""


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
    detail = _detail_of(model, name)
    if detail is not None:
        views = ([(tile, number) for number in range(VIEWS)] for tile in range(len(lesson.samples)))
        detail.measure(given(picture_for(model, lesson.shown, pairs)) for pairs in views)
    features, classes, share = _training_pixels(model.eval(), lesson, name, rows.stop - rows.start)
    counts = torch.tensor(lesson.loss.class_weights.get(name, (1.0,) * len(share)), device=features.device)
    weight, bias = linear_reading(features, classes, counts / share.clamp_min(1e-6))
    decoded = model.decoder.out_channels
    with torch.no_grad():
        model.heads.weight[rows] = weight[:, :decoded, None, None]
        given(model.heads.bias)[rows] = bias  # the heads are made with one
        if detail is not None and detail.direct is not None:
            detail.direct.weight[:] = weight[:, decoded:, None, None]


def _detail_of(model: DenseModel, task: str) -> PictureDetail | None:
    detail = model.details[task] if task in model.details else None
    return detail if isinstance(detail, PictureDetail) else None


@torch.no_grad()
def _training_pixels(model: DenseModel, lesson: Lesson, task: str, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the decoder says [N, C] of drawn pixels, their channels [N], and which share [channels] was drawn.

    What the task is given of the picture's colours stands behind what the decoder says.
    """
    rng = np.random.default_rng(lesson.config.seed)
    detail = _detail_of(model, task)
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
            pairs = [(tile, number)]
            said = model.decoder(lesson.features(pairs))
            if detail is not None and detail.colours is not None:
                said = torch.cat([said, detail.colours(picture_for(model, lesson.shown, pairs))], dim=1)
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
