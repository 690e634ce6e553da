"""The GeoPackage has exactly the promised attributes, NULL where nothing is known, and appears when it is complete."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pyogrio
import pytest
import shapely
from rasterio.crs import CRS

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.terrain.roof_geometry import RoofGeometry
from ridgeline.engine.vector import geopackage
from ridgeline.engine.vector.buildings import Building
from ridgeline.engine.vector.geopackage import GeoPackageWriter

NAMES = (
    "id roof_class roof_class_id roof_confidence building_confidence area_m2 perimeter_m ground_m height_max_m "
    "height_mean_m eave_height_m ridge_height_m volume_m3 slope_deg azimuth_deg"
).split()
CRS_ = CRS.from_epsg(2154)


def building(number, geometry=None, roof="gable"):
    box = shapely.box(number * 20, 0, number * 20 + 10, 8)
    return Building(number, box, roof, 2 if roof else None, 0.75 if roof else None, 0.5, geometry)


def read(path):
    meta, _, shapes, values = pyogrio.raw.read(path, layer="buildings")
    return meta, shapely.from_wkb(shapes), dict(zip(meta["fields"], values))


def test_attributes_geometry_and_crs_come_back(tmp_path):
    path = tmp_path / "buildings.gpkg"
    geometry = RoofGeometry(50.0, 8.0, 6.5, 5.0, 8.1, 520.0, 35.0, 180.0)
    with GeoPackageWriter(path, CRS_) as writer:
        writer.write([building(1, geometry), building(2, roof=None)])
    meta, shapes, values = read(path)
    assert list(meta["fields"]) == NAMES
    assert meta["geometry_type"] == "Polygon"
    assert CRS.from_user_input(meta["crs"]) == CRS_
    assert [shape.area for shape in shapes] == [80, 80]
    assert values["area_m2"].tolist() == [80, 80]
    assert values["perimeter_m"].tolist() == [36, 36]
    assert values["roof_class"].tolist() == ["gable", None]
    assert values["ridge_height_m"][0] == 8.1
    assert np.isnan([values[name][1] for name in NAMES[7:]]).all()
    assert np.isnan(values["roof_class_id"].astype(float)[1])


def test_own_classes_have_attributes_of_their_own(tmp_path):
    path = tmp_path / "buildings.gpkg"
    names = ("solar panel", "Solar-Panel", "Dächer")
    mine = replace(building(1), own_shares=dict(zip(names, (0.25, 0.5, 0.0))))
    with GeoPackageWriter(path, CRS_, names) as writer:
        writer.write([mine, building(2)])
    meta, _, values = read(path)
    assert list(meta["fields"]) == [*NAMES, "own_class", "share_solar_panel", "share_solar_panel_2", "share_dächer"]
    assert values["own_class"].tolist() == ["Solar-Panel", None]
    assert values["share_solar_panel"][0] == 0.25 and values["share_solar_panel_2"][0] == 0.5
    assert np.isnan(values["share_dächer"][1]), "of a building of which nothing is known"


def test_older_programs_open_the_file_without_a_warning(tmp_path):
    with GeoPackageWriter(tmp_path / "buildings.gpkg", CRS_) as writer:
        writer.write([building(1)])
    with closing(sqlite3.connect(tmp_path / "buildings.gpkg")) as opened:
        assert opened.execute("PRAGMA user_version").fetchone()[0] <= 10200, "newer than GeoPackage 1.2"


def test_a_flat_roof_has_no_azimuth_but_a_slope(tmp_path):
    path = tmp_path / "buildings.gpkg"
    with GeoPackageWriter(path, CRS_) as writer:
        writer.write([building(1, RoofGeometry(0.0, 3.0, 3.0, 3.0, 3.0, 240.0, 0.0, None))])
    values = read(path)[2]
    assert values["slope_deg"].tolist() == [0]
    assert values["ground_m"].tolist() == [0]
    assert np.isnan(values["azimuth_deg"][0])


def test_many_batches_make_one_layer_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(geopackage, "_BATCH", 7)
    path = tmp_path / "buildings.gpkg"
    with GeoPackageWriter(path, CRS_) as writer:
        for start in (1, 11, 21):
            writer.write(building(number) for number in range(start, start + 10))
    assert writer.count == 30
    assert read(path)[2]["id"].tolist() == list(range(1, 31))


def test_no_building_makes_an_empty_layer(tmp_path):
    path = tmp_path / "buildings.gpkg"
    with GeoPackageWriter(path, CRS_):
        pass
    meta, shapes, _ = read(path)
    assert len(shapes) == 0
    assert list(meta["fields"]) == NAMES


def test_a_fault_leaves_nothing_and_keeps_what_was_there(tmp_path, monkeypatch):
    monkeypatch.setattr(geopackage, "_BATCH", 1)
    path = tmp_path / "buildings.gpkg"
    path.write_bytes(b"older")
    with pytest.raises(RuntimeError, match="killed"), GeoPackageWriter(path, CRS_) as writer:
        writer.write([building(1)])
        raise RuntimeError("killed")
    assert [item.name for item in tmp_path.iterdir()] == ["buildings.gpkg"]
    assert path.read_bytes() == b"older"


def test_leftovers_of_a_killed_run_do_not_get_in(tmp_path, monkeypatch):
    monkeypatch.setattr(geopackage, "_BATCH", 1)
    path = tmp_path / "buildings.gpkg"
    GeoPackageWriter(path, CRS_).write([building(9)])  # killed here: the partial file stays
    with GeoPackageWriter(path, CRS_) as writer:
        writer.write([building(1)])
    assert read(path)[2]["id"].tolist() == [1]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path):
    with pytest.raises(RidgelineError) as fault, GeoPackageWriter(tmp_path / "no" / "b.gpkg", CRS_) as writer:
        writer.write([building(1)])
    assert fault.value.code == ErrorCode.OUTPUT_NOT_WRITABLE
    assert fault.value.message.endswith(".") and fault.value.hint
    assert "b.gpkg" in fault.value.message
