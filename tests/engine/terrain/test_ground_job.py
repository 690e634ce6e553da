"""``ridgeline ground``: two complete rasters, the same numbers for any region, and one sentence for every fault."""

import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from ridgeline.engine.cli import main
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RasterInput, Region, RidgelineError, from_dict, to_dict
from ridgeline.engine.jobs.ground import GroundJob
from ridgeline.engine.terrain import ground_job
from ridgeline.engine.terrain.ground_job import run_ground


@pytest.fixture
def dsm(tmp_path):
    """A tilted field with one house of 12 m by 10 m and 6 m, and a hole in the data."""
    cols = np.mgrid[:200, :240][1] * 0.5
    surface = (80 + 0.05 * cols).astype(np.float32)
    surface[60:80, 100:124] += 6
    surface[150:170, 20:50] = -9999
    path = tmp_path / "dsm.tif"
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 240, "height": 200, "nodata": -9999}
    with rasterio.open(
        path, "w", crs="EPSG:25832", transform=from_origin(500_000, 5_600_000, 0.5, 0.5), **profile
    ) as out:
        out.write(surface, 1)
    return path


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1), raster


def test_ground_and_heights_of_a_house(dsm, tmp_path):
    out = tmp_path / "out"
    result = run_ground(GroundJob(str(out), RasterInput(str(dsm))), Feedback())
    assert sorted(path.name for path in out.iterdir()) == ["ground.tif", "height_above_ground.tif"]
    ground, raster = read(result.outputs["ground"])
    heights, _ = read(result.outputs["height_above_ground"])
    assert raster.crs.to_epsg() == 25832
    assert raster.res == (0.5, 0.5)
    assert np.isnan(raster.nodata)
    assert np.abs(ground[70, 110] - (80 + 0.05 * 55)) < 0.2
    assert heights[62:78, 102:122] == pytest.approx(6, abs=0.2)
    assert np.abs(heights[100:140, 100:140]).max() < 0.05
    assert np.isnan(heights[160, 30])
    assert np.isfinite(ground[160, 30])


def test_regions_and_strips_agree_with_the_whole(dsm, tmp_path, monkeypatch):
    whole = run_ground(GroundJob(str(tmp_path / "a"), RasterInput(str(dsm))), Feedback())
    monkeypatch.setattr(ground_job, "_STRIP_PX", 1000)
    region = Region(bbox=(500_040, 5_599_930, 500_080, 5_599_990))
    part = run_ground(GroundJob(str(tmp_path / "b"), RasterInput(str(dsm)), region), Feedback())
    for name in whole.outputs:
        all_values, _ = read(whole.outputs[name])
        values, raster = read(part.outputs[name])
        assert values.shape == (120, 80)
        assert np.array_equal(values, all_values[20:140, 80:160], equal_nan=True)
        assert raster.bounds[:2] == (500_040, 5_599_930)


def test_a_result_is_not_overwritten_unasked(dsm, tmp_path):
    job = GroundJob(str(tmp_path), RasterInput(str(dsm)))
    run_ground(job, Feedback())
    with pytest.raises(RidgelineError) as fault:
        run_ground(job, Feedback())
    assert fault.value.code == ErrorCode.OUTPUT_EXISTS
    run_ground(GroundJob(str(tmp_path), RasterInput(str(dsm)), overwrite=True), Feedback())


def test_a_surface_without_heights_is_refused_and_leaves_nothing(shared_data, tmp_path):
    empty = shared_data / "bad_inputs" / "all-nodata.tif"
    out = tmp_path / "out"
    with pytest.raises(RidgelineError) as fault:
        run_ground(GroundJob(str(out), RasterInput(str(empty), bands=(1,))), Feedback())
    assert "all-nodata.tif" in fault.value.message
    assert not out.exists() or not list(out.iterdir())


def test_a_job_goes_through_json():
    job = GroundJob("out", RasterInput("dsm.tif"), Region(bbox=(0.0, 0.0, 1.0, 1.0)), 0.5)
    assert from_dict(GroundJob, json.loads(json.dumps(to_dict(job)))) == job
    with pytest.raises(RidgelineError, match="gsd"):
        from_dict(GroundJob, {"out": "o", "dsm": {"path": "d"}, "gsd": -1})


def test_the_command_writes_files_and_tells_faults(dsm, tmp_path, capfd):
    assert main(["ground", "--dsm", str(dsm), "--out", str(tmp_path / "x")]) == 0
    assert (tmp_path / "x" / "ground.tif").exists()
    assert main(["ground", "--dsm", str(tmp_path / "none.tif"), "--out", str(tmp_path / "y")]) == 1
    assert "none.tif" in capfd.readouterr().err
    assert main(["ground", "--out", str(tmp_path / "y")]) == 1


def test_a_gsd_far_finer_than_the_surface_is_refused_before_it_fills_the_disk(dsm, tmp_path):
    with pytest.raises(RidgelineError, match="far finer") as caught:
        run_ground(GroundJob(str(tmp_path / "out"), RasterInput(str(dsm)), gsd=0.001), Feedback())
    assert caught.value.code is ErrorCode.GSD_OUT_OF_RANGE
    assert not (tmp_path / "out").exists()
    least = float(caught.value.hint.split()[3])
    assert run_ground(GroundJob(str(tmp_path / "out"), RasterInput(str(dsm)), gsd=4 * least), Feedback()).outputs
