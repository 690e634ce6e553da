"""``ridgeline segment`` as people and programs call it."""

import argparse
import hashlib
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import rasterio

from ridgeline.engine.cli import main
from ridgeline.engine.commands.arguments import add_region, region_of
from ridgeline.engine.commands.progressbar import duration_text, progress_text
from ridgeline.engine.inference import runner
from ridgeline.engine.jobs import ErrorCode, Progress, RidgelineError, event_from_line
from ridgeline.engine.models.package import (
    ClassSpec,
    GsdSpec,
    HeightChannels,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    save_spec,
)
from ridgeline.engine.models.package.library import SHIPPED
from ridgeline.engine.terrain.height_channels import CHANNELS, RECIPE_VERSION

AREAS = {
    "herault": ("herault_77055_627760_rgb.tif", "herault_77055_627760_dsm.tif"),
    "lidarprod": ("lidarprod_876000_6617000_rgb.tif", "lidarprod_876000_6617000_dsm.tif"),
    "pacasam": (
        "bd_ortho_vintage_rgb_792000_6272000-50mx100m-left-patch-0000000.tiff",
        "pacasam_792000_6272000_dsm.tif",
    ),
}


@pytest.fixture()
def package(tmp_path, make_network):
    """A package whose small network answers at random."""
    folder = tmp_path / "small"
    folder.mkdir()
    rgb = InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((127.0,) * 3, (60.0,) * 3))
    dsm = InputSpec("dsm", "dsm", ("height",), height_channels=HeightChannels(RECIPE_VERSION, CHANNELS))
    classes = tuple(ClassSpec(i + 1, name, "#336699") for i, name in enumerate(("ground", "building", "tree")))
    onnx.save(make_network({"rgb": 3, "dsm": 6}, {"land_cover": 3}), folder / "both.onnx")
    spec = ModelSpec(
        name="small",
        version="1",
        inputs=(rgb, dsm),
        gsd=GsdSpec(0.25, 0.1, 0.6),
        tile=TileSpec(128, 32, 32),
        outputs=(OutputSpec("land_cover", "classes", "land_cover", classes, "softmax"),),
        weights=(
            WeightsSpec(
                "both.onnx", "onnx", ("rgb", "dsm"), hashlib.sha256((folder / "both.onnx").read_bytes()).hexdigest()
            ),
        ),
    )
    save_spec(spec, folder)
    return folder


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("model", ["a small test network", "the default model"])
def test_the_real_areas_run_through_end_to_end(shared_data, package, tmp_path, capsys, area, model):
    rgb, dsm = (str(shared_data / "real" / name) for name in AREAS[area])
    chosen = ["--model", str(package)]
    if model == "the default model":
        if not (SHIPPED / "ridgeline-compact" / "model.json").is_file():
            pytest.skip("no default model is shipped yet")
        chosen = []
    out = tmp_path / "out"
    assert main(["segment", "--rgb", rgb, "--dsm", dsm, "--out", str(out), "--device", "cpu", *chosen]) == 0
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["tiles"]["computed"] > 0
    # a network that answers at random owes nobody a house
    assert chosen or sum(record["buildings"].values()) >= 1
    for name in record["outputs"].values():
        assert (out / name).stat().st_size > 0
    with rasterio.open(out / "land_cover.tif") as dataset:
        assert dataset.crs.to_epsg() == 2154
        assert dataset.res == (0.25, 0.25)
        assert np.isin(dataset.read(1), range(7)).all()
        assert (dataset.read(1) > 0).mean() > 0.9
    assert "buildings" in capsys.readouterr().out


def test_a_job_file_and_events(shared_data, package, tmp_path):
    rgb, dsm = (str(shared_data / "real" / name) for name in AREAS["herault"])
    job = {"out": str(tmp_path / "out"), "rgb": {"path": rgb}, "dsm": {"path": dsm}, "model": str(package)}
    (tmp_path / "job.json").write_text(json.dumps(job))
    command = [sys.executable, "-m", "ridgeline.engine", "segment", "--job", str(tmp_path / "job.json"), "--events"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    events = [event_from_line(line) for line in done.stdout.decode().splitlines()]
    assert done.returncode == 0
    kinds = [type(event).__name__ for event in events]
    assert (kinds[0], kinds[-1]) == ("Started", "Result")
    assert {event.phase for event in events if isinstance(event, Progress)} == {
        "computing",
        "buildings",
        "writing rasters",
    }
    assert set(events[-1].outputs) == {"land_cover", "confidence", "buildings", "run"}


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ('{"out": "x", "colour": 1}', "SegmentJob.colour is not known"),
        ('{"out": "x"}', "names no raster"),
        ("{", "is no JSON"),
    ],
)
def test_a_bad_job_is_told(tmp_path, capsys, monkeypatch, job, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.json").write_text(job)
    assert main(["segment", "--job", str(tmp_path / "job.json")]) == 1
    assert words in capsys.readouterr().err


def test_an_unknown_model_is_told_with_those_that_are_known(shared_data, tmp_path, capsys):
    rgb = str(shared_data / "real" / AREAS["herault"][0])
    assert main(["segment", "--rgb", rgb, "--out", str(tmp_path / "out"), "--model", "nobody"]) == 1
    assert "no model 'nobody'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_regions_are_four_numbers_or_a_file():
    parser = argparse.ArgumentParser()
    add_region(parser, "all", "its own")

    def region(*words):
        return region_of(parser.parse_args(words))

    assert region("--region", "1", "2", "3.5", "4").bbox == (1.0, 2.0, 3.5, 4.0)
    assert region("--region", "area.gpkg", "--region-layer", "roofs").layer == "roofs"
    assert region() is None
    for words in (["1", "2", "3"], ["1", "2", "3", "north"]):
        with pytest.raises(RidgelineError) as caught:
            region("--region", *words)
        assert caught.value.code is ErrorCode.BAD_REGION


def test_looks_go_from_the_command_to_the_network(shared_data, package, tmp_path, monkeypatch):
    asked = []
    open_one = runner.open_predictor
    monkeypatch.setattr(runner, "open_predictor", lambda *how: asked.append(how[-1]) or open_one(*how))
    rgb, dsm = (str(shared_data / "real" / name) for name in AREAS["herault"])
    words = ["--rgb", rgb, "--dsm", dsm, "--model", str(package), "--out", str(tmp_path / "out"), "--no-buildings"]
    assert main(["segment", *words, "--looks", "4"]) == 0
    assert asked == [4]


def test_the_bar_tells_rate_and_time_left():
    text = progress_text(Progress(120, 240, "tiles", "computing", 39.0), 120, 40)
    assert text == "computing [############------------]  50 %  120/240 tiles  3 tiles/s  39 s left"
    assert [duration_text(seconds) for seconds in (5, 600, 7500)] == ["5 s", "10 min", "2 h 05 min"]
