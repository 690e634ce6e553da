"""Islands: samples in which the rasters end, with nothing known beyond."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.models.compact import compact_inputs
from ridgeline.engine.scenes.chip import SceneConfig
from ridgeline.engine.terrain.height_channels import CHANNELS
from ridgeline.engine.training.crops import random_crop
from ridgeline.engine.training.default import open_stores
from ridgeline.engine.training.default_config import DefaultTraining
from ridgeline.engine.training.losses import UNKNOWN
from ridgeline.engine.training.scene_batches import make_batch
from ridgeline.engine.training.scene_store import ISLANDS, SceneStore, island_windows

TINY = DefaultTraining(
    seed=5, scenes=2, validation_scenes=1, scene=SceneConfig(size=96, gsd=(0.3, 0.4), styles={"suburb": 1.0}),
    crop_px=64, batch=4, islands=1.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SceneStore:
    return open_stores(tmp_path_factory.mktemp("scenes"), TINY)[0]


@given(st.integers(0, 10_000), st.integers(1, 600), st.integers(1, 600))
def test_islands_lie_in_their_scene(index: int, height: int, width: int) -> None:
    windows = island_windows(index, (height, width))
    assert len(windows) == ISLANDS and windows == island_windows(index, (height, width))
    for rows, cols in windows:
        assert 0 <= rows.start < rows.stop <= height and 0 <= cols.start < cols.stop <= width


def test_an_island_knows_nothing_of_what_lies_around(store: SceneStore) -> None:
    scene = store[0]
    for island in scene.islands:
        whole = scene.channels[:, island.window[0], island.window[1]]
        own = island.channels()
        assert own.shape == whole.shape
        inner = (slice(None), slice(2, -2), slice(2, -2))
        near, height = [CHANNELS.index(name) for name in ("slope_x", "slope_y", "roughness")], CHANNELS.index("height")
        assert np.array_equal(own[near][inner], whole[near][inner])  # what is local stays
        assert not np.array_equal(own[height], whole[height])  # the ground is found anew


@given(st.integers(0, 500))
@settings(max_examples=40, deadline=None)
def test_beyond_its_rim_nothing_is_known(store: SceneStore, seed: int) -> None:
    crop = random_crop(store[seed % 2], 64, np.random.default_rng(seed), islands=1.0)
    outside = ~crop.known
    assert 0 < np.count_nonzero(crop.known) < crop.known.size
    assert (crop.building[outside] == UNKNOWN).all() and (crop.boundary[outside] == UNKNOWN).all()
    assert not crop.land_cover[outside].any() and not crop.roof_class[outside].any()
    assert not crop.channels[:, outside].any() and not crop.roof_weight[outside].any()
    inside = crop.known
    assert (crop.land_cover[inside] > 0).all() and set(np.unique(crop.building[inside])) <= {0.0, 1.0}


def test_without_islands_all_is_known(store: SceneStore) -> None:
    crop = random_crop(store[0], 64, np.random.default_rng(1))
    assert crop.known.all() and set(np.unique(crop.building)) <= {0.0, 1.0}


def test_the_picture_is_zero_where_nothing_is_known_even_where_it_lies_off(store: SceneStore) -> None:
    norm = compact_inputs()[0].mean_std
    batch = make_batch(store, replace(TINY, rgb_and_dsm=1.0, rgb_alone=0.0, shift_px=3.0), norm, 0)
    unknown = batch.labels.maps["building"] == UNKNOWN
    assert unknown.any() and not batch.rgb.abs().amax(dim=1)[unknown].any()
    assert batch.rgb.abs().amax(dim=1)[~unknown].gt(0).float().mean() > 0.99


def test_islands_come_as_often_as_they_are_told(store: SceneStore) -> None:
    norm = compact_inputs()[0].mean_std
    found = [
        bool((labels == UNKNOWN).any())
        for step in range(20)
        for labels in torch.unbind(make_batch(store, replace(TINY, islands=0.4), norm, step).labels.maps["building"])
    ]
    assert 0.2 < np.mean(found) < 0.6
