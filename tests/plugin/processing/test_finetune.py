"""``ridgeline:finetune`` and ``ridgeline:evaluate`` in a real QGIS, with engines that answer as the test wants."""

import json
from pathlib import Path

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer

from ridgeline.engine.jobs import from_dict
from ridgeline.engine.jobs.evaluate import EvaluateJob
from ridgeline.engine.jobs.finetune import ClassMapping, FinetuneJob
from ridgeline.plugin.paths import SAMPLES

TELLS_JOB = """
data = job()
key = "labels" if sys.argv[1] == "finetune" else "truth"
say("started", job=sys.argv[1], protocol=1)
detail = {"step": 40, "mean_iou": 0.5, "loss building": 0.25, "pictures": ["a.png"]}
say("progress", done=50, total=100, unit="%", phase="training", eta_s=60, detail=detail)
detail = {"step": 80, "loss building": 0.2, "all_labels_teach": True, "pictures": []}
say("progress", done=90, total=100, unit="%", phase="training", eta_s=10, detail=detail)
files = {name: open(data[name]["path"], encoding="utf-8").read() for name in (key, "area") if data.get(name)}
say("result", outputs={}, summary={"job": data, "files": files, "mean_iou": 0.75})
"""
FINISHES = """
say("started", job="finetune", protocol=1)
say("progress", done=1, total=100, unit="%", phase="training", detail={"step": 1, "mean_iou": 0.1})
for line in sys.stdin:
    if json.loads(line).get("finish"):
        say("result", outputs={}, summary={"finished": True})
        break
"""


@pytest.fixture
def labels(qgis_new_project):
    layer = QgsVectorLayer("Polygon?crs=EPSG:2154&field=kind:string&field=n:integer", "Dächer", "memory")
    features = []
    for number, kind in enumerate(("solar", "tile", None)):
        feature = QgsFeature(layer.fields())
        x = 770560 + 10 * number
        wkt = f"POLYGON(({x} 6277560, {x + 5} 6277560, {x + 5} 6277565, {x} 6277565, {x} 6277560))"
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature.setAttributes([kind, number])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    return layer


def parameters(labels, tmp_path, **changes):
    raster = str(SAMPLES / "herault_rgb.tif")
    return {"RGB": raster, "LABELS": labels, "TRUTH": labels, "OUTPUT": str(tmp_path / "out"), **changes}


def test_labels_cross_with_field_classes_and_crs(engine_is, run_algorithm, labels, tmp_path):
    engine_is(TELLS_JOB)
    rows = ["solar", "solar panel", "#ff0000", "tile", "gable", "", "x", "", ""]
    results, feedback, _ = run_algorithm(
        "finetune",
        parameters(
            labels, tmp_path, FIELD="kind", CLASSES=rows, AREA=labels, NAME="Mine", STEPS="7", KEEP_SURFACE=True
        ),
    )
    assert results, feedback.errors
    summary = json.loads(results["SUMMARY"])
    job = from_dict(FinetuneJob, summary["job"])
    assert job.field == "kind" and job.name == "Mine" and job.steps == 7 and job.mode == "head"
    assert job.keep_surface
    assert job.classes == (
        ClassMapping("solar", "solar panel", "#ff0000"),
        ClassMapping("tile", "gable"),
        ClassMapping("x", ""),
    )
    assert job.labels.name == "Dächer" and job.labels.crs == "EPSG:2154" and job.area is not None
    written = json.loads(summary["files"]["labels"])["features"]
    assert [item["properties"] for item in written] == [{"kind": "solar"}, {"kind": "tile"}, {"kind": None}]
    assert written[0]["geometry"]["coordinates"][0][0] == [770560, 6277560]
    assert any("mean IoU" in text and "0.5" in text for text in feedback.infos)
    assert any("Step 80: now what was kept apart teaches, too" in text for text in feedback.infos)
    assert not (tmp_path / "out" / "inputs").exists()  # a model that is given on holds nobody's labels


def test_edits_that_are_not_saved_teach_too(engine_is, run_algorithm, labels, tmp_path):
    engine_is(TELLS_JOB)
    labels.startEditing()
    feature = QgsFeature(labels.fields())
    feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0, 1 0, 1 1, 0 0))"))
    labels.addFeature(feature)
    results, _, _ = run_algorithm("finetune", parameters(labels, tmp_path))
    labels.rollBack()
    summary = json.loads(results["SUMMARY"])
    assert len(json.loads(summary["files"]["labels"])["features"]) == 4 and "field" not in summary["job"]


def test_the_same_polygons_are_the_same_file_so_that_a_run_can_go_on(engine_is, run_algorithm, labels, tmp_path):
    engine_is(TELLS_JOB)
    paths = []
    for _ in range(2):
        results, _, _ = run_algorithm("finetune", parameters(labels, tmp_path, CHECK_ONLY=True))
        paths.append(json.loads(results["SUMMARY"])["job"]["labels"]["path"])
    assert paths[0] == paths[1] and Path(paths[0]).is_file()


def test_a_training_that_is_asked_to_finish_gives_its_best(engine_is, run_algorithm, labels, tmp_path):
    engine_is(FINISHES)
    feedback = run_algorithm.Feedback()
    told = []
    feedback.tell = told.append
    feedback.is_finish_asked = lambda: bool(told)
    results, _, _ = run_algorithm("finetune", parameters(labels, tmp_path), feedback)
    assert json.loads(results["SUMMARY"]) == {"finished": True}
    assert told[0]["step"] == 1 and told[0]["mean_iou"] == 0.1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"RGB": None}, "RGB layer"),
        ({"CLASSES": ["a", "b"]}, "table of classes"),
        ({"FIELD": "kind", "CLASSES": ["a", "b", "red"]}, "colour"),
    ],
)
def test_what_is_wrong_is_said(engine_is, run_algorithm, labels, tmp_path, changes, word):
    engine_is(TELLS_JOB)
    results, feedback, _ = run_algorithm("finetune", parameters(labels, tmp_path, **changes))
    said = results if isinstance(results, str) else " ".join(feedback.errors)
    assert word in said


def test_a_layer_without_a_crs_is_named(engine_is, run_algorithm, labels, tmp_path):
    engine_is(TELLS_JOB)
    labels.setCrs(QgsCoordinateReferenceSystem())
    results, feedback, _ = run_algorithm("finetune", parameters(labels, tmp_path))
    assert results is None and "“Dächer” has no CRS" in " ".join(feedback.errors)


def test_an_evaluation_gives_its_scores(engine_is, run_algorithm, labels, tmp_path):
    engine_is(TELLS_JOB)
    results, feedback, _ = run_algorithm("evaluate", parameters(labels, tmp_path, MODEL="mine", SPARSE=True))
    assert results, feedback.errors
    job = from_dict(EvaluateJob, json.loads(results["SUMMARY"])["job"])
    assert job.sparse and job.model == "mine" and job.truth.name == "Dächer" and results["MEAN_IOU"] == 0.75
    problem, _, _ = run_algorithm("evaluate", parameters(labels, tmp_path, SPARSE=True, AREA=labels))
    assert "not both" in problem


def test_the_layer_of_errors_has_its_style(qgis_app):
    from ridgeline.plugin.paths import RESOURCES

    layer = QgsVectorLayer("Polygon?crs=EPSG:2154&field=kind:string", "errors", "memory")
    _, loaded = layer.loadNamedStyle(str(RESOURCES / "styles" / "errors.qml"))
    assert loaded and [item.value() for item in layer.renderer().categories()] == ["missed", "invented", "wrong class"]


@pytest.mark.parametrize(
    ("algorithm", "output", "field", "values"),
    [
        ("evaluate", "errors", "kind", ["missed", "invented", "wrong class"]),
        ("finetune", "split", "half", ["training", "validation"]),
    ],
)
def test_layers_that_the_toolbox_opens_have_their_looks(
    engine_is, run_algorithm, labels, tmp_path, algorithm, output, field, values
):
    path = tmp_path / f"{output}.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    engine_is(f"""say("result", outputs={{"{output}": {str(path)!r}}}, summary={{"mean_iou": 0.5}})""")
    results, feedback, context = run_algorithm(algorithm, parameters(labels, tmp_path))
    assert results, feedback.errors
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:2154&field={field}:string", output, "memory")
    context.layerToLoadOnCompletionDetails(str(path)).postProcessor().postProcessLayer(layer, context, feedback)
    assert [item.value() for item in layer.renderer().categories()] == values
