"""What is not measured never reaches a value: whatever marks it, and however the raster is brought to the grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.raster.warp import source_pixels

UTM = CRS.from_epsg(25832)
SIDE = 60


def read(item, kind, gsd):
    grid = Grid.covering(UTM, gsd, (499990.0, 5599955.0, 500045.0, 5600010.0))
    with open_aligned(item, kind, grid) as raster:
        return raster.read(grid)


@given(
    seed=st.integers(0, 10**6),
    share=st.sampled_from([0.02, 0.3, 0.9]),
    marker=st.sampled_from([-9999.0, 0.0, 1e30, -3.4028234663852886e38, float("nan")]),
    size=st.sampled_from([0.5, 0.31, 0.8]),
    shift=st.sampled_from([0.0, 0.13]),
    degrees=st.sampled_from([0.0, 25.0]),
)
def test_heights_never_mix_with_nodata(raster_file, rotated, seed, share, marker, size, shift, degrees):
    rng = np.random.default_rng(seed)
    heights = rng.uniform(100, 120, (SIDE, SIDE)).astype(np.float32)
    heights[rng.random(heights.shape) < share] = marker
    path = raster_file(heights, transform=rotated(500000 + shift, 5600000 - shift, size, degrees), nodata=marker)
    block = read(RasterInput(path), "dsm", 0.5)
    found = block.values[0][block.valid]
    assert found.size == 0 or (found.min() >= 100 - 1e-3 and found.max() <= 120 + 1e-3)
    assert np.isnan(block.values[:, ~block.valid]).all()


@given(
    seed=st.integers(0, 10**6),
    share=st.sampled_from([0.02, 0.3, 0.9]),
    how=st.sampled_from(["nodata", "alpha", "mask"]),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    size=st.sampled_from([0.5, 0.31, 0.2, 0.8]),
    degrees=st.sampled_from([0.0, 25.0]),
)
def test_colours_never_mix_with_nodata(raster_file, rotated, seed, share, how, dtype, size, degrees):
    rng = np.random.default_rng(seed)
    colour = np.array([200, 120, 77])
    bands = np.broadcast_to(colour[:, None, None], (3, SIDE, SIDE)).astype(dtype)
    empty = rng.random((SIDE, SIDE)) < share
    bands[:, empty] = 13
    place = rotated(500000.1, 5600000.1, size, degrees)
    if how == "nodata":
        path = raster_file(bands, transform=place, nodata=13)
    elif how == "alpha":
        layers = np.concatenate([bands, np.where(empty, 0, 255).astype(dtype)[None]])
        path = raster_file(layers, transform=place, photometric="RGB", alpha="yes")
    else:
        path = raster_file(bands, transform=place, mask=~empty)
    block = read(RasterInput(path), "rgb", 0.5)
    found = block.values[:, block.valid].astype(np.float64)
    assert np.abs(found - colour[:, None]).max(initial=0) <= (1e-3 if dtype == "float32" else 0)
    assert not block.values[:, ~block.valid].any()


@given(
    seed=st.integers(0, 10**6),
    case=st.sampled_from(
        [("dsm", 0.31), ("dsm", 0.2), ("dsm", 0.5), ("dsm", 1.7), ("rgb", 0.5), ("rgb", 0.8), ("rgb", 1.7)]
    ),
    degrees=st.sampled_from([0.0, 25.0, 90.0]),
)
def test_a_pixel_is_valid_where_the_nearest_source_pixel_is(raster_file, rotated, seed, case, degrees):
    kind, size = case
    rng = np.random.default_rng(seed)
    empty = rng.random((SIDE, SIDE)) < 0.3
    values = np.where(empty, 0, rng.uniform(100, 120, empty.shape)).astype(np.float32 if kind == "dsm" else np.uint8)
    bands = values if kind == "dsm" else np.stack([values] * 3)
    item = RasterInput(raster_file(bands, transform=rotated(500000.1, 5600000.07, size, degrees), nodata=0))
    grid = Grid.covering(UTM, 0.5, (499990.0, 5599955.0, 500045.0, 5600010.0))
    with open_aligned(item, kind, grid) as raster:
        valid = raster.read(grid).valid
        rows, cols = np.mgrid[0 : grid.height, 0 : grid.width] + 0.5
        xs, ys = (cols + grid.col0) * grid.gsd, -(rows + grid.row0) * grid.gsd
        col, row = source_pixels(raster.source, UTM, xs.ravel(), ys.ravel())
    clear = (np.abs(col - np.round(col)) > 1e-3) & (np.abs(row - np.round(row)) > 1e-3)  # not on an edge
    col, row = np.floor(col).astype(int), np.floor(row).astype(int)
    inside = (col >= 0) & (row >= 0) & (col < SIDE) & (row < SIDE)
    nearest = np.zeros(inside.shape, np.bool_)
    nearest[inside] = ~empty[row[inside], col[inside]]
    assert np.array_equal(valid.ravel()[clear], nearest[clear])


def test_black_pixels_stay_black(raster_file):
    bands = np.zeros((3, SIDE, SIDE), np.uint8)
    path = raster_file(bands, transform=Affine(0.4, 0, 500000.1, 0, -0.4, 5600000))
    block = read(RasterInput(path, nodata=-1.0), "rgb", 0.5)
    assert block.valid.any()
    assert not block.values.any()


def test_nodata_that_only_some_bands_hold_is_a_colour(raster_file):
    bands = np.full((3, SIDE, SIDE), 90, np.uint8)
    bands[0, :, :30] = 0
    block = read(RasterInput(raster_file(bands, nodata=0)), "rgb", 0.5)
    assert block.valid.sum() == SIDE * SIDE


def test_a_stated_nodata_replaces_the_files_own(raster_file):
    bands = np.full((3, SIDE, SIDE), 255, np.uint8)
    bands[:, :10] = 0
    path = raster_file(bands, nodata=255)
    assert read(RasterInput(path), "rgb", 0.5).valid.sum() == 10 * SIDE
    assert read(RasterInput(path, nodata=0), "rgb", 0.5).valid.sum() == 50 * SIDE
    assert read(RasterInput(path, nodata=-1), "rgb", 0.5).valid.sum() == 60 * SIDE  # none


@pytest.mark.parametrize("marker", [-9999.0, -32768.0, 1e20, np.inf])
def test_undeclared_markers_are_no_heights(raster_file, marker):
    heights = np.full((SIDE, SIDE), 50.0, np.float32)
    heights[:, 30:] = marker
    block = read(RasterInput(raster_file(heights)), "dsm", 0.5)
    assert block.valid.sum() == SIDE * 30
    assert set(block.values[0][block.valid]) == {50.0}
