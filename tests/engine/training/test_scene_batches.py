"""Batches of crops: what they show of each place, and to whom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ridgeline.engine.models.compact import compact_inputs
from ridgeline.engine.scenes.chip import SceneConfig
from ridgeline.engine.training.crops import random_crop
from ridgeline.engine.training.default import open_stores
from ridgeline.engine.training.default_config import DefaultTraining
from ridgeline.engine.training.scene_batches import make_batch, seen_of

CONFIG = DefaultTraining(
    seed=5, scenes=2, validation_scenes=1, scene=SceneConfig(size=64, gsd=(0.3, 0.4)), crop_px=64, batch=4, steps=4,
    workers=0, rgb_and_dsm=0.5, rgb_alone=0.5, false_colour=0.3, grey=0.3,
)  # fmt: skip


def test_a_batch_shows_some_places_as_other_cameras_do_and_all_of_them_in_natural_colours(tmp_path: Path) -> None:
    store, norm = open_stores(tmp_path, CONFIG)[0], compact_inputs()[0].mean_std
    assert norm is not None
    drawn = [make_batch(store, CONFIG, norm, step) for step in range(12)]
    seen, natural = (torch.cat([getattr(batch, name) for batch in drawn]) for name in ("rgb", "natural"))
    mean, std = (torch.tensor(values)[:, None, None] for values in (norm.mean, norm.std))
    bands = seen * std + mean
    is_grey = ((bands[:, 0] - bands[:, 1]).abs() < 1e-3).flatten(1).all(1)
    is_natural = (seen == natural).flatten(1).all(1)
    shares = [float(item.float().mean()) for item in (is_grey, is_natural)]
    assert shares == pytest.approx([0.3, 0.4], abs=0.2)
    assert not bool((is_grey & is_natural).any())
    batch = drawn[0]
    assert torch.equal(seen_of(batch, "rgb", "cpu")["rgb"], batch.rgb)
    assert torch.equal(seen_of(batch, "rgb", "cpu", natural=True)["rgb"], batch.natural)


def test_without_other_cameras_a_batch_is_made_of_its_crops_and_of_nothing_drawn_beside_them(tmp_path: Path) -> None:
    plain = replace(CONFIG, false_colour=0.0, grey=0.0, rgb_and_dsm=0.0, rgb_alone=1.0)
    store, norm = open_stores(tmp_path, plain)[0], compact_inputs()[0].mean_std
    assert norm is not None
    batch = make_batch(store, plain, norm, 3)
    assert torch.equal(batch.rgb, batch.natural)
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (norm.mean, norm.std))
    rng = np.random.default_rng((plain.seed, 7, 3))
    for picture in batch.rgb.numpy():
        scene = store[int(rng.integers(len(store)))]
        crop = random_crop(scene, 64, rng, plain.recolour, plain.rows, plain.recolour_ground, plain.islands)
        rng.random()  # which rasters it shows
        np.testing.assert_allclose(picture, (crop.rgb - mean) / std, atol=1e-5)


def test_shares_of_cameras_are_shares_of_one_whole() -> None:
    with pytest.raises(ValueError, match="shares of one whole"):
        replace(CONFIG, false_colour=0.8)
