"""Which grid a run gets: its CRS, its window, and the region in it."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform, transform_bounds

from ridgeline.engine.jobs import ErrorCode, RasterInput, Region, RidgelineError
from ridgeline.engine.models.package import GsdSpec
from ridgeline.engine.raster.crs import horizontal, is_metric_at, utm_of
from ridgeline.engine.raster.frame import plan_frame

BOX = (500010.0, 5599960.0, 500040.0, 5599990.0)


@pytest.fixture(scope="module")
def rgb(raster_file):
    return RasterInput(raster_file(np.full((3, 120, 120), 90, np.uint8)), name="ortho")


@pytest.fixture(scope="module")
def dsm(raster_file):
    heights = np.random.default_rng(0).normal(50, 1, (60, 60)).astype(np.float32)
    place = Affine(1.0, 0, 500020.0, 0, -1.0, 5600000.0)
    return RasterInput(raster_file(heights, transform=place), name="surface")


@pytest.mark.parametrize(
    ("code", "x", "y", "metric"),
    [
        ("EPSG:2154", 770000, 6277000, True),
        ("EPSG:2056", 2683000, 1247000, True),
        ("EPSG:25832", 500000, 5600000, True),
        ("EPSG:32733", 500000, 6000000, True),
        ("EPSG:3857", 0.0, 0.0, False),  # true to a percent at the equator, and still no metres
        ("EPSG:3857", 1e6, 6e6, False),
        ("EPSG:3395", 1e6, 6e6, False),
        ("EPSG:4326", 10, 50, False),
        ("EPSG:2263", 980000, 200000, False),  # feet
        ("EPSG:25832", 2500000, 5600000, False),  # far outside its zone
    ],
)
def test_metric_means_metres_on_the_ground(code, x, y, metric):
    assert is_metric_at(CRS.from_user_input(code), x, y) is metric


@pytest.mark.parametrize(
    ("lon", "lat", "code"), [(9, 48, 32632), (-70, -33, 32719), (179.9, 10, 32660), (-180, 10, 32601), (0, 88, 32661)]
)
def test_utm_zone(lon, lat, code):
    assert utm_of(lon, lat).to_epsg() == code


def test_a_vertical_crs_plays_no_part_in_the_grid():
    assert horizontal(CRS.from_user_input("EPSG:25832+5783")) == CRS.from_epsg(25832)


def test_without_a_region_the_overlap_is_done(rgb, dsm):
    frame = plan_frame(rgb, dsm, None, 0.5)
    assert frame.grid.bounds == (500020.0, 5599940.0, 500060.0, 5600000.0)
    assert frame.region is None
    assert frame.region_mask(frame.grid).all()
    assert frame.region_mask(frame.grid.padded(3)).sum() == frame.grid.width * frame.grid.height


def test_a_models_gsd_follows_the_surface_or_else_the_picture(rgb, dsm):
    spec = GsdSpec(0.25, 0.2, 0.6, 0.4)
    assert plan_frame(rgb, dsm, None, spec).grid.gsd == 0.4  # a surface with pixels of 1 m
    assert plan_frame(None, dsm, Region(bbox=BOX), spec).grid.gsd == 0.4
    assert plan_frame(rgb, None, None, spec).grid.gsd == 0.25  # 0.4 of half a metre is less than trained at
    assert plan_frame(rgb, dsm, None, GsdSpec(0.25, 0.2, 0.6)).grid.gsd == 0.25


def test_a_surface_that_the_model_does_not_look_at_chooses_no_gsd(rgb, dsm):
    spec = GsdSpec(0.25, 0.2, 0.6, 0.4)
    assert plan_frame(rgb, dsm, None, spec, seen=("rgb",)).grid.gsd == 0.25
    assert plan_frame(rgb, dsm, None, spec, seen=("dsm",)).grid.gsd == 0.4


def test_the_grid_follows_the_raster_never_the_region(raster_file):
    # a raster across the border of two UTM zones: any region in it gets the zone of the raster's centre
    item = RasterInput(
        raster_file(np.full((3, 50, 80), 9, np.uint8), crs="EPSG:4326", transform=Affine(1e-3, 0, 5.93, 0, -1e-3, 50))
    )
    frames = [
        plan_frame(item, None, Region(bbox=box), 2.0)
        for box in ((5.94, 49.96, 5.96, 49.98), (6.0, 49.96, 6.009, 49.98))
    ]
    assert {frame.grid.crs.to_epsg() for frame in frames} == {32631}
    assert [note.code for note in frames[0].notes] == ["crs_chosen"]
    assert "EPSG:32631" in frames[0].notes[0].message


def test_a_box_is_in_the_pictures_crs_unless_it_says_another(rgb, dsm):
    plain = plan_frame(rgb, dsm, Region(bbox=BOX), 0.5)
    assert plain.grid.bounds == (500020.0, 5599960.0, 500040.0, 5599990.0)
    degrees = transform_bounds("EPSG:25832", "EPSG:4326", *BOX)
    other = plan_frame(rgb, None, Region(bbox=degrees, crs="EPSG:4326"), 0.5)
    assert np.allclose(other.grid.bounds, BOX, atol=1.0)


def test_polygons_from_a_file_of_another_crs(rgb, tmp_path):
    ring = [(500010, 5599950), (500050, 5599950), (500030, 5599990), (500010, 5599950)]
    lon, lat = transform("EPSG:25832", "EPSG:4326", *zip(*ring))
    features = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [list(zip(lon, lat))]}}
    ]
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    frame = plan_frame(rgb, None, Region(path=str(path)), 0.5)
    assert frame.region_mask(frame.grid).sum() * 0.25 == pytest.approx(800, rel=0.02)


def test_region_as_wkt(rgb):
    frame = plan_frame(rgb, None, Region(wkt=shapely.box(*BOX).wkt), 0.5)
    assert frame.grid.bounds == BOX
    assert frame.region_mask(frame.grid).all()


@pytest.mark.parametrize(
    ("region", "code", "says"),
    [
        (Region(bbox=(500010.0, 5599990.5, 500040.0, 5599990.5)), ErrorCode.BAD_REGION, "5599990.5 has no area"),
        (Region(bbox=(float("nan"), 0.0, 1.0, 1.0)), ErrorCode.BAD_REGION, "no area"),
        (Region(wkt="POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))"), ErrorCode.BAD_REGION, "invalid (Self-intersection"),
        (Region(wkt="POINT (0 0)"), ErrorCode.BAD_REGION, "no polygon"),
        (Region(wkt="POLYGON ((oops"), ErrorCode.BAD_REGION, "not understood"),
        (Region(wkt="POLYGON EMPTY"), ErrorCode.BAD_REGION, "no area"),
        (Region(bbox=(600000.0, 5599960.0, 600040.0, 5599990.0)), ErrorCode.NO_OVERLAP, "100 km apart"),
        (Region(bbox=(0.0, 0.0, 1.0, 1.0), crs="EPSG:1"), ErrorCode.BAD_CRS, "'EPSG:1'"),
        (Region(path="nowhere.gpkg"), ErrorCode.INPUT_MISSING, "nowhere.gpkg"),
    ],
)
def test_bad_regions_are_refused(rgb, region, code, says):
    with pytest.raises(RidgelineError) as caught:
        plan_frame(rgb, None, region, 0.5)
    assert caught.value.code == code
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"type": "FeatureCollection", "features": []}', ErrorCode.BAD_REGION),
        (
            '{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [9, 50]}}',
            ErrorCode.BAD_REGION,
        ),
        ("this is no vector file", ErrorCode.INPUT_UNREADABLE),
    ],
)
def test_bad_region_files_are_refused(rgb, tmp_path, text, code):
    path = tmp_path / "region.geojson"
    path.write_text(text)
    with pytest.raises(RidgelineError, match=r"region\.geojson") as caught:
        plan_frame(rgb, None, Region(path=str(path)), 0.5)
    assert caught.value.code == code


def test_rasters_that_do_not_meet_are_refused(rgb, raster_file):
    far = raster_file(np.zeros((60, 60), np.float32), transform=Affine(1.0, 0, 510000.0, 0, -1.0, 5600000.0))
    with pytest.raises(RidgelineError) as caught:
        plan_frame(rgb, RasterInput(far, name="surface"), None, 0.5)
    assert caught.value.code == ErrorCode.NO_OVERLAP
    assert "The RGB 'ortho' and the DSM 'surface' do not overlap" in caught.value.message


def test_swapped_layers_are_refused(rgb, dsm):
    with pytest.raises(RidgelineError) as caught:
        plan_frame(dsm, rgb, None, 0.5)
    assert caught.value.code == ErrorCode.LAYERS_SWAPPED


def test_a_local_crs_in_metres_is_its_own_grid(raster_file):
    local = CRS.from_wkt('LOCAL_CS["site grid",UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]')
    item = RasterInput(
        raster_file(np.full((3, 40, 40), 5, np.uint8), crs=local, transform=Affine(0.5, 0, 10, 0, -0.5, 30))
    )
    frame = plan_frame(item, None, None, 0.5)
    assert frame.grid.bounds == (10.0, 10.0, 30.0, 30.0)
    assert [note.code for note in frame.notes] == ["local_crs"]


@given(
    seed=st.integers(0, 10**6),
    row=st.integers(-10, 110),
    col=st.integers(-10, 110),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
)
def test_the_region_mask_never_depends_on_the_window(rgb, seed, row, col, height, width):
    rng = np.random.default_rng(seed)
    blobs = [
        shapely.Point(rng.uniform(500000, 500060), rng.uniform(5599940, 5600000)).buffer(rng.uniform(1, 15), 3)
        for _ in range(4)
    ]
    region = Region(wkt=shapely.union_all(blobs).wkt)
    frame = plan_frame(rgb, None, region, 0.5)
    whole = frame.grid.padded(60)
    mask = frame.region_mask(whole)
    window = whole.window(whole.row0 + row, whole.col0 + col, height, width)
    common = window.intersection(whole)
    part = frame.region_mask(window)
    here = np.s_[
        common.row0 - window.row0 : common.row1 - window.row0, common.col0 - window.col0 : common.col1 - window.col0
    ]
    there = np.s_[
        common.row0 - whole.row0 : common.row1 - whole.row0, common.col0 - whole.col0 : common.col1 - whole.col0
    ]
    assert np.array_equal(part[here], mask[there])
    rows, cols = np.nonzero(mask)
    centres = shapely.points((cols + whole.col0 + 0.5) * 0.5, -(rows + whole.row0 + 0.5) * 0.5)
    assert shapely.dwithin(frame.region, centres, 1e-6).all()
    assert (
        abs(mask.sum() * 0.25 - shapely.intersection(frame.region, shapely.box(*frame.grid.bounds)).area)
        < frame.region.length
    )
