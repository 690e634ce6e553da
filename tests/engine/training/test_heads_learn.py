"""Every head overfits eight real chips: what cannot do that has a fault somewhere between labels and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ridgeline.engine.models.classification import ClassificationConfig, ClassificationModel
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.instances import InstanceConfig, InstanceModel, InstanceTruth
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.training.losses import Labels, LossConfig, multitask_loss
from ridgeline.engine.training.scores import ClassScores, InstanceScores, MetreScores

NARROW = {"channels": [16, 16, 32, 32], "stem_width": 16}
ENCODER = EncoderConfig(
    BackboneConfig("resnet18d", 3, NARROW, skip=True), BackboneConfig("resnet18d", 1, NARROW, skip=True)
)
SIZE = 64


@dataclass(frozen=True)
class Chips:
    """Eight chips of the Hérault pair: houses, gardens, trees."""

    rgb: Tensor
    dsm: Tensor
    height: Tensor
    building: Tensor
    instances: Tensor


@pytest.fixture(scope="module")
def chips(shared_data: Path) -> Chips:
    """Return normalised pictures and heights, and the truth from LiDAR classes."""
    import rasterio
    from scipy import ndimage

    stem = str(shared_data / "real" / "herault_77055_627760")
    layers = {}
    for name in ("rgb", "dsm", "dtm", "class"):
        with rasterio.open(f"{stem}_{name}.tif") as source:
            layers[name] = source.read()
    rgb = (layers["rgb"][:3].astype(np.float32) - 110) / 50
    dsm = np.nan_to_num(layers["dsm"].astype(np.float32))
    height = dsm[0] - np.nan_to_num(layers["dtm"].astype(np.float32))[0]
    building = ndimage.binary_opening(layers["class"][0] == 6, iterations=2)
    instances = ndimage.label(building)[0]
    # the eight windows with the most even share of building
    corners = [(r, c) for r in range(0, 252 - SIZE, 30) for c in range(0, 252 - SIZE, 30)]
    corners.sort(key=lambda rc: abs(building[rc[0] : rc[0] + SIZE, rc[1] : rc[1] + SIZE].mean() - 0.4))

    def cut(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.stack([array[..., r : r + SIZE, c : c + SIZE] for r, c in corners[:8]]))

    return Chips(cut(rgb), cut((height / 5)[None].astype(np.float32)), cut(height), cut(building), cut(instances))


def learn(model: torch.nn.Module, loss_of: object, steps: int, lr: float = 3e-3) -> None:
    optimiser = torch.optim.AdamW(model.parameters(), lr=lr)
    model.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = lr * min(1.0, (step + 1) / 5) * (1 - step / steps)
        loss = loss_of()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # a short run's moving averages still remember its first weights: take the norms' statistics anew
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None
    with torch.no_grad():
        loss_of()
    model.eval()


@pytest.mark.parametrize("decoder", ["fpn", "upernet"])
def test_segmentation_overfits(chips: Chips, decoder: str) -> None:
    torch.manual_seed(0)
    tasks = (TaskConfig("cover", "classes", 2), TaskConfig("building", "probability"))
    config = DenseConfig(ENCODER, DecoderConfig(decoder, 32, 16, auxiliary=decoder == "upernet"), tasks)
    model = DenseModel(config)
    truth = chips.building.long() + 1
    labels = Labels({"cover": truth, "building": chips.building.long()})
    learn(model, lambda: multitask_loss(model(chips.rgb, chips.dsm), labels, tasks, LossConfig())[0], 60)
    scores = ClassScores(("other", "building"))
    with torch.no_grad():
        outputs = model(chips.rgb, chips.dsm)
    scores.add(outputs["cover"], truth)
    assert scores.result()["iou/building"] > 0.9
    found = outputs["building"][:, 0] > 0
    assert (found & chips.building).sum() / (found | chips.building).sum() > 0.9


def test_height_from_a_picture_alone_overfits(chips: Chips) -> None:
    torch.manual_seed(0)
    tasks = (TaskConfig("height", "metres"),)
    model = DenseModel(DenseConfig(EncoderConfig(ENCODER.rgb, None), DecoderConfig("fpn", 32, 16), tasks))
    labels = Labels({"height": chips.height})
    learn(model, lambda: multitask_loss(model(chips.rgb), labels, tasks, LossConfig())[0], 90, lr=1e-2)
    scores, constant = MetreScores(), MetreScores()
    with torch.no_grad():
        scores.add(model(chips.rgb)["height"][:, 0], chips.height)
    constant.add(torch.full_like(chips.height, float(chips.height.mean())), chips.height)
    assert scores.result()["rmse"] < 0.4 * constant.result()["rmse"]


def test_classification_overfits(chips: Chips) -> None:
    torch.manual_seed(0)
    model = ClassificationModel(ClassificationConfig(ENCODER, classes=8))
    truth = torch.arange(8)
    learn(model, lambda: F.cross_entropy(model(chips.rgb, chips.dsm), truth), 25)
    with torch.no_grad():
        assert (model(chips.rgb, chips.dsm).argmax(dim=1) == truth).float().mean() >= 7 / 8


@pytest.mark.slow
def test_instances_overfit(chips: Chips) -> None:
    torch.manual_seed(0)
    config = InstanceConfig(
        ENCODER, classes=2, width=32, anchors=(8, 16, 32, 48, 64), hidden=64, mask_width=32, proposals=60
    )
    model = InstanceModel(config)
    truth = [InstanceTruth.from_ids(ids, (ids > 0).long() * 2) for ids in chips.instances]
    assert all(len(item.labels) for item in truth)
    learn(model, lambda: sum(model.losses(chips.rgb, chips.dsm, truth).values()), 60)
    scores = InstanceScores(("other", "building"))
    with torch.no_grad():
        scores.add(model(chips.rgb, chips.dsm), truth)
    assert scores.result()["ap50"] > 0.5
    assert set(scores.result()) == {"ap", "ap50", "ap/building"}
