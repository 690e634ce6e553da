"""The evaluate job against a model that says what colour each pixel has: every score is known beforehand."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

sys.path.insert(0, str(Path(__file__).parent.parent / "inference"))

from inference_helpers import BUILDING, COVER, RGB, make_package, mixing_network

from ridgeline.engine.evaluation.against_polygons import Target, seen_ground
from ridgeline.engine.evaluation.evaluate_job import run_evaluate
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.jobs.evaluate import EvaluateJob
from ridgeline.engine.jobs.finetune import ClassMapping, PolygonLayer
from ridgeline.engine.models.package import ClassSpec, OutputSpec, load_package

GSD = 0.25
WEST, NORTH = 500_000.0, 5_600_000.0
SIZE = 240


@pytest.fixture
def model(tmp_path):
    """Red is building, green is tree, blue is ground; ``gsd`` as the pictures here."""
    weights = {
        "land_cover": np.array([[0.0, 0, 9], [9, 0, 0], [0, 9, 0]]),
        "building": np.array([[9.0, -9, -9]]),
    }
    network = mixing_network({"rgb": 3}, {"land_cover": 3, "building": 1}, weights)
    folder = make_package(tmp_path / "colours", (RGB,), (COVER, BUILDING), network)
    assert load_package(folder).spec.gsd.min <= GSD
    return folder


def box(x, y, width=12.0, height=12.0):
    """A box in metres from the upper left corner of the picture."""
    return shapely.box(WEST + x, NORTH - y - height, WEST + x + width, NORTH - y)


def picture(path, red=(), green=()):
    colours = np.zeros((3, SIZE, SIZE), np.uint8)
    colours[2] = 255
    for band, shapes in ((0, red), (1, green)):
        for shape in shapes:
            west, south, east, north = shape.bounds
            rows = slice(round((NORTH - north) / GSD), round((NORTH - south) / GSD))
            columns = slice(round((west - WEST) / GSD), round((east - WEST) / GSD))
            colours[:, rows, columns] = 0
            colours[band, rows, columns] = 255
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": 3, "dtype": "uint8", "crs": "EPSG:25832"}
    with rasterio.open(path, "w", transform=from_origin(WEST, NORTH, GSD, GSD), **profile) as target:
        target.write(colours)
    return RasterInput(str(path))


def polygons(path, shapes, kinds=None):
    features = [
        {"type": "Feature", "properties": {"kind": kind}, "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, kind in zip(shapes, kinds or ["building"] * len(shapes))
    ]
    crs = {"type": "name", "properties": {"name": "EPSG:25832"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    return PolygonLayer(str(path))


def evaluate(tmp_path, model, rgb, truth, **changes):
    job = EvaluateJob(out=str(tmp_path / "out"), truth=truth, rgb=rgb, model=str(model), device="cpu", **changes)
    feedback = Feedback()
    result = run_evaluate(job, feedback)
    return json.loads(Path(result.outputs["report"]).read_text()), result, feedback


def errors_of(result):
    _, _, geometry, columns = pyogrio.raw.read(result.outputs["errors"], layer="errors")
    return sorted(columns[0].tolist()), shapely.from_wkb(geometry)


def test_a_missed_and_an_invented_building_are_counted_and_on_the_map(tmp_path, model):
    there, missed, invented = box(6, 6), box(30, 6), box(6, 36)
    rgb = picture(tmp_path / "a.tif", red=[there, invented])
    area = polygons(tmp_path / "area.geojson", [box(0, 0, 60, 60)])
    values, result, _ = evaluate(tmp_path, model, rgb, polygons(tmp_path / "t.geojson", [there, missed]), area=area)
    assert values["classes"]["building"]["iou"] == pytest.approx(1 / 3, abs=0.01)
    assert values["classes"]["building"]["f1"] == pytest.approx(0.5, abs=0.01)
    assert values["objects"]["precision"] == values["objects"]["recall"] == 0.5
    kinds, shapes = errors_of(result)
    assert kinds == ["invented", "missed"] and values["faults"] == {"missed": 1, "invented": 1}
    assert any(shape.equals(missed) for shape in shapes)
    assert (tmp_path / "out" / "errors.qml").is_file()


def test_of_buildings_that_the_picture_cuts_off_what_it_shows_is_compared(tmp_path, model):
    inside, cut, hidden = box(6, 6), box(-5, 30), box(52, 52, 20, 20)
    rgb = picture(tmp_path / "a.tif", red=[inside, box(0, 30, 7, 9), box(52, 52, 8, 8)])
    area = polygons(tmp_path / "area.geojson", [box(-10, -10, 90, 90)])
    truth = polygons(tmp_path / "t.geojson", [inside, cut, hidden])
    values, result, _ = evaluate(tmp_path, model, rgb, truth, area=area)
    assert values["objects"]["precision"] == values["objects"]["recall"] == 1
    assert values["objects"]["true"] == 2, "of the third too little is seen to ask for it, or to call it invented"
    assert errors_of(result)[0] == []


def test_patches_of_own_classes_are_things_and_specks_are_not(tmp_path):
    own = OutputSpec(
        "classes",
        "classes",
        "other",
        tuple(ClassSpec(i + 1, name, "#336699") for i, name in enumerate(("solar", "background"))),
        "softmax",
    )
    weights = {"classes": np.array([[9.0, 0, 0], [0, 9, 9]])}
    folder = make_package(tmp_path / "own", (RGB,), (own,), mixing_network({"rgb": 3}, {"classes": 2}, weights))
    there, missed, speck = box(6, 6), box(30, 6), box(6, 36, 0.5, 0.5)
    rgb = picture(tmp_path / "a.tif", red=[there, speck])
    area = polygons(tmp_path / "area.geojson", [box(0, 0, 60, 60)])
    truth = polygons(tmp_path / "t.geojson", [there, missed], ["solar", "solar"])
    values, result, _ = evaluate(tmp_path, folder, rgb, truth, field="kind", area=area)
    assert values["objects"]["found"] == 1 and values["objects"]["recall"] == 0.5
    assert errors_of(result)[0] == ["missed"]


def test_ground_without_data_within_the_picture_hides_nothing(tmp_path):
    known = np.full((600, 40), 9, np.uint8)
    known[:, 30:] = 0  # no data in the east
    known[505:520, 5:10] = 0  # a hole across the rows that are read at once
    profile = {"driver": "GTiff", "width": 40, "height": 600, "count": 1, "dtype": "uint8", "nodata": 0}
    place = {"crs": "EPSG:25832", "transform": from_origin(WEST, NORTH, 1, 1)}
    with rasterio.open(tmp_path / "confidence.tif", "w", **profile, **place) as target:
        target.write(known, 1)
    assert seen_ground(tmp_path, Target("building", ("building",), None)).equals(box(0, 0, 30, 600))


def test_land_cover_is_compared_class_by_class(tmp_path, model):
    house, tree, felled = box(6, 6), box(30, 6), box(6, 36)
    rgb = picture(tmp_path / "a.tif", red=[house], green=[tree])
    kinds = ["h", "t", "t"]
    truth = polygons(tmp_path / "t.geojson", [house, tree, felled], kinds)
    mapping = (ClassMapping("h", "building"), ClassMapping("t", "tree"))
    values, result, _ = evaluate(tmp_path, model, rgb, truth, field="kind", classes=mapping)
    assert values["classes"]["building"]["iou"] == pytest.approx(1, abs=0.01)
    assert values["classes"]["tree"]["recall"] == pytest.approx(0.5, abs=0.01)
    assert values["confusion"]["names"] == ["building", "tree", "background"]
    assert "box around the polygons" in values["known"]
    assert errors_of(result)[0] == ["missed"]
    table = Path(result.outputs["table"]).read_text()
    assert "| tree |" in table and "recall 1.000" in table
    ElementTree.parse(result.outputs["picture"])  # a well-formed picture


def test_sparse_truth_counts_what_lies_in_polygons_alone(tmp_path, model):
    there, invented = box(6, 6), box(6, 36)
    rgb = picture(tmp_path / "a.tif", red=[there, invented])
    values, result, _ = evaluate(tmp_path, model, rgb, polygons(tmp_path / "t.geojson", [there]), sparse=True)
    assert values["classes"]["building"]["iou"] == 1 and values["objects"]["precision"] is None
    assert errors_of(result)[0] == []


@pytest.mark.parametrize(
    ("field", "mapping", "code", "word"),
    [
        ("kind", (ClassMapping("building", "solar"),), ErrorCode.BAD_LABELS, "solar"),
        ("roof", (), ErrorCode.BAD_LABELS, "roof"),
    ],
)
def test_what_the_model_cannot_give_is_refused_in_a_sentence(tmp_path, model, field, mapping, code, word):
    rgb, truth = picture(tmp_path / "a.tif"), polygons(tmp_path / "t.geojson", [box(6, 6)])
    with pytest.raises(RidgelineError, match=word) as fault:
        evaluate(tmp_path, model, rgb, truth, field=field, classes=mapping)
    assert fault.value.code is code and fault.value.hint


def test_an_evaluation_is_not_overwritten_unasked(tmp_path, model):
    rgb, truth = picture(tmp_path / "a.tif", red=[box(6, 6)]), polygons(tmp_path / "t.geojson", [box(6, 6)])
    evaluate(tmp_path, model, rgb, truth)
    with pytest.raises(RidgelineError) as fault:
        evaluate(tmp_path, model, rgb, truth)
    assert fault.value.code is ErrorCode.OUTPUT_EXISTS
    evaluate(tmp_path, model, rgb, truth, overwrite=True)
