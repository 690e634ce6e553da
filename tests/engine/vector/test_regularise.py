"""Regular outlines: closer to the truth than the raw ones, never invalid, never further than the tolerance."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from scipy import ndimage

from ridgeline.engine.evaluation.outlines import example, iou, raster_outline
from ridgeline.engine.vector.regularise import RegulariseOptions, regularise
from ridgeline.engine.vector.trace import outline
from ridgeline.engine.vector.walls import dominant_angle, simplified_indices


def hausdorff(first, second, step):
    """Return the Hausdorff distance of two boundaries, sampled every ``step``: at most step / 2 too small."""
    one, other = first.boundary, second.boundary
    there = shapely.distance(shapely.points(shapely.get_coordinates(shapely.segmentize(one, step))), other)
    back = shapely.distance(shapely.points(shapely.get_coordinates(shapely.segmentize(other, step))), one)
    return float(max(there.max(), back.max()))


def blob(seed, size, smooth):
    """The largest part of a random field: no building at all."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=(size, size)), smooth)
    labels, _ = ndimage.label(field > np.quantile(field, 0.6))
    mask = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    return outline(mask, Affine(0.25, 0, 500_000, 0, -0.25, 5_000_000))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(6, 70),
    smooth=st.floats(0.0, 4.0),
    tolerance=st.sampled_from([0.3, 0.5, 1.0, 2.0]),
)
def test_whatever_comes_the_outline_is_valid_and_within_the_tolerance(seed, size, smooth, tolerance):
    raw = blob(seed, size, smooth)
    found = regularise(raw, RegulariseOptions(tolerance, 0.25))
    assert found.geom_type == "Polygon"
    assert found.is_valid
    assert not found.is_empty
    assert hausdorff(raw, found, 0.02) <= tolerance


def test_rotated_houses_come_out_closer_to_the_truth_than_they_went_in():
    before, after, corners = [], [], []
    for seed in range(40):
        truth = example(seed)
        raw = raster_outline(truth, 0.25)
        found = regularise(raw, RegulariseOptions(1.0, 0.25))
        before.append(iou(raw, truth))
        after.append(iou(found, truth))
        corners.append(shapely.count_coordinates(found) - shapely.count_coordinates(truth))
    assert np.mean(after) > 0.985 > np.mean(before)
    assert np.mean(corners) < 1


@pytest.mark.parametrize("degrees", [0, 7, 30, 45, 61, 89])
def test_a_rectangle_gets_four_square_corners(degrees):
    truth = shapely.affinity.rotate(shapely.box(30, 30, 45, 39), degrees)
    found = regularise(raster_outline(truth, 0.25), RegulariseOptions(1.0, 0.25))
    ring = np.array(found.exterior.coords)[:-1]
    assert len(ring) == 4
    sides = np.roll(ring, -1, axis=0) - ring
    turns = (sides * np.roll(sides, -1, axis=0)).sum(axis=1)
    assert np.abs(turns).max() < 1e-6
    assert iou(found, truth) > 0.98


def test_a_courtyard_stays_a_hole_with_square_corners():
    box = shapely.box(20, 20, 50, 45).difference(shapely.box(28, 28, 40, 37))
    truth = shapely.affinity.rotate(box, 20)
    found = regularise(raster_outline(truth, 0.25), RegulariseOptions(1.0, 0.25))
    assert len(found.interiors) == 1
    assert len(found.interiors[0].coords) == 5
    assert iou(found, truth) > 0.98


def test_a_round_tower_is_not_squared():
    truth = shapely.Point(40, 40).buffer(9)
    found = regularise(raster_outline(truth, 0.25), RegulariseOptions(1.0, 0.25))
    assert iou(found, truth) > 0.95
    assert len(found.exterior.coords) > 8


def test_a_spur_longer_than_the_tolerance_is_kept_and_a_shorter_one_goes():
    house = shapely.box(30, 30, 45, 40)
    long, short = shapely.box(36, 40, 37, 42), shapely.box(36, 40, 36.5, 40.5)
    options = RegulariseOptions(1.0, 0.25)
    assert regularise(raster_outline(house.union(long), 0.25), options).bounds[3] > 41
    assert len(regularise(raster_outline(house.union(short), 0.25), options).exterior.coords) == 5


def test_the_direction_of_a_building_is_found():
    truth = shapely.affinity.rotate(shapely.box(30, 30, 50, 38), 23)
    raw = raster_outline(truth, 0.25)
    ring = np.array(raw.exterior.coords)[:-1]
    angle, share = dominant_angle(ring[simplified_indices(ring, [0.5])[0]])
    assert np.degrees(angle) == pytest.approx(23, abs=1)
    assert share > 0.9


@pytest.mark.parametrize("tolerance", [0.0, 1e-9, 0.05])
def test_a_tolerance_finer_than_pixels_leaves_the_outline_as_it_is(tolerance):
    raw = blob(3, 40, 2.0)
    assert regularise(raw, RegulariseOptions(tolerance, 0.25)) is raw
