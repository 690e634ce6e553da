"""The real engine at the plugin's end of the line: what both sides agreed on holds."""

import subprocess
from pathlib import Path

import pytest

from ridgeline.engine.jobs import Cancelled, Error, ErrorCode, RasterInput, RidgelineError, SegmentJob, Started
from ridgeline.plugin.engine_link.engine import Engine
from ridgeline.plugin.engine_link.process import Ended
from ridgeline.plugin.engine_link.run_job import Listener, run_job
from ridgeline.plugin.paths import PLUGIN_ROOT, SAMPLES

PYTHON = PLUGIN_ROOT / ".venv" / "bin" / "python"


def engine_works():
    """Whether .venv is there and fits this system (not another's, seen from a test of QGIS versions)."""
    command = [str(PYTHON), "-c", "import numpy, onnxruntime, rasterio"]
    return PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not engine_works(), reason="the engine's environment .venv is missing here: make env")


@pytest.fixture
def job(tmp_path):
    import json

    from ridgeline.engine.jobs import to_dict

    made = SegmentJob(
        out=str(tmp_path / "out"),
        rgb=RasterInput(str(SAMPLES / "herault_rgb.tif")),
        dsm=RasterInput(str(SAMPLES / "herault_dsm.tif")),
        model="no-such-model",
    )
    file = tmp_path / "job.json"
    file.write_text(json.dumps(to_dict(made)), encoding="utf-8")
    return made, file


def test_its_errors_reach_the_plugin_as_they_are(job, qgis_app):
    with pytest.raises(RidgelineError) as caught:
        run_job(Engine(str(PYTHON)), "segment", job[0])
    assert caught.value.code is ErrorCode.BAD_MODEL
    assert "no-such-model" in caught.value.message and caught.value.hint


def test_the_warm_engine_ends_when_qgis_is_gone(tmp_path, qgis_app):
    # the warm engine waits for requests, and would wait for ever
    process = Engine(str(PYTHON)).start(["serve"], str(tmp_path))
    assert process.wait(1.0) is None
    process._process.stdin.close()
    assert process.wait(20) == 0
    process.end()


def test_a_job_ends_when_qgis_is_gone(job, tmp_path, qgis_app):
    process = Engine(str(PYTHON)).start(["segment", "--job", str(job[1]), "--events"], str(tmp_path))
    assert isinstance(process.next_event(60), Started)
    process._process.stdin.close()
    events = []
    while not isinstance(event := process.next_event(20), Ended):
        assert event is not None, "the engine neither ended nor said anything"
        events.append(event)
    assert isinstance(events[-1], Error)
    assert process.end() in (1, 130)


def test_cancel_at_once_ends_it(job, qgis_app):
    class Recorder(Listener):
        begun = False

        def started(self, event):
            self.begun = True

    recorder = Recorder()
    with pytest.raises((Cancelled, RidgelineError)) as caught:
        run_job(Engine(str(PYTHON)), "segment", job[0], recorder, lambda: recorder.begun)
    assert caught.value.code is ErrorCode.CANCELLED
    assert not list(Path(job[0].out).glob("*.tif"))
