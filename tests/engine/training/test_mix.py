"""Mixed samples: each pixel is wholly of one place."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.models.compact import compact_config, compact_inputs
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.scenes.chip import SceneConfig
from ridgeline.engine.training import default, scene_batches
from ridgeline.engine.training.crops import Crop
from ridgeline.engine.training.default_config import DefaultTraining
from ridgeline.engine.training.mix import mixed

TINY = DefaultTraining(
    seed=5, scenes=2, validation_scenes=1, scene=SceneConfig(size=96, gsd=(0.3, 0.4), styles={"south": 1.0}),
    crop_px=64, batch=4,
)  # fmt: skip


def _crop(value: int, side: int) -> Crop:
    layers = {field.name: np.full((side, side), value) for field in fields(Crop)}
    layers["rgb"], layers["channels"] = np.full((3, side, side), value), np.full((6, side, side), value)
    return Crop(**layers)


@given(st.integers(0, 10_000), st.sampled_from([32, 64, 96]))
@settings(max_examples=40, deadline=None)
def test_every_layer_changes_in_the_same_rectangle(seed: int, side: int) -> None:
    one, other = _crop(0, side), _crop(1, side)
    crop = mixed(one, other, np.random.default_rng(seed))
    inside = crop.known == 1
    rows, cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert inside[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].all()
    assert inside.sum() == len(rows) * len(cols)
    assert 0 < inside.mean() < 0.7
    for field in fields(Crop):
        layer = getattr(crop, field.name)
        assert (layer == inside).all()
    assert (one.rgb == 0).all()
    assert (other.rgb == 1).all()


def _mixes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with every sample that is mixed."""
    seen: list[int] = []

    def noted(crop: Crop, other: Crop, rng: np.random.Generator) -> Crop:
        seen.append(1)
        return mixed(crop, other, rng)

    monkeypatch.setattr(scene_batches, "mixed", noted)
    return seen


@pytest.mark.parametrize(("shares", "expected"), [((0.0, 1.0), 4), ((1.0, 0.0), 0), ((0.0, 0.0), 0)])
def test_only_samples_of_the_picture_alone_are_mixed(
    shares: tuple[float, float],
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(TINY, mix=1.0, rgb_and_dsm=shares[0], rgb_alone=shares[1])
    store = default.open_stores(tmp_path, config)[0]
    seen = _mixes(monkeypatch)
    scene_batches.make_batch(store, config, compact_inputs()[0].mean_std, 0)
    assert len(seen) == expected


def test_validation_and_calibration_see_whole_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(TINY, mix=1.0, rgb_and_dsm=0.0, rgb_alone=1.0)
    store = default.open_stores(tmp_path, config)[1]
    seen = _mixes(monkeypatch)
    torch.manual_seed(0)
    model = DenseModel(compact_config())
    default.validate(model, store, config, "cpu")
    default.calibrate(model, store, config, "cpu")
    assert not seen


def test_more_than_all_cannot_be_mixed() -> None:
    with pytest.raises(ValueError, match="mix"):
        replace(TINY, mix=1.5)
