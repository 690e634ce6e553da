"""The shell around every job: events and nothing else on standard output, cancel, exit status."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ridgeline.engine.jobs import Error, ErrorCode, Result, Started, event_from_line

PRELUDE = """
import os, sys, time
from ridgeline.engine.commands.jobrunner import run_job
from ridgeline.engine.jobs import Cancelled, ErrorCode, Result, RidgelineError, Warn
"""


def start(work, events=True, **options):
    code = f"{PRELUDE}\n{work}\nsys.exit(run_job('test', lambda: 7, work, {events}))"
    options = {"stdin": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def finish(process, text=None):
    out, err = process.communicate(text, timeout=60)
    return [event_from_line(line) for line in out.decode().splitlines()], process.returncode, err.decode()


WAITING = """
def work(job, feedback):
    feedback.progress(0, 10, "tiles", "computing")
    for _ in range(600):
        time.sleep(0.05)
        feedback.check_cancelled()
"""
DEAF = """
def work(job, feedback):
    feedback.progress(0, 10, "tiles", "computing")
    time.sleep(60)
"""


def test_nothing_but_events_reaches_standard_output():
    work = """
def work(job, feedback):
    print("python prints")
    os.write(1, b"c prints\\n")
    os.system("echo a child prints")
    sys.__stdout__.write("the original stream") and sys.__stdout__.flush()
    feedback.warn("odd", "a warning")
    return Result({"file": "a.tif"}, {"answer": job})
"""
    events, status, err = finish(start(work), b"")
    assert status == 0
    assert [type(event).__name__ for event in events] == ["Started", "Warn", "Result"]
    assert events[2] == Result({"file": "a.tif"}, {"answer": 7})
    for words in ("python prints", "c prints", "a child prints", "the original stream"):
        assert words in err


def test_a_fault_of_ours_is_one_event_and_status_one():
    work = """
def work(job, feedback):
    try:
        raise OSError("the deeper reason")
    except OSError as fault:
        raise RidgelineError(ErrorCode.NO_CRS, "The RGB has no CRS.", "Assign one.") from fault
"""
    events, status, err = finish(start(work), b"")
    assert status == 1
    assert events[-1] == Error(ErrorCode.NO_CRS, "The RGB has no CRS.", "Assign one.")
    assert "the deeper reason" in err  # for the log


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("KeyError('x')", "internal"),
        ("MemoryError()", "out_of_memory"),
        ("ImportError('libx.so: failed to map segment from shared object')", "out_of_memory"),
        ('RuntimeError("can\'t start new thread")', "out_of_memory"),
        ("SystemError('error return without exception set')", "out_of_memory"),
    ],
)
def test_anything_unexpected_becomes_a_sentence(raised, code):
    events, status, err = finish(start(f"def work(job, feedback):\n    raise {raised}"), b"")
    assert status == 1
    assert events[-1].code.value == code
    assert events[-1].message.endswith(".")
    assert "\n" not in events[-1].message
    assert ("Traceback" in err) == (code == "internal")


def test_a_run_that_finds_no_memory_to_begin_says_so_in_a_sentence():
    events, status, err = finish(
        start("""
import threading
def fail(*_):
    raise RuntimeError("can't start new thread")
threading.Thread.start = fail
def work(job, feedback):
    return Result({}, {})
"""),
        b"",
    )
    assert status == 1
    assert events[-1].code == ErrorCode.OUT_OF_MEMORY
    assert "Traceback" not in err


def test_a_run_whose_bar_nobody_sees_any_more_is_cancelled():
    process = start("""
def work(job, feedback):
    for done in range(600):
        feedback.progress(done, 600, "tiles", "computing", {})
        time.sleep(0.05)
""", False)  # fmt: skip
    process.stderr.close()
    assert process.wait(60) == 130


def test_a_result_that_nobody_reads_is_still_one():
    process = start("def work(job, feedback):\n    return Result({'a': 'b'}, {})", False)
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(60) == 0
    assert "Traceback" not in err and "Broken pipe" not in err


def test_people_get_a_sentence_and_no_traceback():
    process = start(
        'def work(job, feedback):\n    raise RidgelineError(ErrorCode.NO_CRS, "It has no CRS.", "Assign one.")', False
    )
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"", 1)
    assert err.decode() == "ridgeline: It has no CRS.\n  Assign one.\n"


def _first_events(process, count):
    return [event_from_line(process.stdout.readline().decode()) for _ in range(count)]


@pytest.mark.parametrize("work", [WAITING, DEAF], ids=["work that listens", "work that does not"])
@pytest.mark.parametrize("way", ["line", "sigterm", "sigint"])
def test_cancel_ends_the_process_soon_with_status_130(work, way):
    if way != "line" and sys.platform == "win32":
        pytest.skip("Windows has no such signals between processes")
    process = start(work)
    assert isinstance(_first_events(process, 2)[0], Started)
    began = time.monotonic()
    if way == "line":
        process.stdin.write(b'not json\n{"cancel": false}\n{"cancel": true}\n')
        process.stdin.flush()
    else:
        os.kill(process.pid, signal.SIGTERM if way == "sigterm" else signal.SIGINT)
    out, err = process.stdout.read(), process.stderr.read()
    assert process.wait(timeout=30) == 130
    assert time.monotonic() - began < 20  # promised is 2 s; a machine may be busy
    assert json.loads(out.decode().splitlines()[-1])["code"] == "cancelled"
    assert "Traceback" not in err.decode()
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals between processes")
def test_a_signal_that_a_library_listens_for_is_no_wish_to_cancel():
    work = """
def work(job, feedback):
    import signal, subprocess, sys
    heard = []
    signal.signal(signal.SIGCHLD, lambda number, _frame: heard.append(number))  # as torch does beside its workers
    subprocess.run([sys.executable, "-c", ""], check=True)
    time.sleep(0.5)
    feedback.check_cancelled()
    return Result({}, {"heard": len(heard)})
"""
    events, status, _err = finish(start(work), b"")
    assert status == 0
    assert events[-1].summary["heard"] >= 1


def test_the_end_of_standard_input_is_no_wish_to_cancel():
    work = "def work(job, feedback):\n    time.sleep(0.5)\n    feedback.check_cancelled()\n    return Result()"
    for options in ({"stdin": subprocess.DEVNULL}, {}):
        events, status, _err = finish(start(work, **options))
        assert status == 0
        assert isinstance(events[-1], Result)


def test_a_reader_who_leaves_ends_the_run():
    work = """
def work(job, feedback):
    for done in range(600):
        time.sleep(0.05)
        feedback.progress(done, 600, "tiles", "computing", {"step": done})
"""
    process = start(work)
    _first_events(process, 2)
    process.stdout.close()
    assert process.wait(timeout=30) == 130
    process.stderr.close()
    process.stdin.close()


def test_a_job_is_told_to_finish_with_what_it_has_and_gives_its_result():
    work = """
def work(job, feedback):
    feedback.progress(0, 10, "%", "training")
    for _ in range(600):
        time.sleep(0.05)
        feedback.check_cancelled()
        if feedback.asked_to_finish():
            return Result({}, {"best": 3})
    return Result()
"""
    process = start(work)
    while b"progress" not in process.stdout.readline():
        pass
    process.stdin.write(b'{"finish": false}\n{"finish": true}\n')
    process.stdin.flush()
    last = event_from_line(process.stdout.readline().decode())
    finish(process)
    assert last == Result({}, {"best": 3}) and process.returncode == 0
