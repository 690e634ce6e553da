"""The split is spatial: whole squares, whole polygons, every class in both halves where it can be."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.training.finetune.split import spatial_split, split_labels

PLACES = st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500), st.integers(0, 2)), min_size=1, max_size=60)


def polygons_at(places):
    return [shapely.box(x, y, x + 8, y + 8) for x, y, _ in places], np.array([kind for _, _, kind in places], np.int64)


@given(PLACES, st.integers(0, 5))
def test_polygons_of_one_square_are_in_one_half(places, seed):
    shapes, classes = polygons_at(places)
    split = spatial_split(shapes, classes, 0.25, 64.0, seed)
    points = np.array([shape.representative_point().coords[0] for shape in shapes])
    assert split.blocks_of(points[:, 0], points[:, 1]).tolist() == split.validates.tolist()


@given(PLACES, st.integers(0, 5))
def test_no_class_is_left_without_training(places, seed):
    shapes, classes = polygons_at(places)
    split = spatial_split(shapes, classes, 0.25, 64.0, seed)
    for kind in np.unique(classes):
        assert (~split.validates[classes == kind]).any()


def test_the_share_is_met_where_there_is_enough(tmp_path):
    random = np.random.default_rng(1)
    places = [(x, y, int(random.integers(2))) for x, y in random.uniform(0, 2000, (400, 2))]
    shapes, classes = polygons_at(places)
    split = spatial_split(shapes, classes, 0.25, 64.0, 1)
    for kind in (0, 1):
        assert split.validates[classes == kind].mean() == pytest.approx(0.25, abs=0.05)


def test_the_same_seed_gives_the_same_split():
    shapes, classes = polygons_at([(x * 40.0, 0.0, 0) for x in range(40)])
    first, second = (spatial_split(shapes, classes, 0.3, 64.0, 7).validates for _ in range(2))
    assert first.tolist() == second.tolist()


def test_labels_close_together_are_split_by_smaller_squares():
    shapes = [shapely.box(x, 0, x + 4, 4) for x in range(2, 62, 6)]
    classes = np.zeros(len(shapes), np.int64)
    assert not spatial_split(shapes, classes, 0.25, 64.0, 1).validates.any()
    split = split_labels(shapes, classes, 0.25, 64.0, 1)
    assert split.validates.any() and not split.validates.all() and 8 <= split.block_m < 64


@given(PLACES, st.integers(0, 3))
def test_a_split_of_labels_keeps_every_class_in_training(places, seed):
    shapes, classes = polygons_at(places)
    split = split_labels(shapes, classes, 0.25, 64.0, seed)
    for kind in np.unique(classes):
        assert (~split.validates[classes == kind]).any()
