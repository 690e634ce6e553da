"""Requests and their events: order, cancelling, faults; and the process that ends when nobody needs it any more."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ridgeline.engine
from ridgeline.engine.jobs import Error, RasterInput, RidgelineError, SegmentJob, event_from_line
from ridgeline.engine.jobs.serve import (
    BadRequestError,
    CancelRequest,
    LoadRequest,
    PreviewRequest,
    RoofRequest,
    Scene,
    ShutdownRequest,
    request_from_line,
    request_to_line,
)
from ridgeline.engine.serving import server as server_module
from ridgeline.engine.serving.server import Server, read_requests

VIEW = (400_000.0, 5_599_900.0, 400_100.0, 5_600_000.0)
MAIN = Path(ridgeline.engine.__file__).parent / "__main__.py"


@pytest.fixture()
def scene(pair, red_model):
    """The three houses under the model that finds red."""
    return Scene(RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"])), str(red_model.folder), device="cpu")


class Talk:
    """A server in a thread, and what it said."""

    def __init__(self):
        self.events = queue.Queue()
        self.all = []
        self.server = Server(self.events.put)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def say(self, name, request):
        self.server.take(request_to_line(name, request))

    def end_of(self, name):
        """Wait for the last event of a request; it may have come before that of another."""
        while True:
            for event in self.all:
                if event.id == name and type(event).__name__ in ("Result", "Error"):
                    return event
            self.all.append(self.events.get(timeout=60))


@pytest.fixture()
def talk():
    """A running server."""
    made = Talk()
    yield made
    made.server.end()
    made.thread.join(30)
    assert not made.thread.is_alive()


def test_every_request_comes_back_as_it_was(scene):
    requests = [
        LoadRequest(scene),
        PreviewRequest(scene, VIEW, "out", "EPSG:25832", ("land_cover",), "png", 9),
        RoofRequest(scene, 1.0, 2.0, "EPSG:4326"),
        SegmentJob("out", scene.rgb),
        CancelRequest("7"),
        ShutdownRequest(),
    ]
    for number, request in enumerate(requests):
        assert request_from_line(request_to_line(str(number), request)) == (str(number), request)


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda data: data.decode("latin-1"))))
def test_a_line_that_is_no_request_is_a_fault_of_ours(line):
    with pytest.raises(BadRequestError):
        request_from_line(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id": "a", "do": "dance"}', "asks for 'dance'"),
        ('{"id": "a", "do": "roof", "roof": {}}', "scene is missing"),
        ('{"id": "a", "do": "cancel", "cancel": {"target": 3}}', "must be str"),
        ('{"id": "a", "do": "shutdown", "now": 1}', "unknown key 'now'"),
        ('{"id": "a", "do": ["roof"]}', "asks for ['roof']"),
    ],
)
def test_a_bad_request_is_explained_under_its_id(talk, line, expected):
    talk.server.take(line)
    event = talk.end_of("a")
    assert expected in event.message and event.code == "bad_job"


def test_loading_says_what_computes_and_what_there_is_to_see(talk, scene):
    talk.say("1", LoadRequest(scene))
    summary = talk.end_of("1").summary
    assert summary["device"].startswith("Computing on the CPU") and summary["gsd_m"] == 0.5
    assert summary["layers"] == ["land_cover", "confidence", "roof_class"]


def test_a_preview_answers_with_files_and_progress(talk, scene, tmp_path):
    talk.say("1", PreviewRequest(scene, VIEW, str(tmp_path)))
    result = talk.end_of("1")
    assert all(Path(path).is_file() for path in result.outputs.values())
    kinds = [type(event).__name__ for event in talk.all if event.id == "1"]
    assert kinds[0] == "Started" and "Progress" in kinds and kinds[-1] == "Result"


def test_faults_do_not_end_the_engine(talk, scene, tmp_path):
    missing = Scene(RasterInput(str(tmp_path / "none.tif")), None, scene.model)
    talk.say("bad", PreviewRequest(missing, VIEW, str(tmp_path)))
    assert talk.end_of("bad").code == "input_missing"
    talk.say("model", LoadRequest(Scene(scene.rgb, None, "no such model")))
    assert talk.end_of("model").code == "bad_model"
    talk.say("good", LoadRequest(scene))
    assert type(talk.end_of("good")).__name__ == "Result"


def test_faults_of_ours_are_told_and_do_not_end_the_engine(talk, scene, monkeypatch):
    def broken(*_):
        raise KeyError("oops")

    monkeypatch.setattr(server_module, "find_roof", broken)
    talk.say("1", RoofRequest(scene, 1.0, 2.0))
    event = talk.end_of("1")
    assert event.code == "internal" and "oops" in event.message
    talk.say("2", LoadRequest(scene))
    assert type(talk.end_of("2")).__name__ == "Result"


def test_short_of_memory_is_said_and_does_not_end_the_engine(talk, scene, tmp_path, monkeypatch):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr(server_module, "make_preview", greedy)
    talk.say("1", PreviewRequest(scene, VIEW, str(tmp_path)))
    event = talk.end_of("1")
    assert event.code == "out_of_memory" and "zoom in" in event.hint
    talk.say("2", LoadRequest(scene))
    assert type(talk.end_of("2")).__name__ == "Result"


def test_memory_is_given_back_after_every_answer(talk, scene, monkeypatch):
    given_back = threading.Event()
    monkeypatch.setattr(server_module, "give_back_memory", given_back.set)
    talk.say("1", LoadRequest(scene))
    talk.end_of("1")
    assert given_back.wait(10)


@pytest.fixture()
def slow_preview(monkeypatch):
    """Previews that go on until they are told to stop, asking every few milliseconds."""
    begun = threading.Event()

    def work(scene, request, stem, pictures, feedback):
        begun.set()
        for step in range(5000):
            feedback.progress(step, 5000, "tiles", "preview")
            time.sleep(0.005)
        raise AssertionError("nobody stopped it")

    monkeypatch.setattr(server_module, "make_preview", work)
    return begun


def test_a_newer_preview_stops_the_older(talk, scene, tmp_path, slow_preview):
    for name in ("1", "2", "3"):
        talk.say(name, PreviewRequest(scene, VIEW, str(tmp_path)))
        assert slow_preview.wait(30)
    ends = {name: talk.end_of(name).code for name in ("1", "2")}
    assert ends == {"1": "cancelled", "2": "cancelled"}
    talk.say("stop", CancelRequest("3"))
    assert talk.end_of("3").code == "cancelled"


def test_a_click_is_answered_while_a_preview_goes_on(talk, scene, tmp_path, slow_preview):
    talk.say("view", PreviewRequest(scene, VIEW, str(tmp_path)))
    assert slow_preview.wait(30)
    talk.say("click", RoofRequest(scene, 400_045.0, 5_599_965.0))
    assert talk.end_of("click").summary["found"]
    assert not any(isinstance(event, Error) and event.id == "view" for event in talk.all)


def test_the_end_stops_what_runs_and_tells_what_waits(talk, scene, tmp_path, slow_preview):
    talk.say("view", PreviewRequest(scene, VIEW, str(tmp_path)))
    assert slow_preview.wait(30)
    talk.say("later", SegmentJob(str(tmp_path / "run"), scene.rgb, model=scene.model))
    talk.server.take(request_to_line("end", ShutdownRequest()))
    talk.thread.join(30)
    said = []
    while not talk.events.empty():
        said.append(talk.events.get())
    ends = {event.id: event.code for event in said if isinstance(event, Error)}
    assert ends == {"view": "cancelled", "later": "cancelled"}


def test_a_whole_run_can_be_asked_for(talk, scene, tmp_path):
    talk.say("run", SegmentJob(str(tmp_path / "run"), scene.rgb, model=scene.model, device="cpu"))
    assert Path(talk.end_of("run").outputs["land_cover"]).is_file()


def test_lines_that_break_off_end_the_server():
    said = []
    server = Server(said.append)

    def lines():
        yield "\n"
        raise OSError("broken pipe")

    read_requests(lines(), server)
    server.run()
    assert [type(event).__name__ for event in said] == ["Started"]


@pytest.fixture()
def process():
    """The command in a process of its own."""
    made = subprocess.Popen(
        [sys.executable, "-I", str(MAIN), "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield made
    if made.poll() is None:
        made.kill()
    made.wait()
    for stream in (made.stdin, made.stdout):
        stream.close()


def say(process, name, request):
    process.stdin.write(request_to_line(name, request) + "\n")
    process.stdin.flush()


def answer(process, name):
    for line in process.stdout:
        event = event_from_line(line)
        if event.id == name and type(event).__name__ in ("Result", "Error"):
            return event
    raise AssertionError("the engine ended")


def test_the_process_answers_and_ends_with_its_input(process, scene, tmp_path):
    say(process, "1", PreviewRequest(scene, VIEW, str(tmp_path)))
    assert set(answer(process, "1").outputs) == {"land_cover", "confidence", "roof_class"}
    process.stdin.close()
    assert process.wait(60) == 0
    assert [event_from_line(line) for line in process.stdout] == []


def test_the_process_ends_on_shutdown(process):
    process.stdin.write(json.dumps({"id": "x", "do": "shutdown"}) + "\n")
    process.stdin.flush()
    assert process.wait(60) == 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_process_ends_on_a_signal(process):
    assert event_from_line(process.stdout.readline()).job == "serve"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_the_process_ends_when_nobody_listens(process, scene):
    assert event_from_line(process.stdout.readline()).job == "serve"
    process.stdout.close()
    say(process, "1", LoadRequest(scene))
    assert process.wait(30) == 0


def test_bad_requests_name_no_id_where_the_line_has_none():
    with pytest.raises(RidgelineError) as caught:
        request_from_line("[]")
    assert caught.value.id is None
