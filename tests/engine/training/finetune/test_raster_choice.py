"""Whether new classes are told by the picture or need the surface: a linear reading of both networks says."""

from dataclasses import replace

import numpy as np
import pytest
import shapely
from finetune_helpers import tiny_model, town
from hypothesis import assume, given
from hypothesis import strategies as st

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.models.alone import network_alone
from ridgeline.engine.training.finetune.raster_choice import LEAST_GAIN, Ground, Told, compare_rasters

CLASSES = 3


@pytest.fixture(scope="module")
def networks():
    together = tiny_model()
    return network_alone(together, "rgb"), together


def kinds(told_by):
    """Boxes of two kinds and the ground around them; only their heights, or only their colours, tell the kinds."""
    maps, samples = town(4)
    seen = []
    for sample in samples:
        second = (sample.polygon >= 0) & (sample.polygon % 2 == 1)
        truth = np.where(sample.truth == 1, 2, np.where(second, 1, 0)).astype(np.int16)
        rgb, dsm = (sample.inputs[name].copy() for name in ("rgb", "dsm"))
        if told_by == "rgb":
            rgb = np.where(second, -rgb, rgb)
        else:
            dsm = np.where(second, 3 * dsm, dsm)
        seen.append(replace(sample, truth=truth, inputs={"rgb": rgb, "dsm": dsm}))
    points = shapely.get_coordinates(shapely.point_on_surface(np.array(maps.labels.polygons, dtype=object)))
    return seen, Ground(16.0, points, True)


def test_what_heights_tell_asks_for_the_surface(networks):
    told = compare_rasters(*networks, *kinds("dsm"), CLASSES, 1, Feedback())
    assert not told.picture_suffices and told.both > told.picture + 0.2


def test_what_colours_tell_does_not(networks):
    told = compare_rasters(*networks, *kinds("rgb"), CLASSES, 1, Feedback())
    assert told.picture_suffices and told.picture > 0.7


def test_the_same_seed_says_the_same(networks):
    assert compare_rasters(*networks, *kinds("rgb"), CLASSES, 3, Feedback()) == compare_rasters(
        *networks, *kinds("rgb"), CLASSES, 3, Feedback()
    )


def test_a_class_of_a_single_polygon_is_no_fault(networks):
    samples, ground = kinds("rgb")
    few = [replace(s, truth=np.where((s.truth == 1) & (s.polygon != 1), -1, s.truth).astype(np.int16)) for s in samples]
    assert 0 <= compare_rasters(*networks, few, ground, CLASSES, 1, Feedback()).picture <= 1


def test_labels_that_lie_in_one_square_cannot_be_compared(networks):
    samples, ground = kinds("rgb")
    wide = Ground(10_000.0, ground.points, True)
    inside = [replace(s, truth=np.where(s.polygon < 0, -1, s.truth).astype(np.int16)) for s in samples]
    assert compare_rasters(*networks, inside, wide, CLASSES, 1, Feedback()) is None


@given(picture=st.floats(0, 1), gain=st.floats(-1, 1))
def test_a_gain_that_may_be_chance_does_not_ask_for_the_surface(picture, gain):
    assume(abs(gain - LEAST_GAIN) > 1e-9)
    assert Told(picture, picture + gain).picture_suffices is (gain < LEAST_GAIN)


def test_all_pixels_of_a_polygon_are_dealt_with_it():
    """It reaches over three squares of 8 m, and the ground beside it does not go with it."""
    _, samples = town(1)
    rows, columns = np.nonzero(samples[0].polygon == 0)
    ground = Ground(8.0, np.array([[24.5, -99.5]]), True)
    inside = set(ground.squares(samples[0], rows, columns))
    below = ground.squares(samples[0], np.full(40, rows.max() + 2), columns.min() + np.arange(40))
    assert len(inside) == 1 and len(set(below)) >= 3
