"""A raster on a web server is read by parts, and gives what the same file gives on the disk."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from inference_helpers import DSM, RGB, make_package, picture, segment, surface, write_raster

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.raster import gdal_env

LAYOUT = {"tiled": True, "blockxsize": 64, "blockysize": 64}


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder behind a server that knows ranges, its address for GDAL, and the process."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    script = Path(__file__).with_name("range_server.py")
    with subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip()
        yield folder, f"/vsicurl/http://127.0.0.1:{port}", process
        process.kill()


def test_rasters_behind_vsicurl_run_end_to_end_by_ranges(server, tmp_path):
    folder, address, process = server
    rgb = write_raster(folder / "rgb.tif", picture(300, 340), **LAYOUT)
    dsm = write_raster(folder / "dsm.tif", surface(300, 340), **LAYOUT)
    model = make_package(tmp_path / "model", (RGB, DSM))
    segment(tmp_path / "near", model, rgb, dsm)
    segment(tmp_path / "far", model, f"{address}/rgb.tif", f"{address}/dsm.tif")
    assert (tmp_path / "far" / "land_cover.tif").read_bytes() == (tmp_path / "near" / "land_cover.tif").read_bytes()
    process.kill()
    asked = [line.split() for line in process.stdout]
    assert {name for name, _, _ in asked} == {"rgb.tif", "dsm.tif"}
    assert max(int(last) - int(first) + 1 for name, first, last in asked if name == "rgb.tif") < rgb.stat().st_size


def test_a_raster_that_the_server_does_not_have_is_named(server, tmp_path):
    _, address, _ = server
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", make_package(tmp_path / "model"), f"{address}/gone.tif")
    assert caught.value.code in (ErrorCode.INPUT_MISSING, ErrorCode.INPUT_UNREADABLE)
    assert "gone.tif" in caught.value.message


def test_a_server_that_is_not_there_is_said(tmp_path, server):
    _, address, process = server
    process.kill()
    process.wait()
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", make_package(tmp_path / "model"), f"{address}/rgb.tif")
    assert caught.value.code in (ErrorCode.INPUT_MISSING, ErrorCode.INPUT_UNREADABLE)


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(gdal_env, "SILENT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes calls, nobody picks them up
        path = f"/vsicurl/http://127.0.0.1:{silent.getsockname()[1]}/rgb.tif"
        with pytest.raises(RidgelineError) as caught:
            segment(tmp_path / "out", make_package(tmp_path / "model"), path)
    assert caught.value.code in (ErrorCode.INPUT_MISSING, ErrorCode.INPUT_UNREADABLE)
