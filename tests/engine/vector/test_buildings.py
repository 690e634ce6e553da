"""Buildings do not depend on strips, carry the right numbers, and get their class by vote."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy import ndimage

from ridgeline.engine.jobs import BuildingOptions
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.vector.buildings import BuildingTracer, MapStrip

ROOFS = {1: "flat", 2: "gable", 6: "hipped_v1"}
OWN = {1: "solar panel", 3: "tiles", 2: "thatch"}
UTM = CRS.from_epsg(32632)


def town(seed, shape=(90, 110)):
    """Random maps of a town, in whole."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    mask = field > np.quantile(field, 0.65)
    return {
        "mask": mask,
        "probability": rng.integers(0, 256, shape).astype(np.uint8),
        "boundary": (np.abs(ndimage.gaussian_filter(rng.normal(size=shape), 2)) < 0.02).astype(np.float32),
        "roof_class": rng.choice([1, 2, 6], shape).astype(np.uint8),
        "roof_confidence": rng.random(shape).astype(np.float32),
        "own_class": rng.choice([0, 1, 3, 4], shape).astype(np.uint8),
        "surface": (105 + rng.random(shape)).astype(np.float32),
        "ground": np.full(shape, 100, np.float32),
    }


def trace(maps, heights, grid, options, helpers=0):
    with BuildingTracer(grid, options, ROOFS, helpers=helpers, own_names=OWN) as tracer:
        found, at, turn = [], 0, 0
        while at < grid.height:
            rows = slice(at, at + heights[turn % len(heights)])
            found += tracer.add(MapStrip(grid.row0 + at, **{name: item[rows] for name, item in maps.items()}))
            at, turn = rows.stop, turn + 1
        return found + tracer.finish()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), heights=st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_buildings_ids_and_attributes_do_not_depend_on_the_strips(seed, heights):
    maps = town(seed)
    grid = Grid(UTM, 0.5, 1_000_000, -9_600_000, 110, 90)
    options = BuildingOptions(min_area_m2=4)
    whole = trace(maps, [90], grid, options)
    assert whole
    assert trace(maps, heights, grid, options) == whole
    assert [item.id for item in whole] == list(range(1, len(whole) + 1))


def test_own_classes_are_told_by_how_much_of_a_building_they_cover():
    mask = np.zeros((30, 60), bool)
    mask[5:15, 5:25] = mask[5:15, 35:55] = mask[18:28, 5:25] = True
    own = np.zeros(mask.shape, np.uint8)
    own[5:15, 5:20], own[5:15, 20:23], own[5:15, 23:25] = 3, 1, 4  # 4 is the background, which has no name
    own[18:28, 5:13], own[18:28, 13:25] = 1, 4
    found = trace({"mask": mask, "own_class": own}, [7], Grid(UTM, 0.5, 0, 0, 60, 30), BuildingOptions(min_area_m2=4))
    assert [item.own_class for item in found] == ["tiles", None, None], "of the last most is background"
    assert found[0].own_shares == {"solar panel": 0.15, "tiles": 0.75, "thatch": 0.0}
    assert set(found[1].own_shares.values()) == {0.0}
    assert found[2].own_shares == {"solar panel": 0.4, "tiles": 0.0, "thatch": 0.0}


def test_buildings_do_not_depend_on_who_shares_the_work():
    maps = town(3, (500, 600))
    grid = Grid(UTM, 0.5, 1_000_000, -9_600_000, 600, 500)
    options = BuildingOptions(min_area_m2=2)
    alone = trace(maps, [200], grid, options)
    assert len(alone) > 300  # so many that helpers are started
    assert trace(maps, [200], grid, options, helpers=2) == alone


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), least=st.floats(0, 1))
def test_buildings_that_the_model_is_less_sure_of_are_left_out_and_counted(seed, least):
    maps = town(seed)
    maps["surface"][:] = 105  # level roofs: none is a crown
    grid = Grid(UTM, 0.5, 1_000_000, -9_600_000, 110, 90)
    whole = trace(maps, [90], grid, BuildingOptions(min_area_m2=4, regularise=False))
    options = BuildingOptions(min_area_m2=4, regularise=False, min_confidence=least)
    with BuildingTracer(grid, options, ROOFS) as tracer:
        sure = tracer.add(MapStrip(grid.row0, **maps, rim=np.zeros_like(maps["mask"]))) + tracer.finish()
    kept = [item for item in whole if item.building_confidence >= least]
    assert [(item.outline, item.building_confidence) for item in sure] == [
        (item.outline, item.building_confidence) for item in kept
    ]
    assert [item.id for item in sure] == list(range(1, len(kept) + 1))
    assert tracer.unsure == len(whole) - len(kept)
    rows, cols = tracer.take_no_buildings()
    small = np.zeros_like(maps["mask"])
    small[rows - grid.row0, cols - grid.col0] = True
    labels, _ = ndimage.label(maps["mask"])
    sizes = np.bincount(labels.ravel())
    assert np.array_equal(small, maps["mask"] & (sizes[labels] * grid.gsd**2 < 4))


def test_pieces_that_nobody_asks_for_are_not_kept():
    grid = Grid(UTM, 0.5, 1_000_000, -9_600_000, 110, 90)
    specks = np.zeros((89, 110), bool)
    specks[::2, ::2] = True
    for rim, kept in ((None, 0), (np.zeros_like(specks), specks.sum())):
        with BuildingTracer(grid, BuildingOptions(min_area_m2=4), ROOFS) as tracer:
            tracer.add(MapStrip(grid.row0, specks, rim=rim))
            tracer.add(MapStrip(grid.row0 + 89, np.zeros((1, 110), bool), rim=None if rim is None else rim[:1]))
            assert len(tracer.take_no_buildings()[0]) == kept


def house(gsd=0.25, height=6.0):
    """One flat house of 10 m by 8 m with a courtyard of 3 m by 3 m, on ground at 50 m."""
    shape = (60, 80)
    mask = np.zeros(shape, bool)
    mask[10:42, 20:60] = True
    mask[20:32, 30:42] = False
    ground = np.full(shape, 50, np.float32)
    return (
        mask,
        np.where(mask, ground + np.float32(height), ground),
        ground,
        Grid(UTM, gsd, 2_000_000, -20_000_000, 80, 60),
    )


def test_a_house_with_a_courtyard_gets_its_area_place_and_heights():
    mask, surface, ground, grid = house()
    (found,) = trace({"mask": mask, "surface": surface, "ground": ground}, [17], grid, BuildingOptions())
    assert found.outline.area == pytest.approx(80 - 9, rel=0.02)
    assert len(found.outline.interiors) == 1
    assert found.outline.bounds == pytest.approx((500_005, 4_999_989.5, 500_015, 4_999_997.5), abs=0.1)
    assert found.geometry.height_max_m == pytest.approx(6, abs=0.05)
    assert found.geometry.volume_m3 == pytest.approx(6 * 71, rel=0.01)
    assert found.geometry.ground_m == pytest.approx(50)
    assert found.geometry.azimuth_deg is None
    assert found.roof_class is None


def test_heights_are_unknown_without_a_surface():
    mask, _, _, grid = house()
    (found,) = trace({"mask": mask}, [60], grid, BuildingOptions())
    assert found.geometry is None
    assert found.building_confidence is None


def test_small_specks_and_small_holes_are_dropped():
    mask, _, _, grid = house()
    mask[2:5, 2:5] = True  # 0.56 m²
    mask[12:14, 22:24] = False  # 0.25 m²
    options = BuildingOptions(min_area_m2=1, min_hole_m2=1, regularise=False)
    (found,) = trace({"mask": mask}, [7], grid, options)
    assert len(found.outline.interiors) == 1


def test_the_roof_class_is_voted_by_confidence():
    mask, _, _, grid = house()
    classes = np.where(np.arange(80)[None, :] < 36, 2, 6) * np.ones(mask.shape, int)
    confidence = np.where(classes == 2, 0.9, 0.3)
    maps = {"mask": mask, "roof_class": classes.astype(np.uint8), "roof_confidence": confidence.astype(np.float32)}
    (found,) = trace(maps, [60], grid, BuildingOptions())
    assert (found.roof_class, found.roof_class_id) == ("gable", 2)
    share = (classes[mask] == 2).mean()
    assert found.roof_confidence == pytest.approx(0.9 * share, abs=0.01)


def test_touching_houses_become_two_buildings_with_a_boundary():
    mask = np.zeros((60, 100), bool)
    mask[10:50, 10:90] = True
    boundary = np.zeros(mask.shape, np.float32)
    boundary[:, 49:51] = 1
    grid = Grid(UTM, 0.25, 0, 0, 100, 60)
    found = trace({"mask": mask, "boundary": boundary}, [13], grid, BuildingOptions())
    assert [round(item.outline.area) for item in found] == [100, 100]
    assert len(trace({"mask": mask}, [13], grid, BuildingOptions())) == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_outlines_are_valid_and_inside_the_tolerance(seed):
    maps = {"mask": town(seed)["mask"]}
    grid = Grid(UTM, 0.5, 0, 0, 110, 90)
    raw = trace(maps, [90], grid, BuildingOptions(regularise=False, min_hole_m2=0))
    regular = trace(maps, [90], grid, BuildingOptions(tolerance_m=1.0, min_hole_m2=0))
    for before, after in zip(raw, regular):
        assert after.outline.is_valid
        assert shapely.hausdorff_distance(before.outline.boundary, after.outline.boundary, densify=0.05) <= 1.0


@pytest.mark.parametrize("turn", [0, 20, 41])
def test_the_outlines_of_touching_houses_do_not_overlap(turn):
    rows, cols = np.mgrid[:160, :200] - np.array([80, 100])[:, None, None]
    angle = np.radians(turn)
    along, across = cols * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - cols * np.sin(angle)
    mask = (np.abs(along) < 70) & (np.abs(across) < 20 + 6 * (along > 0))
    boundary = (np.abs(along) < 1.5).astype(np.float32)
    grid = Grid(UTM, 0.25, 0, 0, 200, 160)
    first, second = (
        item.outline for item in trace({"mask": mask, "boundary": boundary}, [31], grid, BuildingOptions())
    )
    assert first.intersection(second).area < 1e-6
    assert first.distance(second) < 0.5
    assert first.area + second.area == pytest.approx(mask.sum() / 16, rel=0.02)


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match="roof_class"):
        MapStrip(0, np.ones((3, 4), bool), roof_class=np.ones((3, 5), np.uint8))
    with pytest.raises(ValueError, match="together"):
        MapStrip(0, np.ones((3, 4), bool), surface=np.ones((3, 4), np.float32))


def crown_or_house(is_crown, at=20):
    """Maps of one thing of 12 m by 12 m that is called hipped: with planes, or with leaves in their place."""
    shape = (90, 110)
    mask = np.zeros(shape, bool)
    mask[at : at + 48, at : at + 48] = True
    rows, cols = np.indices(shape)
    ground = np.full(shape, 50, np.float32)
    roof = 54 + 0.25 * np.minimum(24 - abs(rows - at - 23.5), 24 - abs(cols - at - 23.5)).astype(np.float32) * 0.6
    leaves = np.random.default_rng(0).normal(0, 1.2, shape).astype(np.float32) if is_crown else np.float32(0)
    return {
        "mask": mask,
        "probability": np.where(mask, 205, 0).astype(np.uint8),
        "roof_class": np.where(mask, 6, 0).astype(np.uint8),
        "surface": np.where(mask, roof + leaves, ground).astype(np.float32),
        "ground": ground,
        "rim": np.zeros(shape, bool),
    }


@pytest.mark.parametrize("helpers", [0, 2])
@pytest.mark.parametrize(
    ("is_crown", "change", "found"),
    [
        (False, {}, 1),
        (True, {}, 0),
        (True, {"probability": 240}, 1),  # the model is sure of it
        (True, {"roof_class": 9}, 1),  # pyramids have few planes too, but here 9 is no name that is known
        (True, {"rim": True}, 1),  # most of it may lie beyond
    ],
)
def test_a_doubted_roof_of_leaves_is_a_crown(is_crown, change, found, helpers):
    maps = crown_or_house(is_crown)
    for name, value in change.items():
        maps[name] = np.where(maps["mask"], value, 0).astype(maps[name].dtype)
    grid = Grid(UTM, 0.25, 2_000_000, -20_000_000, 110, 90)
    with BuildingTracer(grid, BuildingOptions(min_confidence=0.7), ROOFS, helpers=helpers) as tracer:
        buildings = tracer.add(MapStrip(grid.row0, **maps)) + tracer.finish()
        rows, cols = tracer.take_no_buildings()
    assert len(buildings) == found
    assert tracer.unsure == 1 - found
    gone = np.zeros_like(maps["mask"])
    gone[rows - grid.row0, cols - grid.col0] = True
    assert np.array_equal(gone, maps["mask"] & (found == 0))


def test_who_wants_doubted_buildings_gets_crowns_too():
    maps = crown_or_house(True)
    del maps["rim"]
    grid = Grid(UTM, 0.25, 2_000_000, -20_000_000, 110, 90)
    assert len(trace(maps, [33], grid, BuildingOptions(min_confidence=0))) == 1


def footbridge():
    """Maps of a flat thing of 40 m by 4 m between two banks as high as it is, and the surface of any window."""
    shape = (90, 240)
    mask = np.zeros(shape, bool)
    mask[40:56, 40:200] = True
    surface = np.full(shape, 50, np.float32)
    surface[:, :36] = surface[:, 204:] = surface[40:56] = 58
    maps = {
        "mask": mask,
        "probability": np.where(mask, 240, 0).astype(np.uint8),
        "roof_class": mask.astype(np.uint8),
        "surface": surface,
        "ground": np.full(shape, 50, np.float32),
        "rim": np.zeros(shape, bool),
    }
    return maps, lambda window: surface_of(surface, window)


def surface_of(surface, window, row0=-20_000_000, col0=2_000_000):
    """A window of a surface, NaN beyond it."""
    rows, cols = np.arange(window.row0, window.row1) - row0, np.arange(window.col0, window.col1) - col0
    known = ((rows >= 0) & (rows < len(surface)))[:, None] & ((cols >= 0) & (cols < surface.shape[1]))
    inside = surface[np.ix_(np.clip(rows, 0, len(surface) - 1), np.clip(cols, 0, surface.shape[1] - 1))]
    return np.where(known, inside, np.float32(np.nan))


@pytest.mark.parametrize(
    ("roof", "rim", "min_confidence", "knows_surface", "found"),
    [
        (1, False, 0.7, True, 0),
        (2, False, 0.7, True, 1),  # decks have no gable
        (1, True, 0.7, True, 1),  # it may go on beyond
        (1, False, 0.0, True, 1),  # all that the model finds is wanted
        (1, False, 0.7, False, 1),
    ],
)
def test_a_flat_thing_that_goes_on_at_both_ends_is_a_bridge(roof, rim, min_confidence, knows_surface, found):
    maps, surface_in = footbridge()
    maps["roof_class"] *= roof
    maps["rim"][45, 60] = rim
    grid = Grid(UTM, 0.25, 2_000_000, -20_000_000, 240, 90)
    options = BuildingOptions(min_confidence=min_confidence)
    tracer = BuildingTracer(grid, options, ROOFS, surface_in=surface_in if knows_surface else None)
    buildings = tracer.add(MapStrip(grid.row0, **maps)) + tracer.finish()
    rows, _ = tracer.take_no_buildings()
    assert len(buildings) == found
    assert tracer.unsure == 1 - found
    assert len(rows) == (0 if found else maps["mask"].sum())


@pytest.mark.parametrize(
    ("shed_m", "with_surface", "wall", "sizes"),
    [
        (4.0, True, 0.1, [64, 128]),  # a suspected wall is one where heights are seen
        (4.0, False, 0.1, [192]),
        (4.0, False, 0.3, [64, 128]),
        (1.5, True, 0.1, [128]),  # a shed, too small for a building
        (0.75, True, 0.1, [131]),  # a piece of the roof
    ],
)
def test_what_stands_beside_a_house_is_a_building_a_shed_or_a_piece_of_it(shed_m, with_surface, wall, sizes):
    """A house of 8 m by 16 m, and beside it something as long, or half as long, behind a suspected wall."""
    shape = (80, 80)
    mask = np.zeros(shape, bool)
    mask[4:68, 4:36] = True
    depth = int(shed_m / 0.25)
    mask[4:68, 36 : 36 + depth] = shed_m > 2
    mask[4:20, 36 : 36 + depth] = True
    boundary = np.zeros(shape)
    boundary[4:68, 35:37] = wall
    maps = {"mask": mask, "boundary": boundary, "surface": np.full(shape, 8.0, np.float32)}
    maps |= {"ground": np.zeros(shape, np.float32)}
    if not with_surface:
        del maps["surface"], maps["ground"]
    grid = Grid(UTM, 0.25, 2_000_000, -20_000_000, 80, 80)
    found = trace(maps, [80], grid, BuildingOptions(regularise=False))
    assert sorted(round(item.outline.area) for item in found) == pytest.approx(sizes, abs=3)


def test_what_falls_into_small_parts_alone_stays_one_building():
    mask = np.ones((24, 24), bool)
    boundary = np.zeros(mask.shape)
    boundary[:, 8], boundary[:, 16] = 0.9, 0.9
    grid = Grid(UTM, 0.5, 2_000_000, -20_000_000, 24, 24)
    found = trace({"mask": mask, "boundary": boundary}, [24], grid, BuildingOptions(min_area_m2=60))
    assert [item.outline.area for item in found] == [144]
