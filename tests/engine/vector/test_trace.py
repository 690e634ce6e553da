"""Tracing by strips equals tracing the whole raster at once."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.features import shapes
from rasterio.transform import Affine
from scipy import ndimage

from ridgeline.engine.vector import trace
from ridgeline.engine.vector.trace import ComponentTracer, outline


def whole(mask, col0, row0):
    """The polygons of the whole mask, by another library, as a set of normalised outlines."""
    transform = Affine.translation(col0, row0)
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=transform)
    polygons = [shapely.geometry.shape(shape) for shape, _ in found]
    return sorted(shapely.to_wkt(shapely.normalize(p if p.is_valid else p.buffer(0))) for p in polygons)


def by_strips(mask, heights, col0, row0, values=None):
    tracer = ComponentTracer(col0, row0)
    values = np.arange(mask.size).reshape(mask.shape) if values is None else values
    found, at, turn = [], 0, 0
    while at < mask.shape[0]:
        height = heights[turn % len(heights)]
        found += tracer.add(row0 + at, mask[at : at + height], {"value": values[at : at + height]})
        at, turn = at + height, turn + 1
    return found + tracer.finish()


masks = hnp.arrays(bool, st.tuples(st.integers(1, 24), st.integers(1, 24)))
blotchy = st.builds(
    lambda seed, share, size: np.random.default_rng(seed).random((size, size + 5)) < share,
    st.integers(0, 10**6),
    st.floats(0.2, 0.95),
    st.integers(5, 60),
)


@settings(max_examples=150, deadline=None)
@given(
    mask=masks | blotchy,
    heights=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    origin=st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
)
def test_polygons_by_strips_equal_polygons_of_the_whole(mask, heights, origin):
    col0, row0 = origin
    found = by_strips(mask, heights, col0, row0)
    polygons = [outline(item.mask, Affine.translation(item.col0, item.row0)) for item in found]
    assert sorted(shapely.to_wkt(shapely.normalize(p)) for p in polygons) == whole(mask, col0, row0)
    assert all(p.is_valid and p.geom_type == "Polygon" for p in polygons)
    assert sum(p.area for p in polygons) == mask.sum()


@settings(max_examples=60, deadline=None)
@given(mask=blotchy, heights=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_every_component_keeps_its_own_values(mask, heights):
    values = np.arange(mask.size).reshape(mask.shape)
    for item in by_strips(mask, heights, 0, 0):
        rows, cols = np.nonzero(item.mask)
        assert np.array_equal(item.maps["value"][rows, cols], values[rows + item.row0, cols + item.col0])
        assert (item.maps["value"][~item.mask] == 0).all()


@settings(max_examples=60, deadline=None)
@given(mask=blotchy, heights=st.lists(st.integers(1, 9), min_size=1, max_size=4), smallest=st.integers(1, 30))
def test_small_components_are_dropped_wherever_the_strips_are_cut(mask, heights, smallest):
    tracer, found, at, rest = ComponentTracer(0, 0, smallest), [], 0, mask.copy()
    while at < mask.shape[0]:
        height = heights[at % len(heights)]
        found += tracer.add(at, mask[at : at + height], {})
        at += height
        for rows, cols in tracer.take_dropped():
            assert rest[rows, cols].all()  # each pixel is told of once
            rest[rows, cols] = False
    found += tracer.finish()
    for rows, cols in tracer.take_dropped():
        rest[rows, cols] = False
    kept = np.zeros_like(mask)
    for item in found:
        kept[item.row0 : item.row0 + item.mask.shape[0], item.col0 : item.col0 + item.mask.shape[1]] |= item.mask
    assert np.array_equal(rest, kept)
    sizes = sorted(int(item.mask.sum()) for item in found)
    assert sizes == sorted(int(item.mask.sum()) for item in by_strips(mask, [99], 0, 0) if item.mask.sum() >= smallest)


def test_a_component_is_handed_out_once_the_rows_have_passed_it():
    mask = np.zeros((30, 10), bool)
    mask[2:5, 2:5] = mask[8:30, 1:3] = True
    tracer = ComponentTracer(0, 0)
    assert tracer.add(0, mask[:4], {}) == []
    assert tracer.first_open == (2, 2)
    (first,) = tracer.add(4, mask[4:8], {})
    assert first.key == (2, 2)
    assert tracer.first_open == (8, 0)
    assert tracer.add(8, mask[8:], {}) == []
    assert tracer.first_open == (8, 1)
    assert len(tracer.finish()) == 1


def test_memory_is_bounded_when_everything_is_one_component(monkeypatch):
    monkeypatch.setattr(trace, "LARGEST_PX", 500)
    found = by_strips(np.ones((60, 20), bool), [10], 0, 0)
    assert [item.mask.sum() for item in found] == [600, 600]


def test_strips_must_follow_each_other():
    tracer = ComponentTracer(0, 5)
    tracer.add(5, np.ones((3, 4), bool), {})
    with pytest.raises(ValueError, match="row 8"):
        tracer.add(9, np.ones((3, 4), bool), {})
    with pytest.raises(ValueError, match="wide"):
        tracer.add(8, np.ones((3, 5), bool), {})


@settings(max_examples=40, deadline=None)
@given(mask=blotchy, heights=st.lists(st.integers(1, 9), min_size=1, max_size=4), smallest=st.integers(2, 30))
def test_what_the_rim_cuts_is_dropped_but_not_told_of(mask, heights, smallest):
    rim = np.ones_like(mask)
    rim[1:-1, 1:-1] = False
    tracer, at = ComponentTracer(0, 0, smallest), 0
    told = np.zeros_like(mask)
    while at < mask.shape[0]:
        rows = slice(at, at + heights[at % len(heights)])
        tracer.add(at, mask[rows], {"rim": rim[rows]})
        at = rows.stop
    tracer.finish()
    for rows, cols in tracer.take_dropped():
        told[rows, cols] = True
    labels, _ = ndimage.label(mask)
    sizes, at_rim = np.bincount(labels.ravel()), np.unique(labels[rim])
    assert np.array_equal(told, mask & (sizes[labels] < smallest) & ~np.isin(labels, at_rim))
