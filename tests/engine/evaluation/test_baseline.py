"""The classical rule finds a smooth block, leaves a rough tree, and is tuned to the best threshold."""

import numpy as np

from ridgeline.engine.evaluation.baseline import height_and_roughness, tuned
from ridgeline.engine.evaluation.metrics import binary_iou


def block_and_tree():
    random = np.random.default_rng(1)
    surface = random.normal(100, 0.02, (160, 160))
    surface[30:70, 30:80] += 6
    surface[110:130, 110:130] += random.uniform(3, 9, (20, 20))
    truth = np.zeros(surface.shape, bool)
    truth[30:70, 30:80] = True
    return surface, truth


def test_a_smooth_block_is_found_and_a_rough_tree_is_not():
    surface, truth = block_and_tree()
    found = height_and_roughness(surface, 0.5, threshold=1.0)
    assert binary_iou(truth, found) > 0.85
    assert found[112:128, 112:128].mean() < 0.1


def test_without_a_roughness_limit_the_tree_counts_too():
    surface, _truth = block_and_tree()
    assert height_and_roughness(surface, 0.5, threshold=1e9)[112:128, 112:128].mean() > 0.9


def test_tuning_gives_the_best_threshold():
    surface, truth = block_and_tree()
    best, threshold = tuned(surface, 0.5, truth, np.ones(truth.shape, bool))
    assert best == binary_iou(truth, height_and_roughness(surface, 0.5, threshold)) and best > 0.85


def test_nodata_is_no_building():
    surface, _truth = block_and_tree()
    surface[40:50, 40:50] = np.nan
    found = height_and_roughness(surface, 0.5, threshold=2.0)
    assert not found[40:50, 40:50].any()
