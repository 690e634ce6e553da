"""The self-test runs a model through the ordinary code and says what computed."""

import json

import pytest

from ridgeline.engine.cli import main
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.jobs.selftest import SelftestJob
from ridgeline.engine.serving import selftest
from ridgeline.engine.serving.selftest import run_selftest, sample_pair


def test_runs_on_the_sample_area(pair, red_model, monkeypatch):
    monkeypatch.setattr(selftest, "SAMPLES", pair["rgb"].parent)
    result = run_selftest(SelftestJob(model=str(red_model.folder), device="cpu", threads=1), Feedback())
    assert result.summary["device"] == "Computing on the CPU (1 thread) with ONNX Runtime, fp32."
    assert result.summary["model"] == "red 1"
    assert result.summary["area_ha"] == pytest.approx(4.0)
    assert result.summary["land_cover"]["building"] == pytest.approx((40 * 60 + 50 * 30 + 24 * 24) / 400**2, abs=1e-3)
    assert {"onnxruntime", "rasterio", "gdal", "python"} <= set(result.summary["versions"])
    assert result.outputs == {}


def test_keeps_the_results_where_asked(pair, red_model, tmp_path):
    job = SelftestJob(model=str(red_model.folder), rgb=RasterInput(str(pair["rgb"])), out=str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "land_cover.tif").samefile(run_selftest(job, Feedback()).outputs["land_cover"])


def test_says_that_there_is_no_sample(red_model, tmp_path, monkeypatch):
    monkeypatch.setattr(selftest, "SAMPLES", tmp_path)
    with pytest.raises(RidgelineError) as caught:
        run_selftest(SelftestJob(model=str(red_model.folder)), Feedback())
    assert caught.value.code is ErrorCode.INPUT_MISSING


def test_a_sample_is_a_whole_pair(tmp_path):
    for name in ("a_rgb.tif", "b_dsm.tif", "c_rgb.tif", "c_dsm.tif"):
        (tmp_path / name).touch()
    assert {kind: path.name for kind, path in sample_pair(tmp_path).items()} == {"rgb": "c_rgb.tif", "dsm": "c_dsm.tif"}


def test_the_command_speaks_events(pair, red_model, capfd):
    assert main(["selftest", "--events", "--model", str(red_model.folder), "--rgb", str(pair["rgb"])]) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert events[0]["event"] == "started" and events[0]["job"] == "selftest"
    assert events[-1]["event"] == "result" and events[-1]["summary"]["model"] == "red 1"
