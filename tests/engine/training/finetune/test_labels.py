"""Labels are read, mended, moved into the grid's CRS and counted; every fault is one sentence."""

import json

import numpy as np
import pytest
import shapely
from rasterio.crs import CRS

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.jobs.finetune import ClassMapping, PolygonLayer
from ridgeline.engine.training.finetune.labels import MOST_CLASSES, read_area, read_labels, within_area

UTM = CRS.from_epsg(25832)


def write(path, shapes, values=None, crs="EPSG:25832"):
    features = [
        {"type": "Feature", "properties": {"kind": value}, "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, value in zip(shapes, values or [None] * len(shapes))
    ]
    named = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    path.write_text(json.dumps({"type": "FeatureCollection", **named, "features": features}))
    return PolygonLayer(str(path))


def square(x, y, side=10.0):
    return shapely.box(x, y, x + side, y + side)


def test_without_a_field_all_polygons_are_buildings(tmp_path):
    labels = read_labels(write(tmp_path / "a.geojson", [square(0, 0), square(20, 0)]), None, (), UTM)
    assert labels.names == ("building",) and labels.classes.tolist() == [0, 0]


def test_values_become_classes_in_the_order_of_the_mapping(tmp_path):
    layer = write(tmp_path / "a.geojson", [square(0, 0), square(20, 0), square(40, 0)], ["t", "m", "x"])
    mapping = (ClassMapping("m", "metal"), ClassMapping("t", "tile"))
    labels = read_labels(layer, "kind", mapping, UTM)
    assert labels.names == ("metal", "tile")
    assert [labels.names[i] for i in labels.classes] == ["tile", "metal"]
    assert labels.unmapped == {"x": 1}


def test_integer_values_are_read_as_whole_numbers(tmp_path):
    labels = read_labels(write(tmp_path / "a.geojson", [square(0, 0), square(20, 0)], [1, 2]), "kind", (), UTM)
    assert labels.names == ("1", "2")


def test_crossed_empty_and_tiny_polygons_are_mended_or_counted(tmp_path):
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    layer = write(tmp_path / "a.geojson", [bow, square(30, 0, 0.2), square(50, 0), shapely.Point(1, 1).buffer(0)])
    labels = read_labels(layer, None, (), UTM)
    assert (labels.repaired, labels.slivers, labels.broken) == (1, 1, 1)
    assert len(labels.polygons) == 2 and all(shape.is_valid for shape in labels.polygons)
    assert labels.polygons[0].area == pytest.approx(50)


def test_polygons_are_moved_into_the_grid_crs(tmp_path):
    layer = write(tmp_path / "a.geojson", [shapely.box(9.0, 50.0, 9.001, 50.001)], crs="EPSG:4326")
    (polygon,) = read_labels(layer, None, (), UTM).polygons
    assert polygon.bounds[0] == pytest.approx(500_000, abs=1)
    assert 7000 < polygon.area < 9000


@pytest.mark.parametrize(
    ("values", "field", "mapping", "code"),
    [
        ([None], "missing", (), ErrorCode.BAD_LABELS),
        (["x"], "kind", (ClassMapping("y", "gable"),), ErrorCode.BAD_LABELS),
    ],
)
def test_labels_that_teach_nothing_are_refused(tmp_path, values, field, mapping, code):
    layer = write(tmp_path / "a.geojson", [square(0, 0)], values)
    with pytest.raises(RidgelineError) as fault:
        read_labels(layer, field, mapping, UTM)
    assert fault.value.code is code and fault.value.hint


def test_files_that_are_missing_or_no_vectors_are_named(tmp_path):
    with pytest.raises(RidgelineError, match=r"nowhere\.gpkg") as fault:
        read_labels(PolygonLayer(str(tmp_path / "nowhere.gpkg")), None, (), UTM)
    assert fault.value.code is ErrorCode.INPUT_MISSING
    (tmp_path / "text.gpkg").write_text("no vectors")
    with pytest.raises(RidgelineError, match=r"text\.gpkg") as fault:
        read_labels(PolygonLayer(str(tmp_path / "text.gpkg")), None, (), UTM)
    assert fault.value.code is ErrorCode.INPUT_UNREADABLE


def test_an_area_is_the_union_of_its_polygons(tmp_path):
    area = read_area(write(tmp_path / "a.geojson", [square(0, 0), square(5, 0)]), UTM)
    assert area.area == pytest.approx(150)
    assert np.isfinite(area.bounds).all()


def test_labels_outside_the_area_are_left_out_and_counted(tmp_path):
    shapes = [square(0, 0), square(95, 0), square(100, 0), square(500, 0)]
    labels = read_labels(write(tmp_path / "a.geojson", shapes, ["a", "b", "a", "b"]), "kind", (), UTM)
    inside = within_area(labels, shapely.box(0, 0, 100, 100))
    assert inside.outside_area == 2 and inside.values == ("a", "b") and inside.classes.tolist() == [0, 1]
    with pytest.raises(RidgelineError, match="None of the labelled polygons") as fault:
        within_area(labels, shapely.box(900, 900, 910, 910))
    assert fault.value.code is ErrorCode.BAD_LABELS


def test_a_field_of_numbers_that_are_no_classes_is_refused(tmp_path):
    count = MOST_CLASSES + 1
    layer = write(tmp_path / "a.geojson", [square(20 * i, 0) for i in range(count)], list(range(count)))
    with pytest.raises(RidgelineError, match=f"'kind'.*{count} values"):
        read_labels(layer, "kind", (), UTM)
