"""``ridgeline:segment`` in a real QGIS, with engines that answer as the test wants."""

import json
import shutil
from pathlib import Path

import fake_engines
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsReferencedGeometry,
    QgsReferencedRectangle,
    QgsVectorLayer,
)

from ridgeline.engine.jobs import SegmentJob, from_dict
from ridgeline.plugin.paths import SAMPLES

TELLS_JOB = """
data = job()
say("started", job="segment", protocol=1)
say("progress", done=1, total=4, unit="tiles", phase="tiles", eta_s=150)
say("warning", code="w", message="The picture is dark.")
say("result", outputs={"run_json": data["out"] + "/run.json"}, summary={"buildings": 3, "job": data})
"""
BOX = QgsRectangle(770560, 6277560, 770590, 6277590)
LAMBERT = QgsCoordinateReferenceSystem("EPSG:2154")


@pytest.fixture
def pair(tmp_path):
    folder = tmp_path / "données"
    folder.mkdir()
    layers = []
    for kind in ("rgb", "dsm"):
        file = folder / f"{kind} é.tif"
        shutil.copy(SAMPLES / f"herault_{kind}.tif", file)
        layers.append(QgsRasterLayer(str(file), kind))
    QgsProject.instance().addMapLayers(layers)
    yield layers
    QgsProject.instance().clear()


def job_of(results):
    return from_dict(SegmentJob, json.loads(results["SUMMARY"])["job"])


def test_a_run_with_nothing_but_two_layers(engine_is, run_algorithm, pair, tmp_path):
    engine_is(TELLS_JOB)
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "DSM": pair[1], "OUTPUT": str(tmp_path / "out")})
    job = job_of(results)
    assert job == SegmentJob(
        out=str(tmp_path / "out"),
        rgb=job.rgb,
        dsm=job.dsm,
    )
    assert job.rgb.path == pair[0].source() and job.dsm.path == pair[1].source()
    assert job.rgb.name == "rgb" and job.rgb.bands == ()
    assert results["OUTPUT"] == str(tmp_path / "out") and results["BUILDING_COUNT"] == 3
    assert feedback.warnings == ["The picture is dark."]
    assert any("1 of 4 tiles" in text and "2 min left" in text for text in feedback.texts)


def test_numbers_given_as_text_are_numbers(engine_is, run_algorithm, pair, tmp_path):
    """As ``qgis_process`` gives them."""
    engine_is(TELLS_JOB)
    parameters = {
        "RGB": pair[0].source(), "RGB_BANDS": "3;2;1", "DSM": pair[1].source(), "DSM_BAND": "1", "GSD": "0.3",
        "MIN_AREA": "25", "MIN_CONFIDENCE": "0.4", "REGULARISE": "false", "KEEP_HEIGHTS": "true", "DEVICE": "cpu",
        "THREADS": "2", "BATCH": "4", "LOOKS": "2", "HEIGHT_UNIT": "foot",
        "EXTENT": "770560,770590,6277560,6277590 [EPSG:2154]", "OVERWRITE": "1", "MODEL": "some-model",
        "OUTPUT": str(tmp_path / "out"),
    }  # fmt: skip
    results, feedback, _ = run_algorithm("segment", parameters)
    assert results, feedback.errors
    job = job_of(results)
    assert job.gsd == 0.3 and job.threads == 2 and job.batch == 4 and job.device == "cpu" and job.model == "some-model"
    assert job.buildings.min_area_m2 == 25 and not job.buildings.regularise
    assert job.buildings.min_confidence == 0.4 and job.looks == 2
    assert job.keep_heights is True and job.overwrite is True and job.skip_empty is False
    assert job.rgb.bands == (3, 2, 1) and job.dsm.bands == (1,) and job.dsm.vertical_unit == "foot"
    assert job.region.bbox == (770560, 6277560, 770590, 6277590) and job.region.crs == "EPSG:2154"


def selected_polygons():
    layer = QgsVectorLayer("Polygon?crs=EPSG:2154", "areas", "memory")
    for x in (0, 100):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, 0, x + 10, 10)))
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    layer.selectByIds([2])
    return QgsProcessingFeatureSourceDefinition(layer.id(), True)


@pytest.mark.parametrize("kind", ["extent", "drawn", "drawn text", "selected"])
def test_every_kind_of_region_reaches_the_engine(engine_is, run_algorithm, pair, tmp_path, kind):
    engine_is(TELLS_JOB)
    polygon = QgsGeometry.fromRect(BOX)
    region = {
        "extent": lambda: {"EXTENT": QgsReferencedRectangle(BOX, LAMBERT)},
        "drawn": lambda: {"REGION": QgsReferencedGeometry(polygon, LAMBERT)},
        "drawn text": lambda: {"REGION": f"CRS=EPSG:2154;{polygon.asWkt()}"},
        "selected": lambda: {"REGION_LAYER": selected_polygons()},
    }[kind]()
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "OUTPUT": str(tmp_path / "out"), **region})
    assert results, feedback.errors
    got = job_of(results).region
    assert got.crs == "EPSG:2154"
    if kind == "extent":
        assert got.bbox == (770560, 6277560, 770590, 6277590)
    else:
        area = QgsGeometry.fromWkt(got.wkt)
        assert area.area() == pytest.approx(100 if kind == "selected" else 900)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({}, "Choose an RGB layer, a DSM layer, or both."),
        ({"RGB": "rgb", "EXTENT": "0,1,0,1", "REGION": "POLYGON((0 0,1 0,1 1,0 0))"}, "Give one region only"),
        ({"RGB": "rgb", "RGB_BANDS": [1, 2]}, "Choose three bands"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_runs(run_algorithm, pair, tmp_path, parameters, problem):
    parameters = {name: pair[0].source() if value == "rgb" else value for name, value in parameters.items()}
    told, _, _ = run_algorithm("segment", {**parameters, "OUTPUT": str(tmp_path / "out")})
    assert problem in told


def test_an_error_is_one_sentence_with_a_hint(engine_is, run_algorithm, pair, tmp_path):
    engine_is(fake_engines.FAILS)
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "DSM": pair[1], "OUTPUT": str(tmp_path / "out")})
    assert results is None
    assert feedback.errors == ["“ortho” and “dsm” do not overlap. Choose layers of one place."]


def test_a_dead_engine_is_an_error_too(engine_is, run_algorithm, pair, tmp_path):
    engine_is(fake_engines.DIES)
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "OUTPUT": str(tmp_path / "out")})
    assert results is None and "memory" in feedback.errors[0] and "Traceback" not in feedback.errors[0]


def test_cancel_ends_the_engine_and_gives_no_result(engine_is, run_algorithm, pair, tmp_path):
    engine_is(fake_engines.WAITS_FOR_CANCEL)
    feedback = run_algorithm.Feedback()

    def cancel_when_it_runs(text):
        feedback.texts.append(text)
        feedback.cancel()

    feedback.setProgressText = cancel_when_it_runs
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "OUTPUT": str(tmp_path / "out")}, feedback)
    assert results == {} and any("Cancelled" in text for text in feedback.infos)


def test_without_an_engine_the_algorithm_says_what_is_missing(provider):
    from qgis.core import QgsApplication

    can, why = QgsApplication.processingRegistry().createAlgorithmById("ridgeline:segment").canExecute()
    assert not can and "not set up" in why and "Set up" in why


def test_results_are_opened_with_their_style_where_the_toolbox_asks(engine_is, run_algorithm, pair, tmp_path):
    engine_is(
        """
        data = job()
        say("result", outputs={"roof_class": data["rgb"]["path"]}, summary={})
        """
    )
    results, _, context = run_algorithm("segment", {"RGB": pair[0], "OUTPUT": str(tmp_path / "out")})
    assert results["ROOF_CLASS"] == pair[0].source()
    details = context.layerToLoadOnCompletionDetails(pair[0].source())
    assert details.name == "Roof class" and details.postProcessor() is not None


def test_a_layer_in_memory_is_written_beside_the_results(engine_is, run_algorithm, pair, tmp_path):
    from osgeo import gdal

    gdal.FileFromMemBuffer("/vsimem/segment_dsm.tif", (SAMPLES / "herault_dsm.tif").read_bytes())
    layer = QgsRasterLayer("/vsimem/segment_dsm.tif", "memory heights")
    QgsProject.instance().addMapLayer(layer)
    engine_is(TELLS_JOB)
    results, feedback, _ = run_algorithm("segment", {"RGB": pair[0], "DSM": layer, "OUTPUT": str(tmp_path / "out")})
    assert results, feedback.errors
    dsm = job_of(results).dsm
    assert Path(dsm.path).is_file() and Path(dsm.path).parent == tmp_path / "out" / "inputs"
    assert dsm.name == "memory heights"
    assert any("memory heights" in text and "MB" in text for text in feedback.texts)
    gdal.Unlink("/vsimem/segment_dsm.tif")
