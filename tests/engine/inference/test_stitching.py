"""Tiles of any size, stride and place put together again: nothing is lost, doubled, shifted or seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from ridgeline.engine.inference.blend import falling_weights, rising_weights
from ridgeline.engine.inference.plan import TilePlan
from ridgeline.engine.inference.stitch import Stitcher
from ridgeline.engine.raster.grid import Grid

UTM = CRS.from_epsg(25832)


@st.composite
def plans(draw):
    size = draw(st.sampled_from([8, 16, 24, 40]))
    overlap = draw(st.integers(0, size // 2))
    grid = Grid(
        UTM,
        0.5,
        draw(st.integers(-100, 100)),
        draw(st.integers(-100, 100)),
        draw(st.integers(1, 120)),
        draw(st.integers(1, 120)),
    )
    return TilePlan(grid, size, overlap)


def stitched(plan, tile_of, channels, left_out=(), weigh=False):
    """Return [channels (+ 1), H, W] of the grid; pixels of no block are NaN."""
    grid = plan.grid
    out = np.full((channels + weigh, *grid.shape), np.nan, np.float32)
    stitcher = Stitcher(plan, channels, weigh)
    for i in plan.bands:
        stitcher.start_band(i)
        for j in plan.columns:
            blocks = stitcher.pass_over(j) if (i, j) in left_out else stitcher.add(j, [tile_of(i, j)])
            if blocks is None:
                continue
            block = np.concatenate(blocks)
            (row0, row1), (col0, col1) = plan.rows_of(i), plan.columns_of(j)
            top, left = i * plan.stride + plan.trim, j * plan.stride + plan.trim
            place = np.s_[:, row0 - grid.row0 : row1 - grid.row0, col0 - grid.col0 : col1 - grid.col0]
            out[place] = block[:, row0 - top : row1 - top, col0 - left : col1 - left]
    return out


def field_tiles(plan, field):
    """Return a function that cuts tiles from ``field(rows, cols)``, defined on the whole lattice."""

    def tile_of(i, j):
        rows = np.arange(i * plan.stride, i * plan.stride + plan.size)[:, None]
        cols = np.arange(j * plan.stride, j * plan.stride + plan.size)[None, :]
        return np.broadcast_to(field(rows, cols), (2, plan.size, plan.size)).astype(np.float32)

    return tile_of


def on_grid(plan, field):
    rows = np.arange(plan.grid.row0, plan.grid.row1)[:, None]
    cols = np.arange(plan.grid.col0, plan.grid.col1)[None, :]
    return np.broadcast_to(field(rows, cols), (2, *plan.grid.shape)).astype(np.float32)


def noise(rows, cols):
    return ((rows * 7919 + cols * 104729) % 1009).astype(np.float64) - 500


@given(plans())
@settings(max_examples=60, deadline=None)
def test_tiles_of_any_field_give_the_field_back(plan):
    found = stitched(plan, field_tiles(plan, noise), 2)
    np.testing.assert_allclose(found, on_grid(plan, noise), rtol=3e-7, atol=3e-4)


@given(plans(), st.floats(-1e6, 1e6, width=32))
@settings(max_examples=40, deadline=None)
def test_a_constant_comes_back_without_a_seam_up_to_the_outer_frame(plan, value):
    found = stitched(plan, field_tiles(plan, lambda rows, cols: np.full((1, 1), value)), 2)
    np.testing.assert_allclose(found, np.float32(value), rtol=3e-7)


@given(plans(), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=40, deadline=None)
def test_a_linear_field_comes_back_without_a_seam(plan, down, across):
    def field(rows, cols):
        return down * rows + across * cols + 1000

    np.testing.assert_allclose(stitched(plan, field_tiles(plan, field), 2), on_grid(plan, field), rtol=1e-6)


@given(plans(), st.data())
@settings(max_examples=40, deadline=None)
def test_regions_that_overlap_agree_bit_for_bit_even_where_tiles_disagree(plan, data):
    def tile_of(i, j):  # every tile tells something else about the same place
        random = np.random.default_rng([i + 1000, j + 1000])
        return random.normal(size=(2, plan.size, plan.size)).astype(np.float32)

    grid = plan.grid
    row0 = grid.row0 + data.draw(st.integers(0, grid.height - 1))
    col0 = grid.col0 + data.draw(st.integers(0, grid.width - 1))
    part = grid.window(
        row0, col0, data.draw(st.integers(1, grid.row1 - row0)), data.draw(st.integers(1, grid.col1 - col0))
    )
    whole = stitched(plan, tile_of, 2)
    alone = stitched(TilePlan(part, plan.size, plan.overlap), tile_of, 2)
    here = whole[:, row0 - grid.row0 :, col0 - grid.col0 :][:, : part.height, : part.width]
    assert np.array_equal(here, alone)


@given(plans(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_weights_tell_how_much_of_a_pixel_was_computed_where_tiles_are_left_out(plan, random):
    tiles = [(i, j) for i in plan.bands for j in plan.columns]
    left_out = set(random.sample(tiles, len(tiles) // 3))
    found = stitched(plan, field_tiles(plan, noise), 2, left_out, weigh=True)
    weight = found[-1]
    known = np.nan_to_num(weight) > 1e-3
    np.testing.assert_allclose(found[0][known] / weight[known], on_grid(plan, noise)[0][known], rtol=1e-4, atol=0.1)
    assert not (set(tiles) - left_out) or known.any() or plan.ramp == 0 or weight.size < plan.size**2


@given(st.integers(0, 300))
def test_the_weights_of_neighbours_sum_to_one_exactly(ramp):
    up, down = rising_weights(ramp), falling_weights(ramp)
    assert up.shape == (ramp,)
    assert np.array_equal(up + down, np.ones(ramp, np.float32))
    assert np.all(np.diff(up) > 0)
    assert np.all((up > 0) & (up < 1))


@given(plans())
@settings(max_examples=60, deadline=None)
def test_every_pixel_belongs_to_one_block_and_tiles_lie_on_the_absolute_lattice(plan):
    count = np.zeros(plan.grid.shape, int)
    for i in plan.bands:
        for j in plan.columns:
            tile = plan.tile(i, j)
            assert tile.row0 % plan.stride == 0
            assert tile.col0 % plan.stride == 0
            (row0, row1), (col0, col1) = plan.rows_of(i), plan.columns_of(j)
            count[row0 - plan.grid.row0 : row1 - plan.grid.row0, col0 - plan.grid.col0 : col1 - plan.grid.col0] += 1
    assert (count == 1).all()
    assert [j for columns in plan.panels() for j in columns] == list(plan.columns)


def test_a_tile_out_of_turn_is_refused():
    plan = TilePlan(Grid(UTM, 0.5, 0, 0, 64, 64), 16, 4)
    stitcher = Stitcher(plan, 1)
    stitcher.start_band(plan.bands.start)
    with pytest.raises(ValueError, match="was due"):
        stitcher.pass_over(plan.columns.start + 1)


def test_memory_does_not_grow_with_the_height_of_the_region():
    def held(height):
        stitcher = Stitcher(TilePlan(Grid(UTM, 0.5, 0, 0, 500, height), 64, 16), 3)
        return sum(value.nbytes for value in vars(stitcher).values() if isinstance(value, np.ndarray))

    assert held(300) == held(300_000)
