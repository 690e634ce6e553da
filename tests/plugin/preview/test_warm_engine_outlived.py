"""Sleep, hangs and the end of QGIS: the warm engine comes through, or goes with it; nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from preview_data import Answers, alive

from ridgeline.engine.jobs import ErrorCode
from ridgeline.engine.jobs.serve import LoadRequest, Scene

HOST = Path(__file__).with_name("doomed_qgis.py")
SCENE = Scene(None, None, "m")
ANSWERS = """
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "load":
        time.sleep({delay})
        say("result", id=asked["id"], outputs={{}}, summary={{"pid": os.getpid()}})
"""
posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def doomed(tmp_path):
    """Starts a QGIS of its own with a fake engine; returns the process and the engine's id."""
    from fake_engines import write_engine

    started = []

    def start(hang_s, delay=0.1):
        python, main = write_engine(tmp_path / "engine", ANSWERS.format(delay=delay))
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "TMPDIR": str(tmp_path)}
        command = [sys.executable, str(HOST), python, main, str(hang_s)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment, text=True, **pipes)
        started.append(process)
        ready, pid = process.stdout.readline().split()
        assert ready == "ready"
        return process, int(pid)

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def gone(pid, seconds=15):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


@posix
def test_the_engine_goes_when_qgis_is_killed(doomed):
    process, pid = doomed(60)
    assert alive(pid)
    process.kill()
    process.wait()
    assert gone(pid)


@posix
def test_the_engine_goes_when_qgis_ends(doomed):
    process, pid = doomed(60)
    process.stdin.close()
    assert process.wait(30) == 0
    assert gone(pid)


@posix
def test_both_go_on_after_the_computer_has_slept(doomed):
    process, pid = doomed(2.0, delay=1.0)
    process.stdin.write("again\n")
    process.stdin.flush()
    time.sleep(0.3)  # asked and not yet answered
    for number in (process.pid, pid):
        os.kill(number, signal.SIGSTOP)
    time.sleep(4.0)  # longer than an engine may be silent
    for number in (pid, process.pid):
        os.kill(number, signal.SIGCONT)
    assert process.stdout.readline().strip() == "ok"
    process.stdin.write("again\n")
    process.stdin.flush()
    assert process.stdout.readline().strip() == "ok" and alive(pid), "another engine was started"


def test_a_jump_of_the_clock_is_no_silence(fake, warm, qtbot, monkeypatch):
    from ridgeline.plugin.preview import session

    class Clock:
        ahead_s = 0.0

        def monotonic(self):
            return time.monotonic() + self.ahead_s

    clock = Clock()
    monkeypatch.setattr(session, "time", clock)
    engine = warm(engine=fake(ANSWERS.format(delay=1.5)), hang_s=60.0, idle_s=60.0)
    answers = Answers(engine, qtbot)
    asked = engine.ask(LoadRequest(SCENE))
    qtbot.waitUntil(lambda: engine.pid is not None, timeout=10_000)
    clock.ahead_s += 8 * 3600  # it slept for a night, with a request under way
    first = answers.wait(asked)
    assert first.summary["pid"] == engine.pid
    clock.ahead_s += 8 * 3600  # and for another with none
    qtbot.wait(300)
    assert answers.wait(engine.ask(LoadRequest(SCENE))).summary == first.summary


@posix
def test_an_engine_that_is_stopped_is_ended_and_replaced(fake, warm, qtbot):
    engine = warm(engine=fake(ANSWERS.format(delay=0.0)), hang_s=1.5)
    answers = Answers(engine, qtbot)
    pid = answers.wait(engine.ask(LoadRequest(SCENE))).summary["pid"]
    os.kill(pid, signal.SIGSTOP)
    fault = answers.wait(engine.ask(LoadRequest(SCENE)))
    assert fault.code is ErrorCode.ENGINE_DIED and "did not answer" in fault.message
    qtbot.waitUntil(lambda: not alive(pid), timeout=10_000)
    assert answers.wait(engine.ask(LoadRequest(SCENE))).summary["pid"] != pid


@posix
def test_letting_a_stopped_engine_go_takes_no_time_and_leaves_nothing(fake, warm, qtbot):
    engine = warm(engine=fake(ANSWERS.format(delay=0.0)))
    pid = Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE))).summary["pid"]
    os.kill(pid, signal.SIGSTOP)
    engine.ask(LoadRequest(SCENE))
    began = time.monotonic()
    engine.stop()
    engine.shut_down()
    assert time.monotonic() - began < 0.5, "QGIS was made to wait"
    assert gone(pid)


def test_an_engine_short_of_memory_says_so_and_lives(fake, warm, qtbot):
    body = """
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "load":
            say("result", id=asked["id"], outputs={}, summary={"pid": os.getpid()})
        elif asked["do"] == "roof":
            say("error", id=asked["id"], code="out_of_memory", message="Not enough memory.", hint="Zoom in.")
    """
    from ridgeline.engine.jobs.serve import RoofRequest

    engine = warm(engine=fake(body))
    answers = Answers(engine, qtbot)
    pid = answers.wait(engine.ask(LoadRequest(SCENE))).summary["pid"]
    fault = answers.wait(engine.ask(RoofRequest(SCENE, 0.0, 0.0)))
    assert fault.code is ErrorCode.OUT_OF_MEMORY and fault.hint == "Zoom in."
    assert answers.wait(engine.ask(LoadRequest(SCENE))).summary["pid"] == pid
