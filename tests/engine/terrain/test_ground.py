"""Ground under a surface: buildings and trees go, hills and terraces stay, windows agree, holes do not leak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from ridgeline.engine.terrain.ground import context_px, ground

GSD = 0.5


def place(terrain, blocks, gsd=GSD, seed=0):
    """Return the terrain with flat-roofed blocks (x, y, width, depth, height in metres) and 3 cm of noise."""
    rows, cols = np.mgrid[: terrain.shape[0], : terrain.shape[1]] * gsd
    surface = terrain.copy()
    for x, y, width, depth, height in blocks:
        inside = (cols >= x) & (cols < x + width) & (rows >= y) & (rows < y + depth)
        surface[inside] = np.maximum(surface[inside], np.median(terrain[inside]) + height)
    return (surface + np.random.default_rng(seed).normal(0, 0.03, surface.shape)).astype(np.float32)


def error(terrain, surface, gsd=GSD):
    """Return |error| 20 m and more inside the rim, where half of each window is missing."""
    whole = np.abs(ground(surface, np.ones(surface.shape, bool), gsd, 0, 0) - terrain)
    return whole[40:-40, 40:-40]


ROWS, COLS = np.mgrid[:480, :480] * GSD
TERRAINS = {
    "plain": np.zeros((480, 480)),
    "slope": 0.2 * COLS + 0.15 * ROWS,
    "hill": 25 * np.exp(-((COLS - 120) ** 2 + (ROWS - 120) ** 2) / (2 * 60**2)),
    "rolling": 8 * np.sin(COLS / 25) * np.cos(ROWS / 30),
}
TOWN = [(15 + 26 * i, 15 + 22 * j, 14, 10, 4 + (i * j) % 5) for i in range(8) for j in range(10)]


@pytest.mark.parametrize("name", TERRAINS)
def test_houses_are_taken_off_and_the_terrain_stays(name):
    terrain = TERRAINS[name] + 800
    assert error(terrain, place(terrain, TOWN)).mean() < 0.08


@pytest.mark.parametrize("name", TERRAINS)
def test_a_bare_terrain_is_its_own_ground(name):
    terrain = TERRAINS[name] + 800
    assert error(terrain, place(terrain, [])).max() < 0.3


def test_terraces_stay():
    terrain = np.floor(COLS * 0.25 / 2.0) * 2.0
    assert error(terrain, place(terrain, [])).mean() < 0.1


def test_a_low_roof_that_higher_ones_shut_in_is_taken_off():
    terrain = np.zeros((480, 480))
    surface = place(terrain, [(90, 90, 60, 60, 14)])
    surface[210:250, 214:254] = 7.0  # 20 m by 20 m
    assert np.percentile(error(terrain, surface), 99) < 0.3


@pytest.mark.parametrize(("height", "radius"), [(8, 15), (15, 30)])
@pytest.mark.parametrize("seen", [0.2, 0.3])
def test_a_wooded_hill_stays(height, radius, seen):
    distance2 = (COLS - 120) ** 2 + (ROWS - 120) ** 2
    terrain = height * np.exp(-distance2 / (2 * radius**2))
    wood = distance2 < (2.5 * radius) ** 2
    rng = np.random.default_rng(4)
    crowns = np.clip(8 + 24 * gaussian_filter(rng.standard_normal(terrain.shape), 4), 4, 14)
    gaps = gaussian_filter(rng.standard_normal(terrain.shape), 3)
    surface = place(terrain, []) + np.where(wood & (gaps > np.quantile(gaps, seen)), crowns, 0)
    found = ground(surface.astype(np.float32), np.ones(terrain.shape, bool), GSD, 0, 0)
    assert np.abs(found - terrain)[wood].mean() < 0.4


@pytest.mark.parametrize("tilt", [0.0, 0.05])
def test_large_halls_are_taken_off_whole(tilt):
    terrain = 100 + tilt * COLS
    surface = place(terrain, [(60, 40, 100, 80, 8), (60, 150, 120, 60, 5)])
    assert np.percentile(error(terrain, surface), 99) < 0.6


def test_a_dense_town_of_blocks_and_narrow_streets_is_taken_off():
    terrain = 50 + 0.05 * COLS
    blocks = [(10 + 40 * i, 10 + 44 * j, 34, 38, 15) for i in range(6) for j in range(5)]
    assert error(terrain, place(terrain, blocks)).mean() < 0.1


def test_a_dense_block_cut_by_a_corner_of_the_data_is_taken_off():
    random = np.random.default_rng(1)
    terrain = np.full((480, 480), 50.0)
    surface = terrain.copy()
    width, y = random.uniform(26, 40), 240 - random.uniform(45, 80)
    while y < 240:  # gabled houses of many heights, wall to wall
        depth, x = random.uniform(8, 14), 240 - width
        while x < 240:
            length, eave, pitch = random.uniform(10, 20), random.uniform(3, 9), random.uniform(0.2, 0.8)
            inside = (COLS >= x) & (COLS < x + length) & (ROWS >= y) & (ROWS < y + depth)
            surface[inside] = 50 + eave + (np.minimum(ROWS - y, y + depth - ROWS) * pitch)[inside]
            x += length
        y += depth
    found = ground(place(surface, []), np.ones(surface.shape, bool), GSD, 0, 0)
    assert np.abs(found - terrain).mean() < 0.09


@settings(max_examples=3, deadline=None)
@given(
    origin=st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**7), 10**6)),
    cuts=st.tuples(*[st.integers(0, 70)] * 4),
    holes=st.sampled_from([0.0, 0.3]),
)
def test_a_pixel_gets_the_same_bits_in_every_window(origin, cuts, holes):
    gsd, margin = 1.0, context_px(1.0)
    rng = np.random.default_rng(cuts[0])
    surface = rng.normal(500, 4, (2 * margin + 160, 2 * margin + 170)).astype(np.float32)
    surface[margin - 50 : margin + 60, margin - 40 : margin + 90] += 9
    valid = rng.random(surface.shape) >= holes
    top, left, bottom, right = cuts
    rows, cols = slice(top, surface.shape[0] - bottom), slice(left, surface.shape[1] - right)
    whole = ground(surface, valid, gsd, *origin)[rows, cols]
    part = ground(surface[rows, cols], valid[rows, cols], gsd, origin[0] + left, origin[1] + top)
    inner = (slice(margin, -margin), slice(margin, -margin))
    assert whole[inner].size > 0
    assert np.array_equal(whole[inner], part[inner], equal_nan=True)


@pytest.mark.parametrize("junk", [np.nan, np.inf, -9999.0])
def test_what_lies_in_holes_never_leaks(junk):
    terrain = TERRAINS["slope"]
    surface = place(terrain, TOWN)
    valid = np.random.default_rng(3).random(surface.shape) > 0.2
    valid[100:180, 200:300] = False
    found = ground(np.where(valid, surface, np.float32(junk)), valid, GSD, 0, 0)
    assert np.abs(found - terrain).mean() < 0.2  # the hole of 40 m by 50 m too


def test_the_ground_is_never_above_the_surface():
    surface = np.random.default_rng(0).normal(0, 3, (150, 140)).astype(np.float32)
    assert (ground(surface, np.ones(surface.shape, bool), GSD, 0, 0) <= surface).all()


def test_nothing_known_gives_nothing():
    surface = np.zeros((40, 50), np.float32)
    assert np.isnan(ground(surface, np.zeros(surface.shape, bool), GSD, 0, 0)).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (3, 2)])
def test_small_windows_work(shape):
    assert np.allclose(ground(np.full(shape, 7.0), np.ones(shape, bool), 0.25, -5, 9), 7)


@pytest.mark.parametrize(
    "name", ["terrain/ctview_770500_6277500", "real/herault_77055_627760", "real/pacasam_792000_6272000"]
)
def test_real_areas_come_close_to_their_true_ground(shared_data, name):
    import rasterio

    with rasterio.open(shared_data / f"{name}_dsm.tif") as dsm, rasterio.open(shared_data / f"{name}_dtm.tif") as dtm:
        surface, valid, truth = dsm.read(1), dsm.read_masks(1) > 0, dtm.read(1)
        found = ground(surface, valid, dsm.res[0], 0, 0)
    assert np.abs(found - truth)[valid].mean() < 0.1
