"""Learning from one's own looks: the mean of what is said of a place turned, and the loss that leads there."""

import numpy as np
import pytest
import torch

from ridgeline.engine.models.compact import compact_config
from ridgeline.engine.models.config import TaskConfig
from ridgeline.engine.models.multitask import DenseModel, activate
from ridgeline.engine.terrain.height_channels import CHANNELS
from ridgeline.engine.terrain.symmetry import SYMMETRIES
from ridgeline.engine.training.losses import LossConfig
from ridgeline.engine.training.own_looks import agreement_loss, mean_of_looks

TASKS = (
    TaskConfig("land_cover", "classes", 3),
    TaskConfig("roof_class", "classes", 2),
    TaskConfig("building", "probability"),
    TaskConfig("height", "metres"),
)


class Ramp(torch.nn.Module):
    """A network that says how far to the east a pixel lies, and what the slope towards it is."""

    class config:
        tasks = (TaskConfig("building", "probability"), TaskConfig("slope", "metres"))

    def forward(self, dsm: torch.Tensor) -> dict[str, torch.Tensor]:
        ramp = torch.linspace(-4, 4, dsm.shape[-1]).expand(len(dsm), 1, *dsm.shape[-2:])
        slope = dsm[:, [CHANNELS.index("slope_x")]]
        return {"building": ramp.clone(), "slope": slope}


def test_what_depends_on_the_side_of_a_tile_evens_out_over_all_looks() -> None:
    dsm = torch.zeros(1, len(CHANNELS), 8, 8)
    found = mean_of_looks(Ramp(), {"dsm": dsm}, SYMMETRIES, np.random.default_rng(0))["building"]
    torch.testing.assert_close(found, torch.rot90(found, 1, (-2, -1)), atol=5e-3, rtol=0)
    torch.testing.assert_close(found, found.flip(-1), atol=5e-3, rtol=0)


def test_slopes_turn_with_the_surface() -> None:
    dsm = torch.zeros(1, len(CHANNELS), 8, 8)
    dsm[:, CHANNELS.index("slope_x")] = 1.0
    dsm[:, CHANNELS.index("slope_y")] = 3.0
    looks = [mean_of_looks(Ramp(), {"dsm": dsm}, 1, np.random.default_rng(seed))["slope"] for seed in range(20)]
    assert {float(look.mean()) for look in looks} == {1.0, -1.0, 3.0, -3.0}


def test_one_look_at_a_tile_as_it_lies_is_what_the_network_says() -> None:
    torch.manual_seed(0)
    model = DenseModel(compact_config()).eval()
    generator = torch.Generator().manual_seed(1)
    inputs = {
        "rgb": torch.randn(2, 3, 64, 64, generator=generator),
        "dsm": torch.randn(2, len(CHANNELS), 64, 64, generator=generator),
        "present": torch.ones(2, 2, dtype=torch.bool),
    }
    seed = next(seed for seed in range(99) if np.random.default_rng(seed).permutation(SYMMETRIES)[0] == 0)
    found = mean_of_looks(model, inputs, 1, np.random.default_rng(seed))
    with torch.no_grad():
        said = activate(model(**inputs), model.config.tasks)
    for name, value in said.items():
        torch.testing.assert_close(found[name], value, atol=0.03, rtol=0)  # bfloat16


def logits_of(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {task.name: torch.randn(2, task.channels, 6, 6, generator=generator) for task in TASKS}


def test_nothing_is_closer_than_to_say_just_what_is_wanted() -> None:
    said = logits_of(0)
    wanted = activate(said, TASKS)
    least = float(agreement_loss(said, wanted, TASKS, LossConfig())[0])
    for seed in range(1, 6):
        assert float(agreement_loss(logits_of(seed), wanted, TASKS, LossConfig())[0]) > least
    logits = {name: value.clone().requires_grad_() for name, value in said.items()}
    agreement_loss(logits, wanted, TASKS, LossConfig())[0].backward()
    for name in ("land_cover", "roof_class", "building"):
        assert float(logits[name].grad.abs().max()) < 1e-6, name
    assert logits["height"].grad is None  # metres are no probabilities


def test_roof_classes_count_where_there_are_buildings() -> None:
    said, wanted = logits_of(0), activate(logits_of(1), TASKS)
    wanted["building"][:, :, :, :3] = 0
    before = agreement_loss(said, wanted, TASKS, LossConfig())[1]["roof_class"]
    said["roof_class"][:, :, :, :3] += 50 * torch.randn(2, 2, 6, 3)
    assert torch.equal(agreement_loss(said, wanted, TASKS, LossConfig())[1]["roof_class"], before)


def test_weights_of_tasks_and_of_the_auxiliary_head_count() -> None:
    said, wanted = logits_of(0), activate(logits_of(1), TASKS)
    total, parts = agreement_loss(said, wanted, TASKS, LossConfig(task_weights={"building": 3.0, "land_cover": 0.0}))
    assert float(total) == pytest.approx(float(3 * parts["building"] + parts["roof_class"]))
    more, _ = agreement_loss(said | {"auxiliary/building": said["building"]}, wanted, TASKS, LossConfig(auxiliary=0.5))
    plain, parts = agreement_loss(said, wanted, TASKS, LossConfig())
    assert float(more) == pytest.approx(float(plain + 0.5 * parts["building"]))
