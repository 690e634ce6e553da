"""What a network reaches, by torchmetrics: per-class IoU, mIoU, F1, overall accuracy, COCO AP, RMSE.

`evaluation.metrics` computes the same from confusion matrices without torch; a test holds the two together.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import MeanSquaredError, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassJaccardIndex,
)
from torchmetrics.detection import MeanAveragePrecision

from ..models.instances import InstanceTruth


class ClassScores:
    """IoU by class, mIoU, mean F1 and overall accuracy over all batches that were added.

    Args:
        names: of the classes, in the order of their ids from 1.
        device: where the maps are.
    """

    def __init__(self, names: tuple[str, ...], device: torch.device | str = "cpu") -> None:
        self._names = names
        count = len(names)
        self._metrics = MetricCollection(
            {
                "iou": MulticlassJaccardIndex(count, average="none", ignore_index=-1),
                "f1": MulticlassF1Score(count, average="none", ignore_index=-1),
                "oa": MulticlassAccuracy(count, average="micro", ignore_index=-1),
                "counts": MulticlassConfusionMatrix(count, ignore_index=-1),
            }
        ).to(device)

    def add(self, logits: Tensor, truth: Tensor) -> None:
        """Take in logits [B, classes, …] and class ids from 1 [B, …]; 0 is unknown."""
        self._metrics.update(logits.argmax(dim=1), truth.long() - 1)

    def result(self) -> dict[str, float]:
        """Return ``iou/<name>``, ``miou``, ``f1`` and ``oa``; means are over classes that occur in truth or answer."""
        found = self._metrics.compute()
        counts: Tensor = found["counts"]
        occurs = (counts.sum(dim=0) + counts.sum(dim=1)) > 0
        ious, f1s = found["iou"], found["f1"]
        scores = {f"iou/{name}": float(ious[index]) for index, name in enumerate(self._names) if occurs[index]}
        if bool(occurs.any()):
            scores |= {"miou": float(ious[occurs].mean()), "f1": float(f1s[occurs].mean()), "oa": float(found["oa"])}
        return scores


class InstanceScores:
    """COCO AP of masks: ``ap`` (IoU 0.5 to 0.95), ``ap50``, and ``ap/<name>`` by class."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._metric = MeanAveragePrecision(iou_type="segm", class_metrics=True, backend="faster_coco_eval")

    def add(self, found: list[dict[str, Tensor]], truth: list[InstanceTruth]) -> None:
        """Take in what `InstanceModel` gives (tensors [N, …] by name for each sample) and the samples' truth."""
        answers = [
            {"masks": item["masks"][:, 0] > 0.5, "scores": item["scores"], "labels": item["labels"]} for item in found
        ]
        self._metric.update(answers, [{"masks": item.masks.bool(), "labels": item.labels} for item in truth])

    def result(self) -> dict[str, float]:
        """Return the scores; -1, COCO's sign for a class without truth, is left out."""
        found = self._metric.compute()
        scores = {"ap": float(found["map"]), "ap50": float(found["map_50"])}
        classes, values = found["classes"].reshape(-1), found["map_per_class"].reshape(-1)
        for label, value in zip(classes.tolist(), values.tolist()):
            if value >= 0:
                scores[f"ap/{self._names[label - 1]}"] = value
        return scores


class MetreScores:
    """Root mean square error in metres over pixels whose truth is known."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._metric = MeanSquaredError(squared=False).to(device)
        self._seen = 0

    def add(self, metres: Tensor, truth: Tensor) -> None:
        """Take in answers and truth of one shape; NaN is unknown."""
        known = torch.isfinite(truth)
        if bool(known.any()):
            self._metric.update(metres[known], truth[known])
            self._seen += int(known.sum())

    def result(self) -> dict[str, float]:
        """Return ``rmse``, or nothing if no truth was known."""
        return {"rmse": float(self._metric.compute())} if self._seen else {}
