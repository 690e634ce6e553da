"""The dense network: maps of the input's size, any decoder, and training down to every parameter."""

import pytest
import torch
from torch.nn import functional as F

from ridgeline.engine.jobs import from_dict, to_dict
from ridgeline.engine.models.backbone import count_parameters
from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.decoders.upernet import POOL_SIZES, area_pool
from ridgeline.engine.models.multitask import DenseModel, activate
from ridgeline.engine.models.presets import trial_pair

NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}
TASKS = (
    TaskConfig("cover", "classes", 5),
    TaskConfig("building", "probability"),
    TaskConfig("height", "metres"),
)
CONFIGS = {
    "fpn": DenseConfig(
        EncoderConfig(
            BackboneConfig("resnet18d", 3, NARROW, skip=True), BackboneConfig("resnet18d", 2, NARROW, skip=True)
        ),
        DecoderConfig("fpn", width=16, skip_width=8),
        TASKS,
    ),
    "upernet": DenseConfig(trial_pair(2), DecoderConfig("upernet", width=32, auxiliary=True), TASKS),
    "upernet_over_a_skip": DenseConfig(
        EncoderConfig(BackboneConfig("resnet18d", 3, NARROW, skip=True), None), DecoderConfig("upernet", 16), TASKS
    ),
}
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=list(CONFIGS))


def images(config: DenseConfig, height: int = 64, width: int = 96) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sides = {"rgb": config.encoder.rgb, "dsm": config.encoder.dsm}
    return {
        name: torch.randn(2, side.channels, height, width, generator=generator)
        for name, side in sides.items()
        if side is not None
    }


@configs
@pytest.mark.parametrize(("height", "width"), [(64, 96), (32, 32), (160, 64)])
def test_every_task_gives_a_map_of_the_inputs_size(config: DenseConfig, height: int, width: int) -> None:
    model = DenseModel(config).eval()
    with torch.no_grad():
        outputs = model(**images(config, height, width))
    assert {name: tuple(item.shape) for name, item in outputs.items()} == {
        task.name: (2, task.channels, height, width) for task in TASKS
    }


@configs
def test_every_parameter_gets_a_finite_gradient(config: DenseConfig) -> None:
    torch.manual_seed(0)
    model = DenseModel(config).train()
    inputs = images(config)
    present = torch.tensor([[True, False], [False, True]]) if len(inputs) == 2 else None
    outputs = model(**inputs, present=present)
    sum((item * torch.randn_like(item)).sum() for item in outputs.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_the_auxiliary_head_works_in_training_only() -> None:
    model = DenseModel(CONFIGS["upernet"])
    inputs = images(CONFIGS["upernet"])
    assert "auxiliary/cover" in model.train()(**inputs)
    assert set(model.eval()(**inputs)) == {task.name for task in TASKS}


def test_group_norm_lets_upernet_train_on_a_batch_of_one() -> None:
    config = CONFIGS["upernet"]
    outputs = DenseModel(config).train()(**{name: item[:1] for name, item in images(config, 32, 32).items()})
    assert all(torch.isfinite(item).all() for item in outputs.values())


@configs
def test_one_modality_is_enough(config: DenseConfig) -> None:
    model = DenseModel(config).eval()
    for name, image in images(config).items():
        assert torch.isfinite(model(**{name: image})["cover"]).all()


def test_activations_are_those_of_torch() -> None:
    logits = {
        "cover": torch.randn(2, 5, 8, 8) * 50,
        "building": torch.randn(2, 1, 8, 8),
        "height": torch.ones(2, 1, 8, 8),
    }
    found = activate(logits, TASKS)
    torch.testing.assert_close(found["cover"], logits["cover"].softmax(dim=1))
    torch.testing.assert_close(found["building"], logits["building"].sigmoid())
    assert torch.equal(found["height"], logits["height"])


def test_the_compact_model_is_small_and_described() -> None:
    config = compact_config()
    assert 2e6 <= count_parameters(DenseModel(config)) <= 6e6
    assert [(item.name, item.channels) for item in compact_outputs()] == [(t.name, t.channels) for t in config.tasks]
    assert [item.channels for item in compact_inputs()] == [config.encoder.rgb.channels, config.encoder.dsm.channels]


@configs
def test_configurations_survive_json(config: DenseConfig) -> None:
    assert from_dict(DenseConfig, to_dict(config)) == config


def test_tasks_that_share_a_name_are_refused() -> None:
    with pytest.raises(ValueError, match="name of its own"):
        DenseConfig(CONFIGS["fpn"].encoder, DecoderConfig(), (TASKS[0], TASKS[0]))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (6, 5), (16, 16)])
def test_pooling_by_matrices_is_adaptive_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    for side in POOL_SIZES:
        torch.testing.assert_close(area_pool(x, side), F.adaptive_avg_pool2d(x, side))
