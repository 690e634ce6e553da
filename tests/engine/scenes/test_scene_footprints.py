"""Outlines: areas, depths and maximal rectangles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt
from shapely.geometry import Point, box

from ridgeline.engine.scenes.footprints import Outline, composed, maximal_rects, rectangle, regular_polygon

KINDS = ("L", "T", "U", "Z", "cross", "court")


@pytest.mark.parametrize("kind", KINDS)
def test_points_inside_are_those_inside_the_polygon(kind: str) -> None:
    outline = composed(kind, 20, 14, 4)
    polygon = outline.polygon()
    rng = np.random.default_rng(0)
    p, q = rng.uniform(-11, 11, 400).astype(np.float32), rng.uniform(-8, 8, 400).astype(np.float32)
    expected = [polygon.contains(Point(a, b)) for a, b in zip(p, q)]
    assert np.array_equal(outline.contains(p, q), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_depth_is_the_largest_square_that_fits(kind: str) -> None:
    outline = composed(kind, 20, 14, 4)
    step = 0.1
    p, q = np.meshgrid(np.arange(-11, 11, step, np.float32) + 0.05, np.arange(-8, 8, step, np.float32) + 0.05)
    inside = outline.contains(p, q)
    expected = distance_transform_cdt(inside, metric="chessboard") * step - step / 2
    depth = outline.depth(p, q)
    assert np.allclose(depth[inside], expected[inside], atol=0.06)
    assert (depth[~inside] <= 1e-4).all()


def test_a_court_is_open_in_the_middle() -> None:
    court = composed("court", 30, 24, 6)
    assert not court.contains(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)).any()
    assert court.polygon().area == pytest.approx(30 * 24 - 18 * 12)


def test_an_l_has_two_maximal_rectangles_and_a_cross_too() -> None:
    for kind in ("L", "T", "cross"):
        assert len(maximal_rects(composed(kind, 20, 14, 4).rects)) == 2
    assert maximal_rects(((0.0, 0.0, 2.0, 1.0),)) == ((0.0, 0.0, 2.0, 1.0),)


@given(st.lists(st.tuples(*[st.integers(-6, 6)] * 2, *[st.integers(1, 6)] * 2), min_size=1, max_size=4))
def test_maximal_rectangles_cover_the_union_and_nothing_else(raw) -> None:
    rects = tuple((float(p), float(q), float(p + a), float(q + b)) for p, q, a, b in raw)
    union = Outline(rects=rects).polygon()
    again = Outline(rects=maximal_rects(rects)).polygon()
    assert union.symmetric_difference(again).area < 1e-9
    for rect in maximal_rects(rects):
        assert box(*rect).difference(union).area < 1e-9


def test_regular_polygons_and_circles() -> None:
    assert regular_polygon(6, 5).polygon().area == pytest.approx(1.5 * 3**0.5 * 25, rel=1e-3)
    assert Outline(radius=5).polygon().area == pytest.approx(np.pi * 25, rel=0.01)
    assert rectangle(4, 2).polygon().area == pytest.approx(8)


@pytest.mark.parametrize("wrong", [{}, {"rects": ((0, 0, 1, 1),), "radius": 1.0}])
def test_an_outline_is_one_thing(wrong) -> None:
    with pytest.raises(ValueError, match="rectangles, or corners, or a radius"):
        Outline(**wrong)
    with pytest.raises(ValueError, match="known are"):
        composed("W", 10, 10, 3)
