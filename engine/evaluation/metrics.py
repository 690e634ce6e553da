"""Measures of agreement between a map and the truth, in numpy alone: it needs nothing beyond the inference set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


def confusion_matrix(
    truth: NDArray[np.integer], found: NDArray[np.integer], classes: int, valid: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Count pixels by true and found class.

    Args:
        truth: class indices 0 … classes-1, any shape.
        found: the same shape.
        classes: number of classes.
        valid: pixels that count; None: all.

    Returns:
        int64 [classes, classes]: rows are the truth, columns what was found.

    Raises:
        ValueError: if the shapes differ or an index lies outside the classes.
    """
    if truth.shape != found.shape:
        raise ValueError(f"shapes differ: {truth.shape} and {found.shape}")
    pairs = (truth, found) if valid is None else (truth[valid], found[valid])
    for indices in pairs:
        if indices.size and not (0 <= int(indices.min()) and int(indices.max()) < classes):
            raise ValueError(f"class indices must lie between 0 and {classes - 1}")
    flat = pairs[0].astype(np.int64).ravel() * classes + pairs[1].astype(np.int64).ravel()
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class ClassScores:
    """Scores by class from a confusion matrix; NaN where a class is in neither truth nor result.

    Attributes:
        iou: intersection over union, float64 [classes].
        f1: harmonic mean of precision and recall, float64 [classes].
        precision: float64 [classes].
        recall: float64 [classes].
        accuracy: share of all pixels (or objects) that are right.
    """

    iou: NDArray[np.float64]
    f1: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    accuracy: float

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes that occur; NaN when none does."""
        return float(np.nanmean(self.iou)) if np.isfinite(self.iou).any() else float("nan")

    @property
    def mean_recall(self) -> float:
        """Mean recall over the classes that the truth holds (balanced accuracy)."""
        return float(np.nanmean(self.recall)) if np.isfinite(self.recall).any() else float("nan")


def class_scores(matrix: NDArray[np.integer]) -> ClassScores:
    """Return the scores by class of a confusion matrix [classes, classes] whose rows are the truth."""
    counts = matrix.astype(np.float64)
    hit, true, found = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ClassScores(
            iou=hit / (true + found - hit),
            f1=2 * hit / (true + found),
            precision=hit / found,
            recall=hit / true,
            accuracy=float(hit.sum() / counts.sum()) if counts.sum() else float("nan"),
        )


def binary_iou(truth: NDArray[np.bool_], found: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> float:
    """Return intersection over union of two masks of one shape; NaN when both are empty."""
    if valid is not None:
        truth, found = truth & valid, found & valid
    union = int(np.count_nonzero(truth | found))
    return int(np.count_nonzero(truth & found)) / union if union else float("nan")


def rmse(truth: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """Return the root mean square error over the pairs of which both are finite; NaN when there is none.

    Args:
        truth: values of any shape.
        found: values of the same shape and unit, which is that of the error.
    """
    difference = (found - truth).astype(np.float64)
    difference = difference[np.isfinite(difference)]
    return float(np.sqrt(np.mean(difference**2))) if difference.size else float("nan")
