"""Jobs survive the trip through JSON, and anything malformed is an error that names the field."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridgeline.engine.jobs import (
    BuildingOptions,
    ErrorCode,
    RasterInput,
    Region,
    RidgelineError,
    SegmentJob,
    check_texts,
    from_dict,
    to_dict,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=12)


def optional(strategy):
    return st.none() | strategy


rasters = st.builds(
    RasterInput,
    path=texts,
    bands=st.lists(st.integers(1, 9), max_size=4).map(tuple),
    crs=optional(texts),
    nodata=optional(numbers),
    vertical_unit=optional(st.sampled_from(["metre", "foot", "us-foot"])),
    name=optional(texts),
)
regions = st.one_of(
    st.builds(Region, bbox=st.tuples(numbers, numbers, numbers, numbers), crs=optional(texts)),
    st.builds(Region, path=texts, layer=optional(texts)),
    st.builds(Region, wkt=texts, crs=optional(texts)),
)
jobs = st.builds(
    SegmentJob,
    out=texts,
    rgb=optional(rasters),
    dsm=optional(rasters),
    region=optional(regions),
    gsd=optional(numbers),
    batch=optional(st.integers(1, 64)),
    skip_empty=st.booleans(),
    buildings=st.builds(BuildingOptions, enabled=st.booleans(), tolerance_m=numbers),
)


@given(job=jobs)
def test_a_job_survives_the_trip_through_json(job):
    assert from_dict(SegmentJob, json.loads(json.dumps(to_dict(job)))) == job


@given(job=jobs)
def test_what_is_not_said_is_not_written(job):
    assert None not in to_dict(job).values()
    if job.region is not None:
        assert None not in to_dict(job.region).values()


@given(job=jobs, key=st.text(min_size=1, max_size=8))
def test_an_unknown_key_is_named(job, key):
    data = to_dict(job)
    if key in SegmentJob.__dataclass_fields__:
        return
    with pytest.raises(RidgelineError) as caught:
        from_dict(SegmentJob, {**data, key: 1})
    assert caught.value.code == ErrorCode.BAD_JOB
    assert f"SegmentJob.{key}" in caught.value.message


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "SegmentJob.out is missing"),
        ({"out": 1}, "SegmentJob.out must be str, not int"),
        ({"out": "x", "rgb": "a.tif"}, "SegmentJob.rgb must be an object, not str"),
        ({"out": "x", "rgb": {"path": "a.tif", "bands": [1, "2"]}}, "SegmentJob.rgb.bands[1] must be int, not str"),
        ({"out": "x", "rgb": {"path": "a.tif", "bands": 3}}, "SegmentJob.rgb.bands must be a list, not int"),
        ({"out": "x", "region": {"bbox": [1, 2, 3]}}, "SegmentJob.region.bbox must have 4 values, not 3"),
        ({"out": "x", "region": {}}, "SegmentJob.region needs exactly one of bbox, path and wkt"),
        ({"out": "x", "region": {"path": "a", "wkt": "b"}}, "needs exactly one"),
        ({"out": "x", "batch": True}, "SegmentJob.batch must be int, not bool"),
        ({"out": "x", "batch": 0}, "SegmentJob batch must be a whole number from 1, not 0"),
        ({"out": "x", "batch": 1.5}, "SegmentJob.batch must be int, not float"),
        ({"out": "x", "overwrite": 1}, "SegmentJob.overwrite must be bool, not int"),
        ({"out": None}, "SegmentJob.out must be str, not null"),
        ([], "SegmentJob must be an object, not list"),
    ],
)
def test_a_malformed_job_names_its_field(data, field):
    with pytest.raises(RidgelineError) as caught:
        from_dict(SegmentJob, data)
    assert caught.value.code == ErrorCode.BAD_JOB
    assert field in caught.value.message
    assert caught.value.hint


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["out", "rgb", "region", "path", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=json_values)
def test_whatever_json_comes_the_answer_is_a_job_or_an_error_of_ours(data):
    try:
        job = from_dict(SegmentJob, data)
    except RidgelineError as fault:
        assert fault.code == ErrorCode.BAD_JOB
    else:
        assert isinstance(job, SegmentJob)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x\udcffy"])
@pytest.mark.parametrize("place", [lambda text: text, lambda text: {"a": [1, text]}, lambda text: {text: 1}])
def test_texts_that_nothing_can_be_called_are_refused(text, place):
    with pytest.raises(RidgelineError) as caught:
        check_texts(place(text))
    assert caught.value.code == ErrorCode.BAD_JOB
    assert caught.value.message.isascii()


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_all_other_texts_are_left_alone(text):
    check_texts({"a": [text, {text: None}]})


def test_whole_numbers_stand_for_floats():
    job = from_dict(SegmentJob, {"out": "x", "gsd": 1})
    assert isinstance(job.gsd, float)
