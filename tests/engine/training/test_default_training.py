"""The default model's training: batches that depend on the seed and their step alone, runs that can be cut anywhere."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import Cancelled, RidgelineError
from ridgeline.engine.jobs.segment import DEFAULT_MODEL
from ridgeline.engine.models.compact import compact_config, compact_inputs
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import load_package
from ridgeline.engine.models.package.library import find_model
from ridgeline.engine.models.rebuild import trainable_model
from ridgeline.engine.scenes.chip import SceneConfig
from ridgeline.engine.training import default
from ridgeline.engine.training.default import calibrate, open_stores, train_default
from ridgeline.engine.training.default_config import DefaultTraining
from ridgeline.engine.training.default_package import write_default_package
from ridgeline.engine.training.scene_batches import make_batch
from ridgeline.engine.training.scene_store import SceneStore

TINY = DefaultTraining(
    seed=5, scenes=3, validation_scenes=2, scene=SceneConfig(size=64, gsd=(0.3, 0.4)), crop_px=64, batch=2, steps=4,
    warmup=1, validate_every=2, workers=0, rgb_and_dsm=0.4, rgb_alone=0.3,
)  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[SceneStore, SceneStore]:
    return open_stores(tmp_path_factory.mktemp("scenes"), TINY)


def test_a_batch_depends_on_its_step_alone(stores: tuple[SceneStore, SceneStore]) -> None:
    norm = compact_inputs()[0].mean_std
    assert norm is not None
    once, again, other = (make_batch(stores[0], TINY, norm, step) for step in (3, 3, 4))
    assert torch.equal(once.rgb, again.rgb) and torch.equal(once.present, again.present)
    assert not torch.equal(once.rgb, other.rgb)


def test_every_sample_shows_something(stores: tuple[SceneStore, SceneStore]) -> None:
    norm = compact_inputs()[0].mean_std
    assert norm is not None
    present = torch.cat([make_batch(stores[0], TINY, norm, step).present for step in range(40)])
    assert present.any(dim=1).all()
    shares = [float((present == torch.tensor(kind)).all(1).float().mean()) for kind in ((1, 1), (1, 0), (0, 1))]
    assert np.allclose(shares, (0.4, 0.3, 0.3), atol=0.2) and min(shares) > 0.1


class _StopAfter(Feedback):
    """Cancels once ``steps`` training steps are done."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps

    def progress(self, done: float, total: float, *rest: object, **named: object) -> None:
        if done >= self._steps:
            raise Cancelled()


def test_a_run_that_was_stopped_ends_with_the_weights_of_one_that_was_not(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path
) -> None:
    whole = train_default(tmp_path / "whole", stores, TINY, "cpu", Feedback())
    with pytest.raises(Cancelled):
        train_default(tmp_path / "cut", stores, TINY, "cpu", _StopAfter(2))
    resumed = train_default(tmp_path / "cut", stores, TINY, "cpu", Feedback())
    for (name, one), two in zip(whole.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(one, two), name
    lines = (tmp_path / "cut" / "log.jsonl").read_text().splitlines()
    assert len(lines) == 2 and "rgb+dsm building_iou" in lines[-1]


def test_a_run_can_start_from_a_model_and_from_no_other_architecture(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path
) -> None:
    shipped = trainable_model(find_model(DEFAULT_MODEL))
    asleep = replace(TINY, start=DEFAULT_MODEL, steps=1, peak_lr=0.0, weight_decay=0.0)
    after = train_default(tmp_path / "run", stores, asleep, "cpu", Feedback())
    for name, weights in shipped.named_parameters():  # a rate of zero leaves the start as it is
        assert torch.equal(after.get_parameter(name), weights), name
    assert not after.absent_bias.any()  # calibrated anew, at the end

    with pytest.raises(RidgelineError, match="not built like the compact model"):
        train_default(tmp_path / "other", stores, replace(asleep, fusion="ssma"), "cpu", Feedback())


def test_a_network_that_learns_its_own_looks_moves_and_needs_one_to_start_from(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_labels(*_: object) -> None:
        raise AssertionError("it learnt labels")

    monkeypatch.setattr(default, "multitask_loss", no_labels)
    config = replace(TINY, start=DEFAULT_MODEL, own_looks=2, rgb_and_dsm=1.0, rgb_alone=0.0)
    whole = train_default(tmp_path / "whole", stores, config, "cpu", Feedback())
    shipped = trainable_model(find_model(DEFAULT_MODEL))
    gaps = [float((whole.get_parameter(name) - weights).abs().max()) for name, weights in shipped.named_parameters()]
    assert max(gaps) > 0
    with pytest.raises(Cancelled):
        train_default(tmp_path / "cut", stores, config, "cpu", _StopAfter(2))
    resumed = train_default(tmp_path / "cut", stores, config, "cpu", Feedback())
    for (name, one), two in zip(whole.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(one, two), name
    with pytest.raises(ValueError, match="needs a model to start from"):
        replace(TINY, own_looks=2)


def test_what_is_learnt_of_other_cameras_is_what_was_said_in_natural_colours(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.Tensor] = []
    blended: list[torch.Tensor] = []
    learn, blend = default.mean_of_looks, default.blend

    def asks(teacher: DenseModel, inputs: dict[str, torch.Tensor], *rest: Any) -> dict[str, torch.Tensor]:
        asked.append(inputs["rgb"])
        return learn(teacher, inputs, *rest)

    def blends(model: DenseModel, start: DenseModel, share: float, shown: Iterable[Any], device: str) -> None:
        drawn = list(shown)
        blended.extend(inputs["rgb"] for inputs in drawn)
        blend(model, start, share, drawn, device)

    monkeypatch.setattr(default, "mean_of_looks", asks)
    monkeypatch.setattr(default, "blend", blends)
    config = replace(
        TINY, start=DEFAULT_MODEL, own_looks=1, rgb_and_dsm=1.0, rgb_alone=0.0, false_colour=1.0, blend=0.5, steps=2
    )
    train_default(tmp_path / "run", stores, config, "cpu", Feedback())
    norm = compact_inputs()[0].mean_std
    assert norm is not None and len(asked) == 2
    for step, seen in ((0, asked[0]), (1, asked[1]), (30_000_000, blended[0])):
        batch = make_batch(stores[0], config, norm, step)
        assert torch.equal(seen, batch.natural) and not torch.equal(seen, batch.rgb)


def test_a_blended_run_ends_between_its_first_weights_and_its_own(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path
) -> None:
    config = replace(TINY, start=DEFAULT_MODEL, steps=2, peak_lr=1e-3)
    own = train_default(tmp_path / "own", stores, config, "cpu", Feedback())
    shipped = trainable_model(find_model(DEFAULT_MODEL))
    mixed = train_default(tmp_path / "mixed", stores, replace(config, blend=0.25), "cpu", Feedback())
    for name, weights in own.named_parameters():
        between = 0.75 * shipped.get_parameter(name) + 0.25 * weights
        assert torch.allclose(mixed.get_parameter(name), between, atol=1e-6), name
    assert all(torch.isfinite(value).all() for value in mixed.buffers()) and not mixed.training
    with pytest.raises(ValueError, match="needs a model to start from"):
        replace(TINY, blend=0.5)


def test_calibration_moves_the_building_output_where_a_modality_is_absent(
    stores: tuple[SceneStore, SceneStore],
) -> None:
    torch.manual_seed(8)
    model = DenseModel(compact_config()).eval()
    scores = calibrate(model, stores[1], TINY, "cpu")
    assert set(scores) == {"calibrated rgb building_iou", "calibrated dsm building_iou"}
    assert model.absent_bias.any(dim=1).all()


def test_a_store_of_another_recipe_is_refused(stores: tuple[SceneStore, SceneStore]) -> None:
    with pytest.raises(ValueError, match="another recipe"):
        open_stores(stores[0].folder.parent, replace(TINY, seed=6))


def test_a_city_that_is_held_back_cannot_be_trained_on() -> None:
    with pytest.raises(ValueError, match="held back"):
        replace(TINY, scene=replace(TINY.scene, cities=("lod2/LoD2_32_280_5657_1_NW.gml",)))


def test_a_network_for_the_picture_alone_learns_beside_the_others_of_its_package(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path
) -> None:
    config = replace(TINY, start=DEFAULT_MODEL, alone="rgb", steps=2, validate_every=1)
    model = train_default(tmp_path / "run", stores, config, "cpu", Feedback())
    assert model.encoder.modalities == ("rgb",)
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert "rgb building_iou" in lines[-1] and "dsm building_iou" not in lines[-1]
    assert make_batch(stores[0], config, compact_inputs()[0].mean_std, 0).present.tolist() == [[True, False]] * 2

    before = model.heads.bias.detach().clone()
    scores = calibrate(model, stores[1], config, "cpu")
    assert set(scores) == {"calibrated rgb building_iou"}
    channels = [task.name for task in model.config.tasks for _ in range(task.channels)]
    moved = torch.nonzero(model.heads.bias != before).flatten().tolist()
    assert [channels[i] for i in moved] == ["building"]

    write_default_package(model, config, tmp_path / "package", scores)
    made, shipped = load_package(tmp_path / "package"), find_model(DEFAULT_MODEL)
    assert made.spec.metrics["synthetic validation"]["calibrated rgb building_iou"] == scores.popitem()[1]
    for one, two in zip(trainable_model(made).parameters(), trainable_model(shipped).parameters()):
        assert torch.equal(one, two)
    own = trainable_model(made, {"rgb"})
    assert torch.allclose(own.heads.bias, model.heads.bias)

    onward = replace(config, start=str(tmp_path / "package"), steps=1, peak_lr=0.0, weight_decay=0.0)
    again = train_default(tmp_path / "on", stores, onward, "cpu", Feedback())
    for one, two in zip(again.parameters(), own.parameters()):
        assert torch.equal(one, two)
    with pytest.raises(ValueError, match="taken out of a model"):
        replace(TINY, alone="rgb")


def test_a_network_that_never_sees_the_picture_alone_leaves_the_one_for_it_as_it_is(
    stores: tuple[SceneStore, SceneStore], tmp_path: Path
) -> None:
    config = replace(TINY, start=DEFAULT_MODEL, rgb_and_dsm=0.5, rgb_alone=0.0, steps=1, validate_every=1)
    assert config.modes == ("rgb+dsm", "dsm")
    model = train_default(tmp_path / "run", stores, config, "cpu", Feedback())
    line = (tmp_path / "run" / "log.jsonl").read_text()
    assert '"rgb+dsm building_iou"' in line and '"dsm building_iou"' in line and '"rgb building_iou"' not in line
    scores = calibrate(model, stores[1], config, "cpu")
    assert set(scores) == {"calibrated dsm building_iou"}

    write_default_package(model, config, tmp_path / "package", scores)
    made, shipped = load_package(tmp_path / "package"), find_model(DEFAULT_MODEL)
    pairs = zip(trainable_model(made).parameters(), model.parameters())
    assert all(torch.allclose(one, two, rtol=1e-3, atol=1e-4) for one, two in pairs)
    pairs = zip(trainable_model(made, {"rgb"}).parameters(), trainable_model(shipped, {"rgb"}).parameters())
    assert all(torch.equal(one, two) for one, two in pairs)
    told, before = made.spec.metrics["synthetic validation"], shipped.spec.metrics["synthetic validation"]
    assert told["calibrated rgb building_iou"] == before["calibrated rgb building_iou"]
    assert "picture alone is that of the model it began with" in made.spec.training_data
