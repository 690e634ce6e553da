"""The warm engine: answers, dies, hangs, is stopped; never blocks, never stays behind, always comes back."""

import os
import signal
import time

import pytest
from preview_data import SAMPLES, Answers, alive

from ridgeline.engine.jobs import Cancelled, ErrorCode, RasterInput
from ridgeline.engine.jobs.serve import LoadRequest, RoofRequest, Scene

SCENE = Scene(
    RasterInput(str(SAMPLES / "burgundy_rgb.tif")), RasterInput(str(SAMPLES / "burgundy_dsm.tif")), "journey-test"
)
LISTEN = """
import json, os, sys, time
def say(**event):
    print(json.dumps(event), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("do") == "shutdown":
        break
    if "id" not in asked:
        continue
"""


def test_a_killed_engine_is_told_and_the_next_request_starts_a_new_one(real_engine, warm, qtbot):
    engine = warm()
    answers = Answers(engine, qtbot)
    first = answers.wait(engine.ask(LoadRequest(SCENE)))
    assert "roof_class" in first.summary["layers"], first
    pid = engine.pid
    pending = engine.ask(RoofRequest(SCENE, 0.0, 0.0))
    os.kill(pid, signal.SIGKILL)
    answers.wait(pending)
    qtbot.waitUntil(lambda: engine.pid is None, timeout=5000)
    again = answers.wait(engine.ask(LoadRequest(SCENE)))
    assert again.summary["layers"] and engine.pid not in (None, pid) and not alive(pid)
    last = engine.pid
    engine.shut_down(wait_s=10)
    assert not alive(last) and not os.path.exists(engine.folder)


def test_an_engine_that_dies_with_a_request_says_why(fake, warm, qtbot):
    engine = warm(engine=fake(LISTEN + "    os.kill(os.getpid(), 9)"))
    fault = Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE)))
    assert fault.code is ErrorCode.ENGINE_DIED and "memory" in fault.message


def test_an_engine_that_hangs_is_ended_and_replaced(fake, warm, qtbot, tmp_path):
    flag = tmp_path / "hung"
    body = LISTEN + (
        f"    if not os.path.exists({str(flag)!r}):\n"
        f"        open({str(flag)!r}, 'w').close()\n        time.sleep(600)\n"
        "    say(event='result', id=asked['id'], outputs={}, summary={'ok': True})\n"
    )
    engine = warm(engine=fake(body), hang_s=5.0)
    answers = Answers(engine, qtbot)
    hung = engine.ask(LoadRequest(SCENE))
    qtbot.waitUntil(lambda: engine.pid is not None, timeout=5000)
    pid = engine.pid
    assert "did not answer" in answers.wait(hung).message
    qtbot.waitUntil(lambda: not alive(pid), timeout=5000)
    assert answers.wait(engine.ask(LoadRequest(SCENE))).summary == {"ok": True}


def test_a_stopped_engine_blocks_nobody_however_much_is_asked(fake, warm, qtbot):
    engine = warm(engine=fake("import time\ntime.sleep(600)"), hang_s=3.0)
    scene = Scene(RasterInput("x" * 4000), None, "m")
    began = time.monotonic()
    asked = [engine.ask(LoadRequest(scene)) for _ in range(200)]  # far more than a pipe holds
    assert time.monotonic() - began < 1.0
    answers = Answers(engine, qtbot)
    answers.wait(asked[-1])
    assert set(asked) == set(answers.faults)


def test_stopping_cancels_what_is_pending_and_ends_the_process(fake, warm, qtbot):
    engine = warm(engine=fake(LISTEN + "    time.sleep(0.01)"))
    answers = Answers(engine, qtbot)
    pending = engine.ask(LoadRequest(SCENE))
    qtbot.waitUntil(lambda: engine.pid is not None, timeout=5000)
    pid = engine.pid
    engine.stop()
    assert isinstance(answers.wait(pending), Cancelled)
    qtbot.waitUntil(lambda: not alive(pid), timeout=10000)


def test_an_idle_engine_gives_its_memory_back(fake, warm, qtbot):
    body = LISTEN + "    say(event='result', id=asked['id'], outputs={}, summary={})"
    engine = warm(engine=fake(body), idle_s=0.5)
    Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE)))
    pid = engine.pid
    qtbot.waitUntil(lambda: not alive(pid), timeout=10000)
    assert engine.pid is None


def test_without_an_engine_the_request_fails_with_the_way_out(warm, qtbot):
    fault = Answers(engine := warm(), qtbot).wait(engine.ask(LoadRequest(SCENE)))
    assert fault.code is ErrorCode.ENGINE_NOT_READY and "Set up" in fault.hint


@pytest.mark.parametrize("noise", ["print('no json')", "print('{}')", "say(event='result', id='other', summary={})"])
def test_noise_is_no_answer(fake, warm, qtbot, noise):
    body = LISTEN + f"    {noise}\n    say(event='result', id=asked['id'], outputs={{}}, summary={{'mine': 1}})"
    engine = warm(engine=fake(body))
    assert Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE))).summary == {"mine": 1}
