"""A disk that is full and a folder that cannot be written to: whole runs end with one sentence and go on later."""

import json
import subprocess
import sys

import pytest
from inference_helpers import DSM, RGB, height_network, make_package, picture, surface, write_raster

from ridgeline.engine.inference.ledger import WORK_FOLDER
from ridgeline.engine.jobs import RasterInput, SegmentJob, to_dict

RASTERS = ("land_cover.tif", "roof_class.tif", "confidence.tif")
CHANNELS = {"land_cover": 3, "roof": 2, "building": 1, "edge": 1}


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    """Runs the command with a job over the same inputs; returns its exit status and its last event."""
    folder = tmp_path_factory.mktemp("inputs")
    inputs = {
        "rgb": RasterInput(str(write_raster(folder / "rgb.tif", picture(300, 260)))),
        "dsm": RasterInput(str(write_raster(folder / "dsm.tif", surface(300, 260)))),
        "model": str(make_package(folder / "model", (RGB, DSM), network=height_network(CHANNELS))),
    }

    def go(out, before="pass"):
        (folder / "job.json").write_text(json.dumps(to_dict(SegmentJob(out=str(out), threads=1, **inputs))))
        code = f"{before}; import sys; from ridgeline.engine.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "segment", "--job", str(folder / "job.json"), "--events"]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False)
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    return go


@pytest.fixture(scope="module")
def undisturbed(segment, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed")
    assert segment(out)[0] == 0
    return out


def results(out):
    return [path.name for path in out.iterdir() if path.name != WORK_FOLDER] if out.is_dir() else []


def assert_goes_on(segment, out, undisturbed):
    assert segment(out)[0] == 0
    for name in RASTERS:
        assert (out / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in undisturbed.iterdir())


@pytest.mark.parametrize("most", [20, 1_500, 8_000, 60_000])
def test_a_file_that_may_not_grow_is_a_full_disk_and_the_run_goes_on_later(segment, undisturbed, tmp_path, most):
    """Of the files, the ledger's own have more than 20 bytes, and the polygons more than 60,000."""
    pytest.importorskip("resource", reason="this system sets no limits on the size of files")
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))"
    out = tmp_path / "out"
    status, said = segment(out, limit)
    assert (status, said["event"], said["code"]) == (1, "error", "disk_full"), said
    assert "disk is full" in said["message"]
    assert said["hint"]
    assert not [name for name in results(out) if (out / name).read_bytes() != (undisturbed / name).read_bytes()]
    assert "run.json" not in results(out)
    assert_goes_on(segment, out, undisturbed)


def test_a_file_in_the_place_of_the_folder_is_said(segment, tmp_path):
    (tmp_path / "out").write_text("mine")
    for out in (tmp_path / "out", tmp_path / "out" / "below"):
        status, said = segment(out)
        assert (status, said["event"], said["code"]) == (1, "error", "output_not_writable"), said
        assert f"'{tmp_path / 'out'}' is a file" in said["message"]
        assert said["hint"]
    assert (tmp_path / "out").read_text() == "mine"


@pytest.fixture
def read_only(tmp_path):
    """A folder to which not even an administrator may write, and a function that makes it writable again."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        try:
            return subprocess.run(["mount", *options, disk], capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    if not mount("-t", "tmpfs", "-o", "ro,size=64m", "none"):
        pytest.skip("this user may not mount a read-only disk")
    yield disk, lambda: mount("-o", "remount,rw")
    subprocess.run(["umount", disk], check=True)


def test_a_folder_that_cannot_be_written_to_is_said_and_the_run_works_later(segment, undisturbed, read_only):
    disk, make_writable = read_only
    for out in (disk, disk / "out"):
        status, said = segment(out)
        assert (status, said["event"], said["code"]) == (1, "error", "output_not_writable"), said
        assert str(disk) in said["message"]
        assert said["hint"]
    assert make_writable()
    assert_goes_on(segment, disk / "out", undisturbed)
