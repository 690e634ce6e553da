"""Whatever JSON a line holds, reading it as an event or a request gives one, or a fault of ours."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.jobs import ErrorCode, RidgelineError, event_from_line
from ridgeline.engine.jobs.serve import request_from_line

texts = st.text(max_size=8) | st.sampled_from(["a\0", "\ud800"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([10**400, math.nan, math.inf]) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
scenes = st.fixed_dictionaries({}, optional={"rgb": st.fixed_dictionaries({"path": texts}) | values, "model": values})
requests = st.sampled_from(["load", "preview", "roof", "segment", "cancel", "shutdown"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {"do": st.just(name) | values},
        optional={
            "id": values,
            name: st.fixed_dictionaries(
                {},
                optional={"scene": scenes, "bounds": values, "x": values, "y": values, "out": values, "target": values},
            )
            | values,
        },
    )
)
events = st.sampled_from(["started", "progress", "warning", "result", "error"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {"event": st.just(name) | values},
        optional=dict.fromkeys("job done total unit phase eta_s code message hint outputs summary id".split(), values),
    )
)


@given(data=requests | values)
def test_any_request(data):
    try:
        request_from_line(json.dumps(data))
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_JOB
        assert fault.message and fault.hint


@given(data=events | values)
def test_any_event(data):
    try:
        event_from_line(json.dumps(data))
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_JOB
        assert fault.message and fault.hint
