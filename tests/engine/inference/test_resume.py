"""A run that is stopped at any moment continues, and ends like one that was never stopped."""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pyogrio
import pytest
from inference_helpers import DSM, RGB, height_network, make_package, picture, segment, surface, write_raster

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference import ledger as ledger_module
from ridgeline.engine.inference import strips
from ridgeline.engine.inference.ledger import WORK_FOLDER, Ledger
from ridgeline.engine.inference.runner import run_segment
from ridgeline.engine.jobs import (
    BuildingOptions,
    Cancelled,
    ErrorCode,
    RasterInput,
    RidgelineError,
    SegmentJob,
    to_dict,
)
from ridgeline.engine.raster.sinks import StripSink

CHANNELS = {"land_cover": 3, "roof": 2, "building": 1, "edge": 1}
RASTERS = ("land_cover.tif", "roof_class.tif", "confidence.tif", "height_above_ground.tif")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    rgb = write_raster(folder / "rgb.tif", picture(420, 300))
    dsm = write_raster(folder / "dsm.tif", surface(420, 300))
    return {
        "rgb": rgb,
        "dsm": dsm,
        "model": make_package(folder / "model", (RGB, DSM), network=height_network(CHANNELS)),
    }


def go(inputs, out, **changes):
    options = {"keep_heights": True, "buildings": BuildingOptions(min_area_m2=3), **changes}
    return segment(out, inputs["model"], inputs["rgb"], inputs["dsm"], **options)


@pytest.fixture(scope="module")
def undisturbed(inputs, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    go(inputs, out)
    return out


def assert_same(out, undisturbed):
    for name in RASTERS:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name
    found, expected = (_buildings(folder / "buildings.gpkg") for folder in (out, undisturbed))
    assert found == expected
    assert len(expected[0]) > 3
    assert not (out / WORK_FOLDER).exists()
    tiles = [json.loads((folder / "run.json").read_text())["tiles"] for folder in (out, undisturbed)]
    assert tiles[0] == tiles[1]
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in undisturbed.iterdir())


def _buildings(path):
    table = pyogrio.raw.read(path)
    return [bytes(shape) for shape in table[2]], [column.astype(str).tolist() for column in table[3]]


class Stopped(BaseException):
    """Stands for the end of the process: nobody catches it."""


@pytest.mark.parametrize(
    ("place", "count"),
    [(f"{when} a strip", count) for when in ("before", "after") for count in (1, 4, 17, 33)]
    + [(f"{when} a commit", count) for when in ("before", "after") for count in (1, 4, 9)],
)
def test_a_run_stopped_at_any_write_continues_to_the_same_bytes(
    inputs, undisturbed, tmp_path, monkeypatch, place, count
):
    owner, name = (StripSink, "write") if "strip" in place else (ledger_module.Ledger, "commit")
    original, calls = getattr(owner, name), itertools.count(1)

    def stopping(*args):
        mine = next(calls)  # strips come from two threads
        if mine == count and "before" in place:
            raise Stopped
        original(*args)
        if mine == count:
            raise Stopped

    monkeypatch.setattr(owner, name, stopping)
    with pytest.raises(Stopped):
        go(inputs, tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "out" / "run.json").exists()
    go(inputs, tmp_path / "out")
    assert_same(tmp_path / "out", undisturbed)


def test_a_wide_strip_is_not_filled_again_while_it_is_written(inputs, undisturbed, tmp_path, monkeypatch):
    original = StripSink.write

    def slow(self, row, values):
        time.sleep(0.05)  # long enough for the next band to be stitched meanwhile
        original(self, row, values)

    monkeypatch.setattr(strips, "_TWO_SETS_BYTES", 0)
    monkeypatch.setattr(StripSink, "write", slow)
    go(inputs, tmp_path / "out")
    assert_same(tmp_path / "out", undisturbed)


def test_a_continued_run_computes_only_what_was_missing(inputs, tmp_path, monkeypatch):
    commits = [0]
    original = ledger_module.Ledger.commit

    def stopping(self, state):
        original(self, state)
        commits[0] += 1
        if commits[0] == 6:
            raise Stopped

    monkeypatch.setattr(ledger_module.Ledger, "commit", stopping)
    with pytest.raises(Stopped):
        go(inputs, tmp_path / "out")
    monkeypatch.undo()
    written = []
    original_write = StripSink.write
    monkeypatch.setattr(
        StripSink,
        "write",
        lambda self, row, values: (written.append((self.spec.name, row)), original_write(self, row, values))[1],
    )
    go(inputs, tmp_path / "out")
    bands = sum(name == "land_cover" for name, _row in written)
    whole = json.loads((tmp_path / "out" / "run.json").read_text())["grid"]["height"] // 48
    assert whole - 7 <= bands <= whole - 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_process_killed_at_random_points_continues_to_the_same_bytes(inputs, undisturbed, tmp_path, seed):
    chance = random.Random(seed)
    out = tmp_path / "out"
    job = SegmentJob(
        out=str(out),
        rgb=RasterInput(str(inputs["rgb"])),
        dsm=RasterInput(str(inputs["dsm"])),
        model=str(inputs["model"]),
        device="cpu",
        threads=1,
        keep_heights=True,
        buildings=BuildingOptions(min_area_m2=3),
    )
    (tmp_path / "job.json").write_text(json.dumps(to_dict(job)))
    command = [sys.executable, "-m", "ridgeline.engine", "segment", "--job", str(tmp_path / "job.json"), "--events"]
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        for line in process.stdout:  # libraries are loaded when the first progress comes
            if b'"progress"' in line or b'"error"' in line:
                break
        time.sleep(chance.uniform(0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if (out / "run.json").exists() and not (out / WORK_FOLDER).exists():
            break  # it was quicker
    else:
        done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, done.stdout.decode()
    assert_same(out, undisturbed)


@pytest.mark.parametrize("left", ["everything", "half of the strips", "an empty folder"])
def test_a_run_killed_while_it_tidied_up_is_complete(inputs, undisturbed, tmp_path, monkeypatch, left):
    out = tmp_path / "out"

    def dying(self):
        if left == "half of the strips":
            for path in sorted(self.folder.rglob("*.tif"))[::2]:
                path.unlink()
        if left == "an empty folder":
            shutil.rmtree(self.folder)
        raise Stopped

    monkeypatch.setattr(ledger_module.Ledger, "remove", dying)
    with pytest.raises(Stopped):
        go(inputs, out)
    monkeypatch.undo()
    result = go(inputs, out)
    assert_same(out, undisturbed)
    assert result.outputs["land_cover"] == str(out / "land_cover.tif")


def test_what_a_run_left_that_began_anew_over_the_finished_results_goes_too(inputs, undisturbed, tmp_path, monkeypatch):
    def killed(*_args):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(ledger_module.Ledger, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            go(inputs, out)
    # it had begun anew, since its own ledger was half removed, and was killed in the midst of two rasters
    for name in (".land_cover.partial.tif", ".land_cover.partial.tif.aux.xml", ".confidence.partial.tif"):
        (out / name).write_bytes(b"half")
    (out / ".notes of the user.partial").write_bytes(b"mine")
    go(inputs, out)
    assert (out / ".notes of the user.partial").read_bytes() == b"mine"
    (out / ".notes of the user.partial").unlink()
    assert_same(out, undisturbed)
    assert sorted(item.name for item in out.iterdir()) == sorted(item.name for item in undisturbed.iterdir())


def test_cancel_keeps_what_is_finished_and_leaves_no_result(inputs, undisturbed, tmp_path):
    asked = [0]

    def cancelled():
        asked[0] += 1
        return asked[0] > 40

    with pytest.raises(Cancelled):
        go(inputs, tmp_path / "out", feedback=Feedback(cancelled=cancelled))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [WORK_FOLDER]
    go(inputs, tmp_path / "out")
    assert_same(tmp_path / "out", undisturbed)


def test_results_are_not_overwritten_unless_told(inputs, undisturbed, tmp_path):
    go(inputs, tmp_path / "out")
    with pytest.raises(RidgelineError) as caught:
        go(inputs, tmp_path / "out")
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    before = (tmp_path / "out" / "land_cover.tif").stat().st_mtime_ns
    go(inputs, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out" / "land_cover.tif").stat().st_mtime_ns > before
    assert_same(tmp_path / "out", undisturbed)


def test_overwriting_leaves_no_file_of_the_run_before(inputs, tmp_path):
    go(inputs, tmp_path / "out")
    go(inputs, tmp_path / "out", overwrite=True, keep_heights=False, buildings=BuildingOptions(enabled=False))
    assert not (tmp_path / "out" / "height_above_ground.tif").exists()
    assert not (tmp_path / "out" / "buildings.gpkg").exists()
    assert (tmp_path / "out" / "land_cover.tif").exists()


def test_another_job_does_not_continue_a_stopped_one(inputs, tmp_path):
    with pytest.raises(Cancelled):
        go(inputs, tmp_path / "out", feedback=Feedback(cancelled=_after(30)))
    go(inputs, tmp_path / "out", gsd=1.0)
    go(inputs, tmp_path / "alone", gsd=1.0)
    for name in RASTERS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_changed_input_is_not_continued(inputs, tmp_path):
    rgb = write_raster(tmp_path / "rgb.tif", picture(420, 300))
    own = {**inputs, "rgb": rgb}
    with pytest.raises(Cancelled):
        go(own, tmp_path / "out", feedback=Feedback(cancelled=_after(30)))
    write_raster(rgb, picture(420, 300, seed=9))
    go(own, tmp_path / "out")
    go(own, tmp_path / "alone")
    assert (tmp_path / "out" / "land_cover.tif").read_bytes() == (tmp_path / "alone" / "land_cover.tif").read_bytes()


@pytest.mark.parametrize("name", ["rgb", "dsm"])
@pytest.mark.parametrize("moment", [2, 12, 100])  # the first bands, the middle, buildings
def test_an_input_that_is_written_to_while_it_is_read_is_refused_and_not_mixed(
    inputs, undisturbed, tmp_path, name, moment
):
    own = {key: shutil.copy2(inputs[key], tmp_path / inputs[key].name) for key in ("rgb", "dsm")}
    own |= {"model": inputs["model"]}
    told = [0]

    def spoil(event):
        told[0] += 1
        if told[0] == moment or (getattr(event, "phase", "") == "buildings" and told[0] < 1000):
            told[0] += 1000
            write_raster(own[name], picture(420, 300, seed=9) if name == "rgb" else surface(420, 300, seed=9))

    with pytest.raises(RidgelineError, match="was changed while it was read") as caught:
        go(own, tmp_path / "out", feedback=Feedback(spoil, interval_s=0))
    assert caught.value.code is ErrorCode.INPUT_UNREADABLE
    assert not (tmp_path / "out" / "run.json").exists()
    shutil.copy2(inputs[name], own[name])  # with its time: the same file as before
    go(own, tmp_path / "out")
    assert_same(tmp_path / "out", undisturbed)


def test_a_model_that_goes_away_once_it_is_loaded_is_not_missed(inputs, undisturbed, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(inputs["model"], model)

    def take_away(event):
        if getattr(event, "phase", "") == "computing" and model.exists():
            shutil.rmtree(model)

    go({**inputs, "model": model}, tmp_path / "out", feedback=Feedback(take_away))
    assert not model.exists()
    records = [json.loads((folder / "run.json").read_text()) for folder in (tmp_path / "out", undisturbed)]
    assert records[0]["model"] == records[1]["model"] and records[0]["model"]["sha256"]


def test_what_qgis_writes_beside_an_input_is_no_change(inputs, undisturbed, tmp_path):
    own = {key: shutil.copy2(inputs[key], tmp_path / inputs[key].name) for key in ("rgb", "dsm")}
    own |= {"model": inputs["model"]}
    beside = tmp_path / "rgb.tif.aux.xml"
    beside.write_text("<PAMDataset/>")
    go(own, tmp_path / "out", feedback=Feedback(lambda _event: beside.write_text("<PAMDataset></PAMDataset>")))
    assert_same(tmp_path / "out", undisturbed)


def test_a_run_continues_when_a_layer_was_renamed_meanwhile(inputs, undisturbed, tmp_path):
    with pytest.raises(Cancelled):
        go(inputs, tmp_path / "out", feedback=Feedback(cancelled=_after(30)))
    (before,) = [path for path in (tmp_path / "out" / WORK_FOLDER).iterdir() if path.is_dir()]
    job = SegmentJob(
        out=str(tmp_path / "out"),
        rgb=RasterInput(str(inputs["rgb"]), name="the new name"),
        dsm=RasterInput(str(inputs["dsm"]), name="another"),
        model=str(inputs["model"]),
        device="cpu",
        threads=1,
        keep_heights=True,
        buildings=BuildingOptions(min_area_m2=3),
    )
    with pytest.raises(Cancelled):
        run_segment(job, Feedback(cancelled=_after(30)))
    assert [path for path in (tmp_path / "out" / WORK_FOLDER).iterdir() if path.is_dir()] == [before]
    run_segment(job, Feedback())
    assert_same(tmp_path / "out", undisturbed)


def _after(count):
    asked = [0]

    def cancelled():
        asked[0] += 1
        return asked[0] > count

    return cancelled


def test_two_runs_in_one_folder_at_once_are_refused(tmp_path):
    first = Ledger(tmp_path, "a")
    with pytest.raises(RidgelineError) as caught:
        Ledger(tmp_path, "b")
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    first.close()
    Ledger(tmp_path, "b").close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_the_lock_of_a_killed_run_is_not_in_the_way(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from ridgeline.engine.inference.ledger import Ledger;"
        "held = Ledger(Path(sys.argv[1]), 'a'); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(RidgelineError):
        Ledger(tmp_path, "a")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    Ledger(tmp_path, "a").close()


def test_a_damaged_state_begins_anew(tmp_path):
    first = Ledger(tmp_path, "a")
    (first.folder / "state.json").write_text('{"bands": "many"}')
    first.close()
    second = Ledger(tmp_path, "a")
    assert second.state.bands == 0
    second.close()
