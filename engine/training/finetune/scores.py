"""How well a network says what the labels say, pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluation.metrics import class_scores, confusion_matrix
from .samples import Sample
from .teaching import Teaching

_ZERO = 30
_LOGITS = 0.1 * (np.arange(2 * _ZERO + 1) - _ZERO)
"""Logits that are tried as the least of a building."""
_LEAST_GAIN = 0.03
"""What a threshold has to gain to count: less is chance."""


@dataclass(frozen=True)
class Scores:
    """Scores over the pixels of one half.

    Attributes:
        names: classes.
        matrix: confusion matrix int64 [classes + 1, classes + 1], rows are the truth; the last
            stands for classes of the model that the labels do not have.
        focus: indices of the classes that the mean is taken over (all but the background, where there is one).
    """

    names: tuple[str, ...]
    matrix: NDArray[np.int64]
    focus: tuple[int, ...]

    @property
    def mean_iou(self) -> float:
        """Mean IoU of the classes that were asked for and occur; 0 when none does."""
        iou = class_scores(self.matrix).iou[list(self.focus)]
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as plain numbers by name; classes that do not occur are left out."""
        iou = class_scores(self.matrix).iou
        by_class = {f"iou {name}": round(float(value), 4) for name, value in zip(self.names, iou) if np.isfinite(value)}
        return {"mean_iou": round(self.mean_iou, 4), **by_class}


@dataclass(frozen=True)
class Validation:
    """How well a network says what the labels say, as it is and as it could.

    Attributes:
        plain: as it is.
        best: where buildings are taught, with the logit from which on a pixel counts as one chosen on the very labels.
            It tells how well roofs are told from ground. The network does not get this logit: a few polygons beside
            those that teach say little of the next ground (the benchmark's NOTES.md).
    """

    plain: Scores
    best: Scores


def validate_samples(
    predicted: Callable[[int], dict[str, NDArray[np.float32]]],
    samples: Sequence[Sample],
    teaching: Teaching,
    ids: dict[str, dict[str, int]],
) -> Validation:
    """Measure the pixels that validate; where buildings are taught, look for the logit from which on they are best.

    Args:
        predicted: gives the logits [channels, H, W] by task of a sample's index.
        samples: tiles with labels.
        teaching: what the labels teach.
        ids: class ids by task and class name.
    """
    if teaching.kind != "building":
        plain = score_samples(predicted, samples, teaching, ids, validation=True)
        return Validation(plain, plain)
    building = teaching.names.index("building")
    inside, outside = (np.zeros(len(_LOGITS) + 1, np.int64) for _ in range(2))
    for index, sample in enumerate(samples):
        truth = sample.truth[sample.core]
        counts = (truth >= 0) & sample.validates[sample.core]
        if counts.any():
            # the number of thresholds that a logit lies above
            above = np.searchsorted(_LOGITS, predicted(index)["building"][0][sample.core][counts])
            is_building = truth[counts] == building
            inside += np.bincount(above[is_building], minlength=len(inside))
            outside += np.bincount(above[~is_building], minlength=len(outside))
    matrices = [_building_matrix(inside, outside, i, teaching) for i in range(len(_LOGITS))]
    scores = [Scores(teaching.names, matrix, (building,)) for matrix in matrices]
    plain, best = scores[_ZERO], max(range(len(scores)), key=lambda i: scores[i].mean_iou)
    if scores[best].mean_iou < plain.mean_iou + _LEAST_GAIN:
        return Validation(plain, plain)
    return Validation(plain, scores[best])


def _building_matrix(
    inside: NDArray[np.int64], outside: NDArray[np.int64], threshold: int, teaching: Teaching
) -> NDArray[np.int64]:
    """Return the confusion matrix at one of the thresholds, from how many pixels lie above how many of them."""
    count = len(teaching.names)
    matrix = np.zeros((count + 1, count + 1), np.int64)
    building = teaching.names.index("building")
    other = 1 - building if teaching.background is None else teaching.background
    for row, pixels in ((building, inside), (other, outside)):
        matrix[row, building] = pixels[threshold + 1 :].sum()
        matrix[row, other] = pixels[: threshold + 1].sum()
    return matrix


def score_samples(
    predicted: Callable[[int], dict[str, NDArray[np.float32]]],
    samples: Sequence[Sample],
    teaching: Teaching,
    ids: dict[str, dict[str, int]],
    validation: bool,
) -> Scores:
    """Compare what a network says with the labels.

    Args:
        predicted: gives the logits [channels, H, W] by task of a sample's index.
        samples: tiles with labels.
        teaching: what the labels teach.
        ids: class ids by task and class name.
        validation: measure the pixels that validate, or those that train.
    """
    count = len(teaching.names)
    matrix = np.zeros((count + 1, count + 1), np.int64)
    for index, sample in enumerate(samples):
        core = sample.core
        truth = sample.truth[core]
        counts = (truth >= 0) & (sample.validates[core] == validation)
        if counts.any():
            found = found_classes(predicted(index), teaching, ids)[core]
            matrix += confusion_matrix(truth, found, count + 1, counts)
    background = teaching.background
    return Scores(teaching.names, matrix, tuple(i for i in range(count) if i != background))


def found_classes(
    logits: dict[str, NDArray[np.float32]], teaching: Teaching, ids: dict[str, dict[str, int]]
) -> NDArray[np.int64]:
    """Return the label's class index [H, W] that the logits say: what a run of the model would show.

    Classes of the model that the labels do not have are all one more index: ``len(teaching.names)``.
    """
    background = teaching.background
    if teaching.kind == "building":
        other = 0 if background is None else background
        building = teaching.names.index("building")
        return np.where(logits["building"][0] > 0, building, other)
    task = teaching.taught[0]
    table = np.full(len(logits[task]), len(teaching.names), np.int64)
    for index, name in enumerate(teaching.names):
        if name in ids[task]:
            table[ids[task][name] - 1] = index
    found: NDArray[np.int64] = table[np.argmax(logits[task], axis=0)]
    if teaching.kind == "roof_class" and background is not None:
        return np.where(logits["building"][0] > 0, found, np.int64(background))
    return found
