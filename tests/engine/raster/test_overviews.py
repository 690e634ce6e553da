"""Overviews made in one pass: means without nodata, classes that stay classes, whatever the size."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ridgeline.engine.raster.gdal_env import gdal_env
from ridgeline.engine.raster.overviews import BLOCK, OverviewWriter, halved
from ridgeline.engine.raster.statistics import Statistics

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)


def slow_mean(values, nodata):
    """Mean of each 2×2 pixels, one by one."""
    out = np.zeros(((values.shape[0] + 1) // 2, (values.shape[1] + 1) // 2))
    for row, col in np.ndindex(out.shape):
        four = values[2 * row : 2 * row + 2, 2 * col : 2 * col + 2].astype(np.float64)
        # of an odd row or column, a pixel counts for its missing neighbour: their mean is the same
        known = four[np.isfinite(four) & (four != nodata)]
        out[row, col] = known.mean() if known.size else nodata
    return out


@given(values=hnp.arrays(np.uint8, SHAPES))
def test_a_mean_of_whole_numbers_leaves_nodata_out(values):
    assert np.abs(halved(values, 0) - slow_mean(values, 0)).max() <= 0.5
    assert halved(values, 0).dtype == np.uint8


@given(values=hnp.arrays(np.float32, SHAPES, elements=st.one_of(st.just(np.nan), st.floats(-99, 99, width=32))))
def test_a_mean_of_heights_leaves_unknown_ones_out(values):
    np.testing.assert_allclose(halved(values, float("nan")), slow_mean(values, np.nan), atol=1e-3)


def write(folder, values, mean):
    profile = {
        "driver": "GTiff", "width": values.shape[1], "height": values.shape[0], "count": 1, "dtype": str(values.dtype),
        "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
    }  # fmt: skip
    with gdal_env(), OverviewWriter(folder, profile, 0, mean) as overviews:
        for row in range(0, len(values), BLOCK):
            overviews.add(values[row : row + BLOCK])
    found = []
    for path in overviews.paths:
        with rasterio.open(path) as dataset:
            found.append(dataset.read(1))
    return found


@pytest.mark.parametrize("shape", [(1500, 700), (2049, 513), (513, 1), (1, 1100)])
@pytest.mark.parametrize("mean", [True, False], ids=["mean", "classes"])
def test_overviews_are_those_of_the_whole_raster(tmp_path, shape, mean):
    values = np.random.default_rng(0).integers(0, 5, shape, dtype=np.uint8)
    whole, wanted = values, []
    while max(whole.shape) > BLOCK:
        whole = halved(whole, 0) if mean else whole[::2, ::2]
        wanted.append(whole)
    found = write(tmp_path, values, mean)
    assert len(found) == len(wanted) > 0
    for one, other in zip(found, wanted):
        assert np.array_equal(one, other)


def test_a_small_raster_has_no_overview(tmp_path):
    assert write(tmp_path, np.ones((BLOCK, BLOCK), np.uint8), True) == []


@given(values=hnp.arrays(np.uint8, SHAPES))
def test_statistics_are_those_of_the_known_pixels(values):
    statistics = Statistics(0)
    for row in values:
        statistics.add(row[None])
    known, tags = values[values != 0].astype(np.float64), statistics.tags()
    if not known.size:
        assert tags == {}
        return
    assert (tags["STATISTICS_MINIMUM"], tags["STATISTICS_MAXIMUM"]) == (known.min(), known.max())
    assert tags["STATISTICS_MEAN"] == pytest.approx(known.mean())
    assert tags["STATISTICS_STDDEV"] == pytest.approx(known.std(), abs=1e-6)
