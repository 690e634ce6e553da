"""Outlines within a tolerance of each other: the same answer as shapely's, which takes longer."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.vector.nearness import near, within


def _as_shapely_says(line, other, tolerance):
    for step in (tolerance, tolerance / 4, tolerance / 8):
        places = shapely.points(shapely.get_coordinates(shapely.segmentize(line, step)))
        if shapely.dwithin(other, places, tolerance - step / 2).all():
            return True
        if not shapely.dwithin(other, places, tolerance).all():
            return False
    return False


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), tolerance=st.sampled_from([0.25, 0.5, 1.0, 2.0]), exact=st.booleans())
def test_the_answer_is_that_of_shapely_also_for_distances_that_are_the_limit(seed, tolerance, exact):
    rng = np.random.default_rng(seed)
    boxes = shapely.box(*(rng.integers(0, 12, (2, 6)) / 4), *(rng.integers(13, 40, (2, 6)) / 4))
    one, other = (shapely.union_all(part).symmetric_difference(part[0].buffer(-1)) for part in (boxes[:3], boxes[3:]))
    # far from the origin, as buildings are
    angle = 0.0 if exact else rng.random()
    one, other = (shapely.affinity.rotate(item, angle, origin=(0, 0), use_radians=True) for item in (one, other))
    one, other = (shapely.affinity.translate(item, 400_000, 5_600_000) for item in (one, other))
    for line, border in ((one.boundary, other.boundary), (other.boundary, one.boundary)):
        assert near(line, border, tolerance) == _as_shapely_says(line, border, tolerance)


def test_a_place_given_twice_is_no_nearer_than_it_is():
    ring = shapely.linearrings([(0, 0), (0, 0), (4, 0), (4, 4), (0, 4)])
    assert near(ring, shapely.linearrings([(0, 0), (4, 0), (4, 0), (4, 4), (0, 4)]), 0.1)
    assert not near(shapely.linearrings([(0, 0), (9, 0), (9, 4), (0, 4)]), ring, 1.0)


@pytest.mark.parametrize(("margin", "expected"), [(0.4, True), (0.99, False), (1.2, False)])
def test_both_outlines_must_keep_to_the_other_one(margin, expected):
    square = shapely.box(0, 0, 10, 10)
    assert within(square, shapely.box(0, 0, 10, 10 + margin), 1.0) is expected
    holed = shapely.Polygon(square.exterior, [[(4, 4), (4, 6), (6, 6), (6, 4)]])
    assert not within(square, holed, 1.0) and not within(holed, square, 1.0)
