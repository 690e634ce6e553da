"""Whatever polygons, files and CRSs a region is given by, it becomes valid polygons or a fault of our own."""

import json
import math
import sqlite3

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from ridgeline.engine.jobs import ErrorCode, Region, RidgelineError
from ridgeline.engine.raster.crs import is_metric_at, metres_per_unit, name_of, parse_crs, to_lonlat
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.raster.region import region_geometry, region_mask

UTM = CRS.from_epsg(25832)
WINDOW = Grid(UTM, 1.0, 500_000, -5_600_000, 60, 60)
WEST, SOUTH, EAST, NORTH = WINDOW.bounds

near = st.floats(-20, 80)
odd = st.one_of(st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 1e-300]))
places = st.tuples(near.map(lambda x: WEST + x), near.map(lambda y: SOUTH + y))
rings = st.lists(places, min_size=3, max_size=30)
odd_rings = st.builds(lambda first, rest: [first, *rest], places, st.lists(places | st.tuples(odd, odd), min_size=3))


def closed(ring):
    return [*ring, ring[0]]


polygons = st.one_of(
    st.builds(shapely.Polygon, rings),
    st.builds(lambda ring, hole: shapely.Polygon(ring, [hole]), rings, rings),  # holes outside, crossing, touching
    st.builds(shapely.Polygon, odd_rings),
    st.builds(
        lambda items: shapely.MultiPolygon([shapely.Polygon(ring) for ring in items]), st.lists(rings, max_size=4)
    ),
    st.just(shapely.Polygon()),
    st.builds(lambda ring: shapely.GeometryCollection([shapely.Polygon(ring), shapely.Point(0, 0)]), rings),
    st.builds(lambda x: shapely.Point(x, 0.0), near),
    st.none(),
)


def holds(region):
    try:
        whole = region_geometry(region, UTM, UTM)
    except RidgelineError as fault:
        assert fault.code in (
            ErrorCode.BAD_REGION,
            ErrorCode.INPUT_MISSING,
            ErrorCode.INPUT_UNREADABLE,
            ErrorCode.BAD_CRS,
        )
        assert fault.message.endswith(".") and fault.hint
        return None
    assert whole.is_valid and whole.area > 0
    assert set(shapely.get_type_id(shapely.get_parts(whole)).tolist()) == {3}
    mask = region_mask(whole, WINDOW)
    assert mask.shape == WINDOW.shape
    return whole


@given(shape=polygons.filter(lambda shape: shape is not None))
def test_any_wkt(shape):
    holds(Region(wkt=shapely.to_wkt(shape, rounding_precision=-1)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(shapes=st.lists(polygons, max_size=4), crs=st.sampled_from(["EPSG:25832", "EPSG:4326", "EPSG:3857", None]))
@example(  # one of both is a mere line once it is moved
    shapes=[
        shapely.Polygon([(500000, 5599940), (500000, 5599941), (500001, 5599940)]),
        shapely.Polygon([(500000, 5599940), (500000, 5599940), (500000, 5599941), (0, 110262437)]),
    ],
    crs="EPSG:3857",
)
@example(shapes=[shapely.Polygon([(500000, 5599941), (0, 1.3407807929942597e154), (500000, 5599940)])], crs="EPSG:4326")
def test_any_polygons_in_a_file(tmp_path, shapes, crs):
    path = tmp_path / "any.gpkg"
    path.unlink(missing_ok=True)
    pyogrio.raw.write(
        str(path), shapely.to_wkb(np.array(shapes, dtype=object)), [], [], geometry_type="Unknown", crs=crs, layer="a"
    )  # fmt: skip
    holds(Region(path=str(path)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(blob=st.binary(max_size=80) | st.binary(max_size=40).map(lambda rest: b"GP\x00\x01\xe8\x64\x00\x00" + rest))
def test_any_bytes_for_a_geometry(tmp_path, blob):
    path = tmp_path / "any.gpkg"
    path.unlink(missing_ok=True)
    square = np.array([shapely.box(WEST, SOUTH, EAST, NORTH)], dtype=object)
    pyogrio.raw.write(str(path), shapely.to_wkb(square), [], [], geometry_type="Polygon", crs="EPSG:25832", layer="a")
    with sqlite3.connect(path) as base:
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("UPDATE a SET geom = ?", (blob,))
    base.close()
    holds(Region(path=str(path)))


SQUARE = {"type": "Polygon", "coordinates": [closed([[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH]])]}
WHOLE = json.dumps(
    {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "EPSG:25832"}},
        "features": [{"type": "Feature", "properties": {"a": 1}, "geometry": SQUARE}],
    }
)


@st.composite
def spoilt(draw):
    text = WHOLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        new = draw(st.text(max_size=6) | st.sampled_from(["null", "NaN", "1e999", "[]", '"', "{", "]]", "EPSG:0"]))
        text = text[:start] + new + text[start + draw(st.integers(0, 6)) :]
    return text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.just(WHOLE) | spoilt())
@example(text=WHOLE.replace("[500000", "[00000", 1))  # an outline that is not closed
def test_any_geojson(tmp_path, text):
    (tmp_path / "any.geojson").write_bytes(text.encode("utf-8", "replace"))
    whole = holds(Region(path=str(tmp_path / "any.geojson")))
    assert text != WHOLE or whole is not None


def test_many_vertices_are_no_trouble():
    turns = np.linspace(0, 2 * np.pi, 300_000, endpoint=False)
    radius = 20 + 5 * np.sin(turns * 20_000)
    ring = np.column_stack([WEST + 30 + radius * np.cos(turns), SOUTH + 30 + radius * np.sin(turns)])
    whole = region_geometry(Region(wkt=shapely.to_wkt(shapely.Polygon(ring), rounding_precision=-1)), UTM, UTM)
    assert region_mask(whole, WINDOW).mean() == pytest.approx(whole.area / 3600, abs=0.02)


words = st.one_of(
    st.text(max_size=30),
    st.integers().map(lambda number: f"EPSG:{number}"),
    st.integers(1024, 32767).map(lambda number: f"EPSG:{number}"),
    st.lists(
        st.sampled_from(
            ["+proj=utm", "+proj=longlat", "+zone=32", "+zone=0", "+lat_0=nan", "+a=0", "+units=us-ft", "+towgs84=1,2"]
        )
        | st.sampled_from(
            ["+proj=merc", "+proj=ob_tran", "+o_proj=longlat", "+no_defs", "+type=crs", "+init=epsg:4326", "+k=0"]
        ),
        max_size=5,
    ).map(" ".join),
)


@st.composite
def spoilt_wkt(draw):
    text = CRS.from_epsg(draw(st.sampled_from([25832, 2154, 4326, 3857, 5555, 2263]))).to_wkt()
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(st.text(max_size=5)) + text[start + draw(st.integers(0, 40)) :]


@given(text=words | spoilt_wkt(), x=odd | near, y=odd | near)
def test_any_crs_is_understood_or_refused(text, x, y):
    try:
        crs = parse_crs(text, "the RGB 'a.tif'")
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_CRS
        return
    assert name_of(crs)
    assert isinstance(is_metric_at(crs, x, y), bool)
    unit = metres_per_unit(crs)
    assert unit is None or unit > 0
    place = to_lonlat(crs, x, y)
    assert place is None or abs(place[1]) <= 90.1
    holds(Region(bbox=(WEST, SOUTH, EAST, NORTH), crs=text))
