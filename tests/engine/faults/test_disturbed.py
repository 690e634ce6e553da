"""A few of the disturbances of ``make faults`` in every test run, and the harness's own judgement."""

from random import Random

import pytest
from fault_kinds import KINDS, NotPermitted
from fault_workload import Ending, Workload, differences, half_written

SAMPLE = ["SIGKILL", "SIGTERM", "pipe broken", "disk full", "input truncated", "model changed", "helper killed"]


@pytest.fixture(scope="module")
def workload(tmp_path_factory):
    return Workload(tmp_path_factory.mktemp("faults"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", SAMPLE)
def test_a_disturbed_run_ends_with_the_same_bytes(workload, kind):
    trial = workload.trial(kind.replace(" ", "-"))
    try:
        outcome = KINDS[kind](trial, Random(f"test {kind}"))
    except NotPermitted as fault:
        pytest.skip(f"{kind}: {fault}")
    assert not outcome.wrong, outcome.ended


def test_the_judgement_sees_what_is_missing_left_over_or_changed(tmp_path):
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == ["c is missing", "b has other bytes"]
    assert differences({"a": "1", "d": "2"}, {"a": "1"}) == ["d is left over"]
    (tmp_path / "land_cover.tif").write_bytes(b"half")
    (tmp_path / ".land_cover.partial.tif").write_bytes(b"hidden")
    assert half_written(tmp_path, {"land_cover.tif": "whole"}) == ["land_cover.tif is half-written"]


@pytest.mark.parametrize(
    ("ending", "clear"),
    [
        (Ending(0, "result", "", 1, ""), True),
        (Ending(1, "disk_full", "The disk is full.", 1, ""), True),
        (Ending(1, "internal", "Ridgeline met a fault of its own (x).", 1, ""), False),
        (Ending(1, "disk_full", "The disk is full.", 2, ""), False),
        (Ending(0, None, "", 0, ""), False),
    ],
)
def test_one_clear_word_is_asked_for(ending, clear):
    assert ending.clear is clear
