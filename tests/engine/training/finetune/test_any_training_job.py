"""Whatever values a fine-tuning or an evaluation is asked for with, it works or says why not by a fault of our own."""

import json
import math

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from finetune_helpers import GSD, INPUTS, OUTPUTS, tiny_model
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from ridgeline.engine.commands.jobrunner import load_json
from ridgeline.engine.evaluation.evaluate_job import run_evaluate
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RidgelineError, from_dict
from ridgeline.engine.jobs.evaluate import EvaluateJob
from ridgeline.engine.jobs.finetune import FinetuneJob
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.package import GsdSpec, TileSpec
from ridgeline.engine.training.finetune.run import run_finetune

WEST, NORTH, SIZE = 500_000.0, 5_600_000.0, 128
numbers = st.floats() | st.floats(-2, 200) | st.sampled_from([0.0, 0.5, 64.0, 1e-300, 1e300, math.inf, math.nan])
wholes = st.integers(-3, 9) | st.sampled_from([2**32, 2**63, 10**30])
texts = st.text(max_size=8) | st.sampled_from(["", "kind", "auto", "cpu", "cuda:99", "meta", "head", "..", "/"])
shared = {"field": texts, "gsd": numbers, "device": texts, "overwrite": st.booleans(), "model": texts}
LOOSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, a picture, and polygons of two classes."""
    folder = tmp_path_factory.mktemp("any")
    info = PackageInfo("tiny", "1", INPUTS, OUTPUTS, GsdSpec(GSD, 0.25, 1.0), TileSpec(256, 32, 64))
    export_package(tiny_model(), info, folder / "tiny", half=False)
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "count": 3, "dtype": "uint8", "crs": "EPSG:25832"}
    with rasterio.open(folder / "rgb.tif", "w", transform=from_origin(WEST, NORTH, GSD, GSD), **profile) as target:
        target.write(np.random.default_rng(1).integers(1, 255, (3, SIZE, SIZE), dtype=np.uint8))
    boxes = [shapely.box(WEST + x, NORTH - y - 9, WEST + x + 9, NORTH - y) for x in (4, 24, 44) for y in (4, 24, 44)]
    kinds = np.array(["gable", "flat", "gable"] * 3, dtype=object)
    shapes = shapely.to_wkb(np.array(boxes, dtype=object))
    pyogrio.raw.write(folder / "labels.gpkg", shapes, [kinds], ["kind"], geometry_type="Polygon", crs="EPSG:25832")
    return folder


def holds(kind, run, data, tmp_path_factory):
    base = tmp_path_factory.mktemp("job")
    (base / "job.json").write_text(json.dumps({"out": str(base / "out"), **data}))
    try:
        result = run(from_dict(kind, load_json(str(base / "job.json"))), Feedback())
    except RidgelineError as fault:
        assert fault.code is not ErrorCode.INTERNAL
        assert fault.message and fault.hint
    else:
        json.dumps(result.summary)


def given_files(place, labels):
    return {
        "model": str(place / "tiny"),
        "device": "cpu",
        "rgb": {"path": str(place / "rgb.tif")},
        labels: {"path": str(place / "labels.gpkg")},
    }


@settings(suppress_health_check=LOOSE)
@example(data={"gsd": math.inf})
@example(data={"minutes": math.nan})
@example(data={"block_m": math.inf})
@example(data={"seed": -1, "field": "kind"})
@example(data={"device": "meta"})
@given(
    data=st.fixed_dictionaries(
        {},
        optional={
            **shared,
            "minutes": numbers,
            "steps": wholes,
            "validation_share": numbers,
            "block_m": numbers,
            "seed": wholes,
            "mode": texts,
            "name": texts,
            "keep_old_classes": st.booleans(),
        },
    )
)
def test_any_check_of_labels_ends_well_or_with_a_fault_of_ours(place, tmp_path_factory, data):
    job = {**given_files(place, "labels"), **data, "check_only": True}
    holds(FinetuneJob, run_finetune, job, tmp_path_factory)


@settings(suppress_health_check=LOOSE, max_examples=25)
@example(data={"gsd": math.inf})
@example(data={"gsd": -1.0})
@given(data=st.fixed_dictionaries({}, optional={**shared, "sparse": st.booleans()}))
def test_any_evaluation_ends_well_or_with_a_fault_of_ours(place, tmp_path_factory, data):
    holds(EvaluateJob, run_evaluate, {**given_files(place, "truth"), **data}, tmp_path_factory)
