"""Losses ignore what is unknown, weigh what they are told to, and agree with torch where they should."""

import math

import pytest
import torch
from torch.nn import functional as F

from ridgeline.engine.models.config import TaskConfig
from ridgeline.engine.training.losses import (
    UNKNOWN,
    Labels,
    LossConfig,
    classes_loss,
    metres_loss,
    multitask_loss,
    probability_loss,
)

TASKS = (TaskConfig("cover", "classes", 3), TaskConfig("building", "probability"), TaskConfig("height", "metres"))


@pytest.fixture()
def logits() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture()
def truth() -> torch.Tensor:
    return torch.randint(1, 4, (2, 8, 8), generator=torch.Generator().manual_seed(1))


def test_without_dice_it_is_cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> None:
    torch.testing.assert_close(classes_loss(logits, truth, None, None, 0.0), F.cross_entropy(logits, truth - 1))
    weights = (1.0, 5.0, 0.2)
    expected = F.cross_entropy(logits, truth - 1, weight=torch.tensor(weights))
    torch.testing.assert_close(classes_loss(logits, truth, None, weights, 0.0), expected)


def test_unknown_pixels_change_nothing(logits: torch.Tensor, truth: torch.Tensor) -> None:
    truth[:, :4] = 0
    other = logits.clone()
    other[:, :, :4] += 100 * torch.randn(2, 3, 4, 8)
    assert torch.equal(classes_loss(logits, truth, None, None, 1.0), classes_loss(other, truth, None, None, 1.0))
    binary = torch.where(truth == 0, UNKNOWN, (truth == 2).long())
    assert torch.equal(
        probability_loss(logits[:, 0], binary, None, 1.0), probability_loss(other[:, 0], binary, None, 1.0)
    )
    metres = torch.where(truth == 0, math.nan, truth.float())
    assert torch.equal(metres_loss(logits[:, 0], metres, None), metres_loss(other[:, 0], metres, None))


def test_nothing_known_gives_a_finite_loss_without_gradient(logits: torch.Tensor) -> None:
    logits.requires_grad_()
    labels = Labels(
        {
            "cover": torch.zeros(2, 8, 8, dtype=torch.long),
            "building": torch.full((2, 8, 8), UNKNOWN),
            "height": torch.full((2, 8, 8), math.nan),
        }
    )
    outputs = {"cover": logits, "building": logits[:, :1], "height": logits[:, 1:2]}
    loss, _ = multitask_loss(outputs, labels, TASKS, LossConfig())
    loss.backward()
    assert math.isfinite(loss.item())
    assert logits.grad.abs().max() == 0


def test_weights_move_the_loss_to_where_they_lie(logits: torch.Tensor, truth: torch.Tensor) -> None:
    weight = torch.zeros(2, 8, 8)
    weight[0] = 3.0
    only_first = classes_loss(logits, truth, weight, None, 0.5)
    torch.testing.assert_close(only_first, classes_loss(logits[:1], truth[:1], None, None, 0.5), rtol=0.02, atol=0)


def test_dice_falls_towards_zero_for_the_truth(truth: torch.Tensor) -> None:
    right = 50 * F.one_hot(truth - 1, 3).movedim(-1, 1).float()
    assert classes_loss(right, truth, None, None, 1.0) < 1e-3
    assert classes_loss(-right, truth, None, None, 1.0) > 10


def test_tasks_without_labels_are_left_out(logits: torch.Tensor, truth: torch.Tensor) -> None:
    outputs = {"cover": logits, "building": logits[:, :1], "height": logits[:, 1:2]}
    loss, parts = multitask_loss(outputs, Labels({"cover": truth}), TASKS, LossConfig(task_weights={"cover": 2.0}))
    assert set(parts) == {"cover"}
    torch.testing.assert_close(loss, 2 * parts["cover"])


def test_the_auxiliary_head_adds_its_share(logits: torch.Tensor, truth: torch.Tensor) -> None:
    outputs = {"cover": logits, "auxiliary/cover": logits[:, :, ::4, ::4]}
    alone, _ = multitask_loss({"cover": logits}, Labels({"cover": truth}), TASKS, LossConfig())
    both, _ = multitask_loss(outputs, Labels({"cover": truth}), TASKS, LossConfig(auxiliary=0.4))
    assert both > alone
