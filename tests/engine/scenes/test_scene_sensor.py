"""Heights as sensors see them: each effect is there, and as large as it is said to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.scenes.canvas import Canvas
from ridgeline.engine.scenes.native import NativeLattice
from ridgeline.engine.scenes.sensor import SensorConfig, draw_sensor, sense, shifted, upwind_maximum

PLAIN = {"penetration": 0.0, "occlusion": 0.0, "hole_share": 0.0}


@pytest.fixture
def block() -> Canvas:
    """A block 6 m high on level ground."""
    canvas = Canvas.blank(0.25, 0, 0, 160, 160)
    canvas.surface[50:110, 50:110] = 6.0
    canvas.roof_surface[50:110, 50:110] = 6.0
    return canvas


def see(canvas: Canvas, **values: object) -> np.ndarray:
    return sense(canvas, canvas.surface, SensorConfig(**values), np.random.default_rng(1))  # type: ignore[arg-type]


def test_laser_noise_has_the_given_size(block: Canvas) -> None:
    seen = see(block, kind="lidar", density=200.0, noise_m=0.04, **PLAIN)
    assert np.std(seen[60:100, 60:100] - 6.0) == pytest.approx(0.04, rel=0.15)
    assert np.std(seen[:40]) == pytest.approx(0.04, rel=0.15)


def test_thin_points_leave_ragged_edges_and_no_gap(block: Canvas) -> None:
    thin, dense = (see(block, kind="lidar", density=d, noise_m=0.01, **PLAIN) for d in (4.0, 200.0))
    assert np.isfinite(thin).all()

    def moved(seen: np.ndarray) -> int:
        return int(((seen > 3) != (block.surface > 3)).sum())

    assert moved(thin) > 1.3 * moved(dense)
    assert moved(thin) < 0.5 * 60 * 60


def test_walls_hide_the_ground_behind_them_from_the_laser(block: Canvas) -> None:
    config = SensorConfig(density=300.0, noise_m=0.0, penetration=0.0, occlusion=0.4, occlusion_angle=0.0)
    hidden, lit = [], []
    for seed in range(6):  # the scanner looks from the right; the gap on the left is filled from either side
        seen = sense(block, block.surface, config, np.random.default_rng(seed))
        assert np.isfinite(seen).all()
        hidden.append((seen[60:100, 43:49] > 3).mean())
        lit.append((seen[60:100, 112:118] > 3).mean())
    assert max(lit) < 0.02
    assert max(hidden) > 0.2


def test_lasers_hit_walls_at_the_rims_of_roofs_alone(block: Canvas) -> None:
    block.building[50:110, 50:110] = 1
    none, some, many = (
        see(block, kind="lidar", density=300.0, noise_m=0.0, wall_returns=share, **PLAIN) for share in (0, 0.3, 0.8)
    )
    inner, outer = np.s_[52:108, 52:108], np.ones(block.shape, bool)
    outer[48:112, 48:112] = False
    counts = []
    for seen in (none, some, many):
        assert np.allclose(seen[inner], 6.0) and np.allclose(seen[outer], 0.0)
        counts.append(int(((seen > 0.5) & (seen < 5.5)).sum()))
    assert counts[0] == 0 < counts[1] < counts[2] < 4 * 60


def test_laser_light_falls_into_crowns(block: Canvas) -> None:
    block.canopy[50:110, 50:110] = True
    closed = see(block, kind="lidar", density=200.0, noise_m=0.0, **PLAIN)
    opened = see(block, kind="lidar", density=200.0, noise_m=0.0, penetration=0.6, occlusion=0.0)
    assert (opened[60:100, 60:100] < 5.5).mean() > 0.2 > (closed[60:100, 60:100] < 5.5).mean()


def test_image_matching_blurs_edges_and_makes_bumps(block: Canvas) -> None:
    seen = see(block, kind="photogrammetry", blur_m=0.8, bump_m=0.4, lost_trees=0.0)
    edge = seen[60:100, 44:56].mean(axis=0)
    assert np.abs(np.diff(edge)).max() < 4
    assert 0.05 < np.std(seen[60:100, 60:100]) < 0.6


def test_image_matching_loses_crowns_but_not_the_roofs_below(block: Canvas) -> None:
    block.canopy[40:120, 40:120] = True
    block.surface[40:120, 40:120] = 12.0
    seen = see(block, kind="photogrammetry", blur_m=0.15, bump_m=0.02, lost_trees=0.9)
    inside = seen[60:100, 60:100]
    assert inside.min() > 5.0
    assert inside.min() < 7.0


def test_holes_are_nan(block: Canvas) -> None:
    shares = [
        np.isnan(
            sense(block, block.surface, SensorConfig(kind="exact", hole_share=0.3), np.random.default_rng(k))
        ).mean()
        for k in range(6)
    ]
    assert 0.05 < np.mean(shares) < 0.7
    assert not np.isnan(see(block, kind="exact")).any()


def test_no_laser_light_comes_back_from_open_water(block: Canvas) -> None:
    block.water[:30] = True
    block.cover[:] = 6
    seen = see(block, kind="lidar", density=50.0, water_holes=1.0, **PLAIN)
    assert np.isnan(seen[:30]).mean() > 0.9
    assert np.isfinite(seen[30:]).all()
    assert np.isfinite(see(block, kind="lidar", density=50.0, water_holes=0.0, **PLAIN)).all()


def test_an_unknown_sensor_is_refused(block: Canvas) -> None:
    with pytest.raises(ValueError, match="known are"):
        see(block, kind="radar")


@settings(max_examples=30)
@given(rows=st.integers(-30, 30), cols=st.integers(-30, 30))
def test_shifting_moves_pixels_and_repeats_the_border(rows: int, cols: int) -> None:
    values = np.arange(20 * 12, dtype=np.float32).reshape(20, 12)
    result = shifted(values, rows, cols)
    r = np.clip(np.arange(20) - np.clip(rows, -19, 19), 0, 19)
    c = np.clip(np.arange(12) - np.clip(cols, -11, 11), 0, 11)
    assert np.array_equal(result, values[np.ix_(r, c)])


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0, 3.9])
def test_a_tower_casts_a_shadow_of_its_height_over_the_suns_tangent(angle: float) -> None:
    surface = np.zeros((200, 200), np.float32)
    surface[96:104, 96:104] = 10.0
    horizon = upwind_maximum(surface, 0.5, angle, 1.0, 60.0)
    rows, cols = np.nonzero((horizon > 0.5) & (surface == 0))
    away = -((cols - 100) * np.cos(angle) + (rows - 100) * np.sin(angle)) * 0.5
    assert away.min() > -4
    assert away.max() == pytest.approx(10.0, abs=4.0)


def test_drawn_sensors_stay_in_their_ranges() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_sensor(rng) for _ in range(300)]
    assert {s.kind for s in drawn} == {"lidar", "photogrammetry", "exact"}
    assert all(2 <= s.density <= 33 and s.noise_m <= 0.05 and s.bump_m <= 0.55 for s in drawn)


def test_heights_of_a_coarser_raster_are_interpolated_and_stay_in_place() -> None:
    canvas = Canvas.blank(0.25, 37, 11, 120, 120)  # a window that does not begin at the world's origin
    rows, cols = np.mgrid[37:157, 11:131] + 0.5
    canvas.surface[...] = 0.1 * rows + 0.03 * cols
    for native in (0.8, 1.7, 2.5):
        seen = see(canvas, kind="exact", native=native, **PLAIN)
        inner = np.s_[4:-4, 4:-4]
        # the centre of a coarse pixel lies up to half a fine pixel off the one that it picks
        assert np.abs(seen[inner] - canvas.surface[inner]).max() <= 0.5 * (0.1 + 0.03) + 1e-4


@given(st.floats(0.6, 3.0), st.integers(-50, 50))
@settings(max_examples=30, deadline=None)
def test_holes_of_a_coarser_raster_grow_by_no_more_than_half_its_pixel(native: float, start: int) -> None:
    canvas = Canvas.blank(0.25, start, -start, 40, 40)
    lattice = NativeLattice(canvas, native)
    coarse = np.full((lattice.onto(canvas.surface)).shape, 5.0, np.float32)
    coarse[3, 4] = np.nan
    seen = lattice.back(coarse)
    assert np.nanmax(np.abs(seen - 5.0)) < 1e-5  # what is known shares the weight, no zero leaks in
    assert np.isnan(seen).sum() <= np.ceil(native + 1) ** 2
