"""The warm engine: answers, dies, hangs, is stopped; never blocks, never stays behind, always comes back."""

import os
import signal
import time

import pytest
from preview_data import SAMPLES, Answers, alive

from ridgeline.engine.jobs import Cancelled, ErrorCode, RasterInput
from ridgeline.engine.jobs.serve import LoadRequest, Scene

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


def test_what_is_asked_of_a_killed_engine_is_answered_by_a_new_one(real_engine, warm, qtbot):
    engine = warm()
    answers = Answers(engine, qtbot)
    first = answers.wait(engine.ask(LoadRequest(SCENE)))
    assert "roof_class" in first.summary["layers"], first
    pid = engine.pid
    os.kill(pid, signal.SIGKILL)
    again = answers.wait(engine.ask(LoadRequest(SCENE)))  # at once: nobody has noticed its death yet
    assert again.summary["layers"] and engine.pid not in (None, pid) and not alive(pid)
    last = engine.pid
    engine.shut_down(wait_s=10)
    assert not alive(last) and not os.path.exists(engine.folder)


BEGINS = LISTEN + "    say(event='started', job='load', id=asked['id'])\n"


def test_a_request_that_kills_engines_is_not_asked_again(fake, warm, qtbot, tmp_path):
    log = tmp_path / "starts"
    body = BEGINS + f"    open({str(log)!r}, 'a').write('x')\n    os.kill(os.getpid(), 9)"
    engine = warm(engine=fake(body))
    fault = Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE)))
    assert fault.code is ErrorCode.ENGINE_DIED and log.read_text() == "x"


def test_an_engine_that_always_dies_at_its_start_is_tried_twice(fake, warm, qtbot, tmp_path):
    log = tmp_path / "starts"
    body = f"open({str(log)!r}, 'a').write('x')\nprint('ImportError: numpy', file=sys.stderr)\nsys.exit(3)"
    engine = warm(engine=fake(body))
    fault = Answers(engine, qtbot).wait(engine.ask(LoadRequest(SCENE)))
    assert fault.code is ErrorCode.ENGINE_DIED and "ImportError: numpy" in fault.hint and log.read_text() == "xx"


def test_nothing_is_asked_again_once_the_engine_was_stopped(fake, warm, qtbot, tmp_path):
    log = tmp_path / "starts"
    body = f"open({str(log)!r}, 'a').write('x')\ntime.sleep(0.5)\nos.kill(os.getpid(), 9)"
    engine = warm(engine=fake(body))
    answers = Answers(engine, qtbot)
    asked = engine.ask(LoadRequest(SCENE))
    qtbot.waitUntil(log.exists, timeout=10_000)
    engine.stop()
    answers.wait(asked)
    qtbot.wait(800)
    assert log.read_text() == "x" and engine.pid is None


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
