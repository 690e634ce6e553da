"""Height channels: the same pixel gets the same bits in any window, offsets do not matter, holes do not leak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.terrain.height_channels import CHANNELS, CONTEXT_M, context_px, height_channels

HEIGHT, WIDE, SLOPE_X, SLOPE_Y, ROUGHNESS, VALID = range(len(CHANNELS))


def rough_ground(shape, seed=0, base=300.0):
    rng = np.random.default_rng(seed)
    return (base + rng.normal(0, 2, shape)).astype(np.float32)


def everywhere(surface):
    return np.ones(surface.shape, dtype=bool)


@settings(max_examples=25, deadline=None)
@given(
    gsd=st.sampled_from([0.4, 0.5, 0.7, 1.0]),
    origin=st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**7), 10**6)),
    cuts=st.tuples(*[st.integers(0, 37)] * 4),
    holes=st.sampled_from([0.0, 0.02, 0.6]),
    seed=st.integers(0, 1000),
)
def test_a_pixel_gets_the_same_bits_in_every_window(gsd, origin, cuts, holes, seed):
    col0, row0 = origin
    top, left, bottom, right = cuts
    margin = context_px(gsd)
    surface = rough_ground((2 * margin + 80, 2 * margin + 83), seed)
    valid = np.random.default_rng(seed).random(surface.shape) >= holes
    rows, cols = slice(top, surface.shape[0] - bottom), slice(left, surface.shape[1] - right)
    whole = height_channels(surface, valid, gsd, col0, row0)[:, rows, cols]
    part = height_channels(surface[rows, cols], valid[rows, cols], gsd, col0 + left, row0 + top)
    inner = (slice(None), slice(margin, -margin), slice(margin, -margin))
    assert whole[inner].size > 0
    assert np.array_equal(whole[inner], part[inner])


@settings(max_examples=25, deadline=None)
@given(
    gsd=st.sampled_from([0.1, 0.25, 1.0]),
    origin=st.tuples(st.integers(-99, 99), st.integers(-99, 99)),
    margin=st.integers(0, 40),
    holes=st.sampled_from([0.0, 0.3]),
)
def test_a_margin_leaves_out_the_rim_and_changes_no_bit(gsd, origin, margin, holes):
    surface = rough_ground((83, 97))
    valid = np.random.default_rng(1).random(surface.shape) >= holes
    whole = height_channels(surface, valid, gsd, *origin)
    part = height_channels(surface, valid, gsd, *origin, margin)
    assert np.array_equal(part, whole[:, margin : 83 - margin, margin : 97 - margin])


@settings(max_examples=15, deadline=None)
@given(gsd=st.sampled_from([0.25, 0.5, 1.0]), offset=st.floats(-400, 4000), seed=st.integers(0, 100))
def test_a_constant_offset_changes_nothing(gsd, offset, seed):
    surface = rough_ground((120, 131), seed, base=0.0)
    plain = height_channels(surface, everywhere(surface), gsd, 5, -9)
    lifted = height_channels(surface + np.float32(offset), everywhere(surface), gsd, 5, -9)
    assert np.allclose(plain, lifted, atol=0.03)  # float32 rounds 4,000 m to a quarter of a millimetre


@pytest.mark.parametrize("tilt", [(0.25, 0.0), (0.0, -0.25), (0.18, 0.18)])
def test_a_tilted_terrain_keeps_the_heights_of_its_buildings(tilt):
    gsd = 0.5
    surface = np.zeros((400, 400), dtype=np.float32)
    surface[180:200, 180:204] += 6
    rows, cols = np.mgrid[:400, :400] * np.float32(gsd)
    tilted = surface + tilt[0] * cols + tilt[1] * rows
    height = height_channels(tilted, everywhere(surface), gsd, 0, 0)[HEIGHT]
    inner = (slice(150, 250), slice(150, 250))
    above = np.expm1(np.abs(height[inner]))
    assert np.abs(above - surface[inner]).max() < 0.7


@pytest.mark.parametrize(("cols", "least_m"), [(slice(80, 120), 5.9), (slice(0, 24), 1.5)], ids=["side", "corner"])
def test_a_building_cut_by_the_rim_stands_above_the_ground_beside_it(cols, least_m):
    gsd = 0.5
    surface = np.zeros((200, 200), dtype=np.float32)
    surface[:24, cols] = 6
    margin = context_px(gsd)
    padded = np.pad(surface, margin, constant_values=np.nan)
    channels = height_channels(padded, np.isfinite(padded), gsd, -margin, -margin, margin)
    assert np.expm1(channels[HEIGHT][:24, cols]).min() > least_m


def test_a_plane_has_its_slope_and_no_roughness():
    rows, cols = np.mgrid[:200, :200] * np.float32(0.25)
    channels = height_channels(10 + 0.5 * cols - 0.25 * rows, np.ones((200, 200), bool), 0.25, 7, 7)
    inner = (slice(20, -20), slice(20, -20))
    assert np.allclose(channels[SLOPE_X][inner], 0.5, atol=1e-3)
    assert np.allclose(channels[SLOPE_Y][inner], -0.25, atol=1e-3)
    assert np.abs(channels[ROUGHNESS][inner]).max() < 1e-3


def test_a_wide_hall_stands_out_in_the_wide_height_only():
    surface = np.zeros((600, 600), dtype=np.float32)
    surface[250:350, 200:400] = 8  # 50 m by 100 m at 0.5 m
    channels = height_channels(surface, everywhere(surface), 0.5, 0, 0)
    assert channels[WIDE][300, 300] == pytest.approx(np.log(9), abs=1e-3)
    assert channels[HEIGHT][300, 300] < 0.1


@settings(max_examples=20, deadline=None)
@given(
    share=st.floats(0.0, 1.0), junk=st.sampled_from([np.nan, np.inf, -np.inf, -9999.0, 1e30]), seed=st.integers(0, 50)
)
def test_what_lies_in_invalid_pixels_never_leaks(share, junk, seed):
    surface = rough_ground((90, 97), seed)
    valid = np.random.default_rng(seed).random(surface.shape) >= share
    spoiled = np.where(valid, surface, np.float32(junk))
    channels = height_channels(spoiled, valid, 0.5, 0, 0)
    assert np.isfinite(channels).all()
    assert np.array_equal(channels, height_channels(np.where(valid, surface, 0), valid, 0.5, 0, 0))
    assert np.array_equal(channels[VALID], valid.astype(np.float32))
    assert (channels[:, ~valid] == 0).all()


def test_the_rim_of_a_hole_has_no_slope():
    surface = np.zeros((80, 80), dtype=np.float32)
    valid = everywhere(surface)
    surface[30:50, 30:50], valid[30:50, 30:50] = -500, False
    channels = height_channels(surface, valid, 0.25, 0, 0)
    assert (channels[[SLOPE_X, SLOPE_Y, ROUGHNESS]] == 0).all()
    assert np.abs(channels[HEIGHT]).max() == 0


def test_nan_counts_as_unknown_even_where_it_is_called_valid():
    surface = rough_ground((40, 40))
    surface[3, 4] = np.nan
    channels = height_channels(surface, everywhere(surface), 0.5, 0, 0)
    assert np.isfinite(channels).all()
    assert channels[VALID][3, 4] == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 9)])
def test_windows_smaller_than_everything_work(shape):
    surface = rough_ground(shape)
    assert height_channels(surface, everywhere(surface), 0.25, -3, 4).shape == (len(CHANNELS), *shape)


@pytest.mark.parametrize("gsd", [0.1, 0.15, 0.2, 0.25, 0.3, 0.33, 0.5, 0.6, 0.75, 0.8, 1.0])
def test_the_context_is_no_longer_than_stated(gsd):
    assert context_px(gsd) * gsd <= CONTEXT_M


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="same"):
        height_channels(np.zeros((3, 4), np.float32), np.ones((4, 3), bool), 0.5, 0, 0)
    with pytest.raises(ValueError, match="gsd"):
        height_channels(np.zeros((3, 4), np.float32), np.ones((3, 4), bool), 0.0, 0, 0)


def test_a_real_area_shows_its_buildings(shared_data):
    import rasterio

    with rasterio.open(shared_data / "terrain" / "ctview_770500_6277500_dsm.tif") as dsm:
        surface, valid, gsd = dsm.read(1), dsm.read_masks(1) > 0, dsm.res[0]
    with rasterio.open(shared_data / "terrain" / "ctview_770500_6277500_class.tif") as classes:
        kinds = classes.read(1)
    height = height_channels(surface, valid, gsd, 0, 0)[HEIGHT]
    assert np.median(height[kinds == 6]) > np.log(3)
    assert np.median(np.abs(height[kinds == 2])) < np.log(1.5)
