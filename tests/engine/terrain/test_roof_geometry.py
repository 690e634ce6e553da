"""Roof numbers: right on clean roofs, and hardly moved by chimneys, trees, noise and ragged outlines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ridgeline.engine.terrain.roof_geometry import roof_geometry

GSD = 0.25
GROUND = 120.0


def gable(slope_deg=35.0, azimuth_deg=90.0, length=14.0, width=10.0, eave=4.0, noise=0.0, seed=0):
    """Return mask, surface and ground of a gable roof whose planes fall towards an azimuth and away from it."""
    rows, cols = np.mgrid[:120, :120] * GSD - 15
    east, north = cols, -rows
    angle = np.radians(azimuth_deg)
    across = east * np.sin(angle) + north * np.cos(angle)
    along = east * np.cos(angle) - north * np.sin(angle)
    mask = (np.abs(across) < width / 2) & (np.abs(along) < length / 2)
    roof = eave + (width / 2 - np.abs(across)) * np.tan(np.radians(slope_deg))
    ground = np.full(mask.shape, GROUND, np.float32)
    surface = np.where(mask, GROUND + roof, ground)
    surface = surface + np.random.default_rng(seed).normal(0, noise, mask.shape) if noise else surface
    return mask, surface.astype(np.float32), ground


def between(first, second):
    return abs((first - second + 180) % 360 - 180)


@settings(max_examples=40, deadline=None)
@given(
    slope=st.floats(12, 50),
    azimuth=st.floats(0, 359.9),
    eave=st.floats(2.5, 12),
    noise=st.sampled_from([0.0, 0.05]),
    seed=st.integers(0, 99),
)
def test_a_gable_has_its_eaves_ridge_slope_and_azimuth(slope, azimuth, eave, noise, seed):
    found = roof_geometry(*gable(slope, azimuth, eave=eave, noise=noise, seed=seed), GSD)
    assert found.ground_m == pytest.approx(GROUND)
    assert found.eave_height_m == pytest.approx(eave, abs=0.35)
    assert found.ridge_height_m == pytest.approx(eave + 5 * np.tan(np.radians(slope)), abs=0.35)
    assert found.slope_deg == pytest.approx(slope, abs=2)
    assert min(between(found.azimuth_deg, azimuth), between(found.azimuth_deg, azimuth + 180)) < 4


@pytest.mark.parametrize(("azimuth", "rise"), [(0, (0, 1)), (90, (-1, 0)), (180, (0, -1)), (270, (1, 0))])
def test_the_azimuth_is_where_water_runs(azimuth, rise):
    rows, cols = np.mgrid[:60, :60] * GSD
    mask = np.zeros((60, 60), bool)
    mask[10:50, 10:50] = True
    surface = 5 + 0.5 * (rise[0] * cols + rise[1] * rows)
    found = roof_geometry(mask, surface.astype(np.float32) + 20, np.zeros((60, 60), np.float32), GSD)
    assert between(found.azimuth_deg, azimuth) < 1
    assert found.slope_deg == pytest.approx(26.57, abs=0.2)


@pytest.mark.parametrize("skirt_m", [1.0, 1.5, 2.0])
def test_a_mansard_has_its_eaves_at_the_foot_of_its_steep_slopes(skirt_m):
    rows, cols = np.mgrid[:120, :120] * GSD - 15
    inward = np.minimum(6 - np.abs(cols), 8 - np.abs(rows))  # 12 m by 16 m
    mask = inward > 0
    steep, gentle = np.minimum(inward, skirt_m) * 2.5, np.maximum(inward - skirt_m, 0) * 0.3
    ground = np.full(mask.shape, GROUND, np.float32)
    surface = np.where(mask, GROUND + 5 + steep + gentle, GROUND)
    surface = surface + np.random.default_rng(1).normal(0, 0.03, mask.shape)
    found = roof_geometry(mask, surface.astype(np.float32), ground, GSD)
    assert found.eave_height_m == pytest.approx(5, abs=0.8)
    assert found.ridge_height_m == pytest.approx(5 + skirt_m * 2.5 + (6 - skirt_m) * 0.3, abs=0.3)


@settings(max_examples=40, deadline=None)
@given(
    slope=st.floats(12, 45),
    azimuth=st.floats(0, 359.9),
    depth=st.floats(1.0, 2.5),
    below=st.floats(1.5, 4.0),
    noise=st.sampled_from([0.0, 0.05]),
)
def test_balconies_and_porches_along_a_side_leave_the_eaves_where_they_are(slope, azimuth, depth, below, noise):
    mask, surface, ground = gable(slope, azimuth, eave=6.5, noise=noise)
    wide, _, _ = gable(slope, azimuth, width=10 + 2 * depth)
    rows, cols = np.mgrid[:120, :120] * GSD - 15
    one_side = cols * np.sin(np.radians(azimuth)) - rows * np.cos(np.radians(azimuth)) > 0
    ledge = wide & ~mask & one_side
    surface = np.where(ledge, np.float32(GROUND + 6.5 - below), surface)
    found = roof_geometry(mask | ledge, surface, ground, GSD)
    assert found.eave_height_m == pytest.approx(6.5, abs=0.5)
    assert found.ridge_height_m == pytest.approx(6.5 + 5 * np.tan(np.radians(slope)), abs=0.35)


def test_the_eaves_of_a_lower_wing_count():
    mask, surface, ground = gable(eave=6.5)
    wing = np.zeros_like(mask)
    wing[46:74, :] = True
    wing &= ~mask
    wing[:, :8] = wing[:, 112:] = False
    surface = np.where(wing, np.float32(GROUND + 3.0), surface)
    assert roof_geometry(mask | wing, surface, ground, GSD).eave_height_m < 4.5


def test_a_flat_roof_has_no_azimuth_and_one_height():
    mask, _, ground = gable()
    surface = np.where(mask, GROUND + 7, GROUND).astype(np.float32)
    found = roof_geometry(mask, surface, ground, GSD)
    assert found.azimuth_deg is None
    assert found.slope_deg == pytest.approx(0, abs=0.1)
    assert (found.eave_height_m, found.ridge_height_m, found.height_max_m) == pytest.approx((7, 7, 7), abs=0.01)
    assert found.volume_m3 == pytest.approx(7 * mask.sum() * GSD**2, rel=1e-4)


def test_chimneys_a_tree_and_a_ragged_outline_change_little():
    mask, surface, ground = gable(noise=0.04)
    rng = np.random.default_rng(1)
    for row, col in ((58, 55), (66, 70)):  # chimneys of 75 cm, 1.3 m high
        surface[row : row + 3, col : col + 3] += 1.3
    rows, cols = np.ogrid[:120, :120]
    crown = (rows - 45) ** 2 + (cols - 42) ** 2 < 6**2  # leans over a corner of the roof
    surface[crown] = GROUND + 11 + rng.normal(0, 0.6, crown.sum())
    ragged = ndimage.binary_dilation(mask) & (rng.random(mask.shape) > 0.02)
    found = roof_geometry(ragged, surface, ground, GSD)
    assert found.eave_height_m == pytest.approx(4, abs=0.5)
    assert found.ridge_height_m == pytest.approx(7.5, abs=0.5)
    assert found.slope_deg == pytest.approx(35, abs=2)


def roof(kind, seed, size=160):
    """Mask, heights above ground, eave and ridge of a turned roof of 18 to 200 m², half of them under 35 m²."""
    rng = np.random.default_rng(seed)
    rows, cols = (np.mgrid[:size, :size] - size / 2) * GSD
    angle = rng.uniform(0, 2 * np.pi)
    along = np.abs(cols * np.cos(angle) + rows * np.sin(angle))
    across = rows * np.cos(angle) - cols * np.sin(angle)
    area = rng.uniform(35, 200) if rng.random() < 0.5 else rng.uniform(18, 35)
    width = np.sqrt(area * rng.uniform(0.5, 1))
    length = area / width
    eave, slope = rng.uniform(2.4, 8), np.tan(np.radians(rng.uniform(15, 45)))
    to_eave = width / 2 - np.abs(across)
    above = {
        "flat": np.zeros_like(across),
        "shed": across + width / 2,
        "gable": to_eave,
        "hip": np.minimum(to_eave, length / 2 - along),
    }[kind]
    rise = {"flat": 0.0, "shed": width, "gable": width / 2, "hip": width / 2}[kind]
    return (along < length / 2) & (np.abs(across) < width / 2), eave + slope * above, eave, eave + slope * rise


def cluttered(mask, heights, seed):
    """Heights with two chimneys and the crown of a tree, which hides up to a third of the roof, and noise."""
    rng = np.random.default_rng(seed)
    heights, places = heights.copy(), np.argwhere(mask)
    for row, col in places[rng.integers(len(places), size=2)]:
        size = int(rng.integers(2, 5))
        chimney = np.s_[row : row + size, col : col + size]
        heights[chimney] = heights[chimney].max() + rng.uniform(0.8, 1.8)
    row, col = places[rng.integers(len(places))]
    radius = min(rng.uniform(1.5, 3.0), np.sqrt(mask.sum() * GSD**2 / 3 / np.pi))
    rows, cols = np.indices(mask.shape)
    away = np.hypot(rows - row, cols - col) * GSD
    crown = heights[row, col] + rng.uniform(1.5, 6) - (away / radius) ** 2 * rng.uniform(0.8, 2.5)
    crown += rng.normal(0, rng.uniform(0.15, 0.6), mask.shape)
    heights = np.where(away < radius, np.maximum(heights, crown), heights)
    return heights + rng.normal(0, 0.04, mask.shape)


@pytest.mark.parametrize("kind", ["flat", "shed", "gable", "hip"])
def test_eave_and_ridge_stand_two_chimneys_and_a_crown_on_every_roof(kind):
    ridges, eaves = [], []
    for seed in range(60):
        mask, heights, eave, ridge = roof(kind, seed)
        surface = (GROUND + np.where(mask, cluttered(mask, heights, seed), 0)).astype(np.float32)
        found = roof_geometry(mask, surface, np.full(mask.shape, GROUND, np.float32), GSD)
        ridges.append(found.ridge_height_m - ridge)
        eaves.append(found.eave_height_m - eave)
    assert np.sqrt(np.mean(np.square(ridges))) < 0.5
    assert np.sqrt(np.mean(np.square(eaves))) < 0.5
    assert np.median(np.abs(ridges)) < 0.1


@settings(max_examples=30, deadline=None)
@given(kind=st.sampled_from(["flat", "shed", "gable", "hip"]), seed=st.integers(0, 10**6), height=st.floats(2.0, 30.0))
def test_how_high_a_crown_rises_above_a_roof_changes_nothing(kind, seed, height):
    mask, heights, _, _ = roof(kind, seed)
    rng = np.random.default_rng(seed)
    row, col = np.argwhere(mask)[rng.integers(mask.sum())]
    rows, cols = np.indices(mask.shape)
    crown = np.hypot(rows - row, cols - col) * GSD < np.sqrt(mask.sum() * GSD**2 / 4 / np.pi)
    ground, rough = np.zeros(mask.shape, np.float32), rng.normal(0, 0.5, mask.shape)

    def numbers(rise):
        surface = np.where(crown, heights[row, col] + rise + rough, heights)
        found = roof_geometry(mask, surface.astype(np.float32), ground, GSD)
        return found.ridge_height_m, found.eave_height_m

    assert numbers(height) == pytest.approx(numbers(30.0), abs=0.3)


def test_on_sloping_ground_heights_count_from_the_middle_of_the_building():
    mask, surface, ground = gable()
    tilt = (np.arange(120) * GSD * 0.1 - 1.5).astype(np.float32)[None, :]
    found = roof_geometry(mask, surface, ground + tilt, GSD)
    assert found.ground_m == pytest.approx(GROUND, abs=0.1)
    assert found.ridge_height_m == pytest.approx(7.5, abs=0.3)


def test_unknown_heights_are_left_out_and_too_few_give_nothing():
    mask, surface, ground = gable()
    holes = surface.copy()
    holes[::3] = np.nan
    assert roof_geometry(mask, holes, ground, GSD).ridge_height_m == pytest.approx(7.5, abs=0.4)
    assert roof_geometry(mask, np.full_like(surface, np.nan), ground, GSD) is None


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), height=st.integers(1, 30), width=st.integers(1, 30), gsd=st.sampled_from([0.1, 0.3, 1])
)
def test_any_building_gives_finite_numbers_in_order(seed, height, width, gsd):
    rng = np.random.default_rng(seed)
    mask = rng.random((height, width)) < 0.8
    surface = rng.normal(5, 3, mask.shape).astype(np.float32)
    found = roof_geometry(mask, surface, np.zeros(mask.shape, np.float32), gsd)
    if found is not None:
        numbers = [value for value in vars(found).values() if value is not None]
        assert np.isfinite(numbers).all()
        assert found.eave_height_m <= found.ridge_height_m
        assert found.azimuth_deg is None or 0 <= found.azimuth_deg < 360
        assert 0 <= found.slope_deg < 90


@pytest.mark.parametrize("clutter", [False, True], ids=["bare", "with chimneys and crowns"])
def test_heights_of_true_lod2_roofs(shared_data, clutter):
    import re

    import rasterio
    import shapely
    from rasterio.features import rasterize

    folder = shared_data / "lod2"
    with rasterio.open(folder / "nrw_32_280_5657_dsm.tif") as dsm:
        surface, transform = dsm.read(1), dsm.transform
    surface = surface + np.random.default_rng(0).normal(0, 0.05, surface.shape).astype(np.float32)
    text = (folder / "LoD2_32_280_5657_1_NW.gml").read_text(encoding="utf-8")
    eaves, ridges = [], []
    for building in re.findall(r"<bldg:Building .*?</bldg:Building>", text, re.S):
        rings = {kind: _rings(re, building, kind) for kind in ("RoofSurface", "GroundSurface")}
        footprint = shapely.union_all([shapely.Polygon(ring[:, :2]).buffer(0) for ring in rings["GroundSurface"]])
        if footprint.area < 20 or not rings["RoofSurface"]:
            continue
        mask = rasterize([footprint], surface.shape, transform=transform).astype(bool)
        if mask.sum() * 0.0625 < 0.9 * footprint.area:
            continue
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        base = float(rings["GroundSurface"][0][0, 2])
        measured = cluttered(mask[box], surface[box], len(eaves)).astype(np.float32) if clutter else surface[box]
        found = roof_geometry(mask[box], measured, np.full_like(measured, base), 0.25)
        heights = np.vstack(rings["RoofSurface"])[:, 2] - base
        eaves.append(found.eave_height_m - heights.min())
        ridges.append(found.ridge_height_m - heights.max())
    assert len(eaves) > 50
    assert np.sqrt(np.mean(np.square(eaves))) < 0.5
    assert np.sqrt(np.mean(np.square(ridges))) < 0.5


def _rings(re, building, kind):
    surfaces = re.findall(rf"<bldg:{kind} .*?</bldg:{kind}>", building, re.S)
    lists = [text for surface in surfaces for text in re.findall(r"<gml:posList[^>]*>([^<]*)<", surface)]
    return [np.array(text.split(), float).reshape(-1, 3) for text in lists]
