"""What stops a run is named, and short memory makes it slower, not wrong."""

import time

import numpy as np
import pytest
from inference_helpers import (
    GSD,
    NORTH,
    RAW_RGB,
    VALUE,
    WEST,
    identity_package,
    make_package,
    mixing_network,
    picture,
    read,
    segment,
    write_raster,
)

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference import runner
from ridgeline.engine.jobs import ErrorCode, RidgelineError


class Faulty:
    """A predictor around another that fails as it is told to."""

    def __init__(self, inner, fail):
        self.inner, self.fail, self.sizes = inner, fail, []
        self.report = inner.report

    def predict(self, inputs):
        self.sizes.append(len(next(iter(inputs.values()))))
        self.fail(inputs)
        return self.inner.predict(inputs)


def _with_predictor(monkeypatch, fail):
    made = []
    original = runner.open_predictor

    def opened(*args, **kwargs):
        made.append(Faulty(original(*args, **kwargs), fail))
        return made[-1]

    monkeypatch.setattr(runner, "open_predictor", opened)
    return made


def test_a_tile_that_fails_stops_the_run_and_is_named(tmp_path, monkeypatch):
    values = picture(200, 200)
    values[:, 130:140, 150:160] = 255

    def fail(inputs):
        if (inputs["rgb"] == 255).any():
            raise RuntimeError("the driver gave up")

    _with_predictor(monkeypatch, fail)
    model = identity_package(tmp_path / "model")
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values), batch=4)
    assert caught.value.code is ErrorCode.TILE_FAILED
    assert "the driver gave up" in caught.value.message
    west, east, south, north = _numbers(caught.value.message)
    assert west < WEST + 160 * GSD
    assert east > WEST + 150 * GSD
    assert south < NORTH - 130 * GSD
    assert north > NORTH - 140 * GSD
    assert not list((tmp_path / "out").glob("*.tif"))


def _numbers(message):
    import re

    return [float(item) for item in re.search(r"x ([\d.]+\d)–([\d.]+\d), y ([\d.]+\d)–([\d.]+\d)", message).groups()]


def test_a_map_that_is_no_number_stops_the_run_and_is_named(tmp_path):
    from onnx import helper

    network = mixing_network({"rgb": 3}, {"value": 1}, {"value": np.eye(1, 3)})
    network.graph.node[0].output[0] = "raw"
    network.graph.node.append(helper.make_node("Log", ["raw"], ["value"]))
    values = picture(150, 150)
    values[:, 77, 91] = 0  # log 0 is minus infinity
    model = make_package(tmp_path / "model", (RAW_RGB,), (VALUE,), network)
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values))
    assert caught.value.code is ErrorCode.TILE_FAILED
    west, _east, _south, north = _numbers(caught.value.message)
    assert (west, north) == pytest.approx((WEST + 91 * GSD, NORTH - 77 * GSD), abs=0.1)


def test_short_memory_makes_batches_smaller_and_says_so(tmp_path, monkeypatch):
    def fail(inputs):
        if len(inputs["rgb"]) > 2:
            raise RidgelineError(ErrorCode.OUT_OF_MEMORY, "no memory")

    made = _with_predictor(monkeypatch, fail)
    values = picture(300, 300)
    feedback = Feedback()
    model = identity_package(tmp_path / "model")
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values), batch=8, feedback=feedback)
    np.testing.assert_allclose(read(tmp_path / "out" / "value.tif"), values[0], rtol=1e-6)
    assert [warning.code for warning in feedback.warnings] == ["batch_reduced", "batch_reduced"]
    assert max(made[0].sizes[5:]) <= 2


def test_memory_too_short_for_one_tile_is_told(tmp_path, monkeypatch):
    def fail(_inputs):
        raise MemoryError

    _with_predictor(monkeypatch, fail)
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", identity_package(tmp_path / "m"), write_raster(tmp_path / "rgb.tif", picture(90, 90)))
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_batch_size_changes_no_bit(tmp_path, batch):
    rgb = write_raster(tmp_path / "rgb.tif", picture(260, 310))
    model = make_package(tmp_path / "model")
    segment(tmp_path / "one", model, rgb, batch=2)
    segment(tmp_path / "other", model, rgb, batch=batch)
    for name in ("land_cover.tif", "roof_class.tif", "confidence.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_tiles_computed_at_the_same_time_change_no_bit(tmp_path, monkeypatch):
    """Two threads and no batch asked for: two tiles are under way at once."""
    made = _with_predictor(monkeypatch, lambda _inputs: None)
    rgb = write_raster(tmp_path / "rgb.tif", picture(260, 310))
    model = make_package(tmp_path / "model")
    segment(tmp_path / "one", model, rgb, threads=1)
    segment(tmp_path / "two", model, rgb, threads=2)
    assert [item.report.at_once for item in made] == [1, 2]
    for name in ("land_cover.tif", "roof_class.tif", "confidence.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_memory_that_is_short_for_two_tiles_at_once_computes_one_at_a_time(tmp_path, monkeypatch):
    under_way, most = [], []

    def fail(_inputs):
        under_way.append(None)
        most.append(len(under_way))
        time.sleep(0.02)  # so that the other one begins
        under_way.pop()
        if most[-1] > 1 and len(most) < 5:
            raise MemoryError

    _with_predictor(monkeypatch, fail)
    values, feedback = picture(300, 300), Feedback()
    rgb = write_raster(tmp_path / "rgb.tif", values)
    segment(tmp_path / "out", identity_package(tmp_path / "model"), rgb, threads=2, feedback=feedback)
    np.testing.assert_allclose(read(tmp_path / "out" / "value.tif"), values[0], rtol=1e-6)
    assert [warning.code for warning in feedback.warnings] == ["batch_reduced"]
    assert set(most[5:]) == {1}


def test_the_next_band_is_begun_while_the_last_tile_of_one_is_computed(tmp_path, monkeypatch):
    """Bands of one tile: one alone would leave half of the threads without work."""
    under_way, most = [], []

    def wait(_inputs):
        under_way.append(None)
        most.append(len(under_way))
        time.sleep(0.05)
        under_way.pop()

    values = picture(400, 20)
    rgb = write_raster(tmp_path / "rgb.tif", values)
    model = identity_package(tmp_path / "model")
    _with_predictor(monkeypatch, wait)
    segment(tmp_path / "out", model, rgb, threads=2)
    assert max(most) == 2
    np.testing.assert_allclose(read(tmp_path / "out" / "value.tif"), values[0], rtol=1e-6)
