"""Events are one line of JSON each, and survive the trip."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.jobs import (
    PROTOCOL_VERSION,
    Cancelled,
    Error,
    ErrorCode,
    Progress,
    Result,
    RidgelineError,
    Started,
    Warn,
    event_from_line,
    event_to_line,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
names = st.none() | texts
events = st.one_of(
    st.builds(Started, job=texts, engine=texts, id=names),
    st.builds(Progress, done=numbers, total=numbers, unit=texts, phase=texts, eta_s=st.none() | numbers, id=names),
    st.builds(Warn, code=texts, message=texts, id=names),
    st.builds(Result, outputs=st.dictionaries(texts, texts, max_size=3), id=names),
    st.builds(Error, code=st.sampled_from(ErrorCode), message=texts, hint=texts, id=names),
)


@given(event=events)
def test_an_event_survives_its_line(event):
    line = event_to_line(event)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert event_from_line(line) == event


def test_the_kinds_have_the_names_of_the_protocol():
    lines = [
        event_to_line(item)
        for item in (
            Started("segment"),
            Progress(1, 2, "tiles", "compute"),
            Warn("a", "b"),
            Result(),
            Error(ErrorCode.NO_CRS, "m"),
        )
    ]
    assert [json.loads(line)["event"] for line in lines] == ["started", "progress", "warning", "result", "error"]
    assert json.loads(lines[0])["protocol"] == PROTOCOL_VERSION


def test_numbers_that_json_lacks_become_null():
    line = event_to_line(Progress(1, 2, "steps", "train", detail={"loss": float("nan"), "past": [float("inf"), 1.0]}))
    assert json.loads(line)["detail"] == {"loss": None, "past": [None, 1.0]}


@pytest.mark.parametrize(
    "line", ["", "hello", "[]", "3", "null", '{"event": "sing"}', '{"event": ["progress"]}', "[" * 100_000]
)
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(RidgelineError) as caught:
        event_from_line(line)
    assert caught.value.code == ErrorCode.BAD_JOB


@given(line=st.text(max_size=60))
def test_no_line_brings_the_reader_down(line):
    with pytest.raises(RidgelineError):
        event_from_line(line)


def test_what_a_newer_engine_adds_is_left_unread():
    line = json.dumps({"event": "warning", "code": "a", "message": "b", "colour": "red"})
    assert event_from_line(line) == Warn("a", "b")


def test_an_error_speaks_in_sentences():
    fault = RidgelineError(ErrorCode.NO_CRS, "The RGB 'a.tif' has no CRS.", "State its CRS.")
    assert str(fault) == "The RGB 'a.tif' has no CRS. State its CRS."
    assert str(RidgelineError(ErrorCode.INTERNAL, "Broken.")) == "Broken."


def test_cancelling_is_an_error_of_its_own_kind():
    fault = Cancelled()
    assert isinstance(fault, RidgelineError)
    assert fault.code == ErrorCode.CANCELLED


def test_error_codes_are_stable_lower_case_names():
    for code in ErrorCode:
        assert code.value == code.name.lower()
