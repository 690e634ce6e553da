"""Whatever values a job holds, the engine gives a result or a fault of its own: never another exception."""

import json
import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from inference_helpers import DSM, RGB, height_network, make_package, picture, surface, write_raster

from ridgeline.engine.commands.jobrunner import load_json
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference.runner import run_segment
from ridgeline.engine.jobs import ErrorCode, RidgelineError, SegmentJob, from_dict
from ridgeline.engine.jobs.buildings import BuildingsJob
from ridgeline.engine.jobs.ground import GroundJob
from ridgeline.engine.terrain.ground_job import run_ground
from ridgeline.engine.vector.buildings_job import run_buildings

CURVED = "CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))"
WEST, NORTH, SIDE = 500_000.0, 5_600_000.0, 40.0

numbers = st.one_of(
    st.floats(),
    st.floats(-2 * SIDE, 2 * SIDE),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e-300, 1e300, -1.0, math.inf, math.nan]),
)
wholes = st.one_of(st.integers(-3, 9), st.sampled_from([-(2**63), 2**31, 2**63, 10**30]))
texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", ".", "..", "/", "a\0b", "x" * 300, "\ud800", "\n", "%s{0}", "/vsimem/", "/vsicurl/x", "NUL"]),
)
crs_texts = st.one_of(
    texts,
    st.sampled_from(
        [
            "EPSG:25832",
            "EPSG:4326",
            "EPSG:3857",
            "EPSG:2154",
            "EPSG:4979",
            "EPSG:5555",
            "EPSG:0",
            "EPSG:99999999999999999999",
            "ESRI:102039",
            "+proj=utm +zone=32",
            "+proj=utm +zone=99",
            "+proj=laea +lat_0=90",
            "+init=epsg:25832",
            "+proj=pipeline +step +inv",
            'LOCAL_CS["x"]',
            'GEOGCS["x"',
            "IGNF:LAMB93",
            "{}",
            "[1]",
            "4326",
            "OGC:CRS84",
            "urn:ogc:def:crs:EPSG::25832",
        ]
    ),
)


def maybe(strategy):
    return st.none() | strategy


around_x, around_y = (st.floats(start - 2 * SIDE, start + 2 * SIDE) for start in (WEST, NORTH))
points = st.tuples(st.one_of(around_x, numbers), st.one_of(around_y, numbers))


def _ring(places):
    return "(" + ", ".join(f"{x!r} {y!r}" for x, y in [*places, places[0]]) + ")"


polygons = st.lists(st.tuples(around_x, around_y) | points, min_size=1, max_size=12).map(
    lambda places: f"POLYGON ({_ring(places)})"
)
wkts = st.one_of(
    polygons,
    st.lists(polygons, min_size=1, max_size=3).map(
        lambda items: "MULTIPOLYGON (" + ", ".join(item.removeprefix("POLYGON ") for item in items) + ")"
    ),
    st.sampled_from(
        [
            "POLYGON EMPTY",
            "MULTIPOLYGON EMPTY",
            "GEOMETRYCOLLECTION EMPTY",
            "POINT (1 2)",
            "POLYGON ((0 0, 1 1",
            "POLYGON Z ((0 0 1, 1 1 1, 1 0 1, 0 0 1))",
            CURVED,
        ]
    ),
    texts,
)
boxes = st.one_of(
    st.tuples(around_x, around_y, around_x, around_y),
    st.tuples(around_x, around_y, around_x, around_y).map(
        lambda box: (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3]))
    ),
    st.tuples(numbers, numbers, numbers, numbers),
)
regions = st.one_of(
    st.builds(lambda box, crs: {"bbox": list(box), "crs": crs}, boxes, maybe(crs_texts)),
    st.builds(lambda wkt, crs: {"wkt": wkt, "crs": crs}, wkts, maybe(crs_texts)),
    st.builds(lambda path, layer: {"path": path, "layer": layer}, texts, maybe(texts)),
)


def _some(**fields):
    """Dictionaries with a few of the fields, so that most jobs get far before one of them goes wrong."""
    return st.fixed_dictionaries({}, optional=fields)


def rasters(name):
    return _some(
        bands=st.lists(wholes, max_size=4),
        crs=crs_texts,
        nodata=numbers,
        vertical_unit=st.sampled_from(["metre", "foot", "us-foot"]) | texts,
        name=texts,
    ).map(lambda fields: {"path": name, **fields})


options = _some(
    enabled=st.booleans(), regularise=st.booleans(), tolerance_m=numbers, min_area_m2=numbers, min_hole_m2=numbers,
    min_confidence=numbers,
)  # fmt: skip


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("any-job")
    size = int(SIDE / 0.5)
    write_raster(folder / "rgb.tif", picture(size, size))
    write_raster(folder / "dsm.tif", surface(size, size))
    classes = (surface(size, size) > 203).astype("uint8")
    write_raster(folder / "classes.tif", classes)
    channels = {"land_cover": 3, "roof": 2, "building": 1, "edge": 1}
    make_package(folder / "model", (RGB, DSM), network=height_network(channels))
    return folder


def _within(folder, data):
    """Let the paths of a job that name our files name them in the folder."""
    if isinstance(data, dict):
        return {
            key: str(folder / value)
            if key in ("path", "model") and value in ("rgb.tif", "dsm.tif", "classes.tif", "model")
            else _within(folder, value)
            for key, value in data.items()
        }
    return data


def _read(kind, data, folder):
    """Return the job as a command reads it: from a file of JSON, which for Python knows NaN and infinity."""
    (folder / "job.json").write_text(json.dumps(data))
    return from_dict(kind, load_json(str(folder / "job.json")))


def _holds(kind, data, folder, tmp_path_factory, run):
    base = tmp_path_factory.mktemp("any")
    out = base / "results"
    try:
        result = run(_read(kind, {"out": str(out), **_within(folder, data)}, base), Feedback())
    except RidgelineError as fault:
        assert fault.code is not ErrorCode.INTERNAL
        assert fault.message
        assert not out.exists() or [path.name for path in out.iterdir() if not path.name.startswith(".")] == []
    else:
        json.dumps(result.summary)
        assert result.outputs


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    data=st.fixed_dictionaries(
        {"rgb": rasters("rgb.tif"), "dsm": rasters("dsm.tif")},
        optional={
            "region": regions,
            "gsd": numbers,
            "batch": wholes,
            "threads": st.integers(-2, 3),
            "looks": st.sampled_from([1, 2, 4, 8]) | wholes,
            "device": st.sampled_from(["cpu", "cuda", "cuda:99", "mps"]) | texts,
            "runtime": st.sampled_from(["onnx", "auto", "torch"]) | texts,
            "precision": st.sampled_from(["fp32", "int8", "bf16"]) | texts,
            "skip_empty": st.booleans(),
            "keep_heights": st.booleans(),
            "buildings": options,
        },
    ).map(lambda job: {"model": "model", "threads": 1, "device": "cpu", **job})
)
def test_any_segment_job_gives_a_result_or_a_fault_of_ours(workplace, tmp_path_factory, data):
    _holds(SegmentJob, data, workplace, tmp_path_factory, run_segment)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@example(data={"dsm": {"path": "dsm.tif"}, "gsd": math.inf})
@given(data=st.fixed_dictionaries({"dsm": rasters("dsm.tif")}, optional={"region": regions, "gsd": numbers}))
def test_any_ground_job_gives_a_result_or_a_fault_of_ours(workplace, tmp_path_factory, data):
    _holds(GroundJob, data, workplace, tmp_path_factory, run_ground)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@example(data={"classes": {"path": "classes.tif"}, "region": {"wkt": CURVED}})
@given(
    data=st.fixed_dictionaries(
        {"classes": rasters("classes.tif")},
        optional={
            "roof_classes": rasters("classes.tif"),
            "dsm": rasters("dsm.tif"),
            "building": st.lists(wholes, max_size=3),
            "region": regions,
            "options": options,
        },
    )
)
def test_any_buildings_job_gives_a_result_or_a_fault_of_ours(workplace, tmp_path_factory, data):
    _holds(BuildingsJob, data, workplace, tmp_path_factory, run_buildings)


@given(where=st.sampled_from(["out", "model", "path"]), text=texts)
def test_any_path_gives_a_result_or_a_fault_of_ours(workplace, tmp_path_factory, where, text):
    base = tmp_path_factory.mktemp("paths")
    data = {"rgb": {"path": "rgb.tif"}, "dsm": {"path": "dsm.tif"}, "model": "model", "device": "cpu"}
    if where == "path":
        data["rgb"] = {"path": text}
    elif where == "out":
        data["out"] = f"{base}/{text}"
    else:
        data["model"] = text
    try:
        run_segment(_read(SegmentJob, {"out": str(base / "out"), **_within(workplace, data)}, base), Feedback())
    except RidgelineError as fault:
        assert fault.code is not ErrorCode.INTERNAL
