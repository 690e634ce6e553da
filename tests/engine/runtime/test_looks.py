"""Several looks: the mean of what a network says of a tile and of the tile turned, back in its place."""

from dataclasses import replace

import numpy as np
import pytest

from ridgeline.engine.jobs.segment import DEFAULT_MODEL, LOOKS
from ridgeline.engine.models.package import ClassSpec, HeightChannels, InputSpec, OutputSpec, TileSpec
from ridgeline.engine.models.package.library import find_model
from ridgeline.engine.runtime import onnx_predictor, open_predictor
from ridgeline.engine.runtime.looks import COARSE_SYMMETRIES, SYMMETRIES, ManyLooks, shrunk
from ridgeline.engine.runtime.onnx_predictor import OnnxPredictor
from ridgeline.engine.terrain.height_channels import CHANNELS, RECIPE_VERSION
from ridgeline.engine.terrain.symmetry import turned_back

BUILDING = OutputSpec("building", "probability", "building")
HEIGHTS = InputSpec("dsm", "dsm", ("surface",), height_channels=HeightChannels(RECIPE_VERSION, CHANNELS))


class Recorder:
    """A network that gives one channel of its input, plus something that depends on where a pixel lies."""

    report = None

    def __init__(self, ramp=0.0):
        self.seen = []
        self.ramp = ramp

    def predict(self, inputs):
        self.seen.append(inputs)
        values = next(iter(inputs.values()))[:, :1]
        return {"building": values + self.ramp * np.arange(values.shape[-1], dtype=np.float32)}


def spec_of(make_package, **changes):
    """A package whose network gives probabilities unless it is said otherwise."""
    return replace(make_package().spec, outputs=(replace(BUILDING, **changes),))


def test_every_number_of_looks_that_a_job_may_ask_for_is_known():
    assert tuple(SYMMETRIES) == LOOKS
    assert all(len(set(items)) == looks for looks, items in SYMMETRIES.items())


@pytest.mark.parametrize("looks", LOOKS)
def test_a_network_that_sees_pixels_alone_says_the_same_however_often_it_looks(make_package, looks):
    tile = np.random.default_rng(0).normal(size=(2, 3, 16, 16)).astype(np.float32)
    network = Recorder()
    found = ManyLooks(network, spec_of(make_package), looks).predict({"rgb": tile})
    np.testing.assert_allclose(found["building"], tile[:, :1], atol=1e-6)
    assert len(network.seen) == looks


def test_what_depends_on_the_side_of_a_tile_evens_out(make_package):
    tile = np.zeros((1, 3, 16, 16), np.float32)
    found = ManyLooks(Recorder(ramp=1.0), spec_of(make_package), 2).predict({"rgb": tile})
    np.testing.assert_allclose(found["building"], 7.5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_of_logits_it_is_the_mean_of_what_they_stand_for(make_package, activation):
    tile = np.full((1, 3, 2, 16), -4, np.float32)
    classes = (ClassSpec(1, "a", "#112233"), ClassSpec(2, "b", "#445566"))
    spec = spec_of(make_package, activation=activation)
    if activation == "softmax":
        spec = replace(spec, outputs=(OutputSpec("building", "classes", classes=classes, activation=activation),))

    class Network(Recorder):
        def predict(self, inputs):
            first = super().predict(inputs)["building"]
            return {"building": first if activation == "sigmoid" else np.concatenate([first, -first], axis=1)}

    factor = 1 if activation == "sigmoid" else 2
    mean = 1 / (1 + np.exp(-factor * (tile[:, :1] + np.arange(16))))
    mean = (mean + mean[..., ::-1]) / 2
    found = ManyLooks(Network(ramp=1.0), spec, 2).predict({"rgb": tile})["building"]
    gap = found if activation == "sigmoid" else found[:, :1] - found[:, 1:]
    assert found.dtype == np.float32
    np.testing.assert_allclose(1 / (1 + np.exp(-gap)), mean, atol=1e-5)


def test_a_logit_of_certainty_is_still_a_number(make_package):
    tile = np.full((1, 3, 16, 16), 1000, np.float32)
    found = ManyLooks(Recorder(), spec_of(make_package, activation="sigmoid"), 2).predict({"rgb": tile})
    assert np.isfinite(found["building"]).all() and (found["building"] > 10).all()


def test_slopes_turn_with_the_surface(make_package):
    network = Recorder()
    spec = replace(
        make_package().spec, inputs=(HEIGHTS,), weights=(replace(make_package("b").spec.weights[0], inputs=("dsm",)),)
    )
    ManyLooks(network, spec, 2).predict({"dsm": np.ones((1, len(CHANNELS), 8, 8), np.float32)})
    signs = network.seen[1]["dsm"][0, :, 0, 0]
    assert [name for name, sign in zip(CHANNELS, signs) if sign < 0] == ["slope_x", "slope_y"]


def test_a_package_says_how_often_and_a_job_may_say_otherwise(make_package):
    package = make_package(tile=TileSpec(64, 32, 16, looks=2))
    tile = np.random.default_rng(1).normal(size=(1, 3, 64, 64)).astype(np.float32)

    def building(**how):
        return open_predictor(package, {"rgb"}, device="cpu", **how).predict({"rgb": tile})["building"]

    once = building(looks=1)
    turned = open_predictor(package, {"rgb"}, device="cpu", looks=1).predict({"rgb": tile[..., ::-1, ::-1].copy()})
    assert package.spec.outputs[1].activation == "sigmoid"
    once, turned = (1 / (1 + np.exp(-item)) for item in (once, turned["building"][..., ::-1, ::-1]))
    np.testing.assert_allclose(1 / (1 + np.exp(-building())), (once + turned) / 2, atol=1e-6)
    np.testing.assert_array_equal(building(), building(looks=2))


class Sharpness(Recorder):
    """A network that says how wide the tile is that it is shown."""

    def predict(self, inputs):
        found = super().predict(inputs)["building"]
        return {"building": np.full_like(found, found.shape[-1])}


@pytest.mark.parametrize("looks", [2, 4, 8])
def test_looks_from_further_off_see_half_the_pixels_and_count_half(make_package, looks):
    network = Sharpness()
    tile = np.random.default_rng(2).normal(size=(2, 3, 16, 32)).astype(np.float32)
    found = ManyLooks(network, spec_of(make_package), looks, coarse=True).predict({"rgb": tile})["building"]
    sizes = [sorted(item["rgb"].shape[-2:]) for item in network.seen]
    assert sizes == [[16, 32]] * looks + [[8, 16]] * looks
    assert found.shape == (2, 1, 16, 32)
    near = np.mean([item["rgb"].shape[-1] for item in network.seen[:looks]])
    far = np.mean([item["rgb"].shape[-1] for item in network.seen[looks:]])
    np.testing.assert_allclose(found, (2 * near + far) / 3, rtol=1e-6)


def test_a_look_from_further_off_sees_means_and_puts_what_it_says_in_its_place(make_package):
    rows = np.repeat(np.arange(8, dtype=np.float32), 2)
    tile = np.broadcast_to(rows[:, None] * 10 + rows, (1, 3, 16, 16)).astype(np.float32)  # no square is mixed
    network = Recorder()
    found = ManyLooks(network, spec_of(make_package), 2, coarse=True).predict({"rgb": tile})["building"]
    far = turned_back(network.seen[-1]["rgb"], COARSE_SYMMETRIES[2][-1])
    np.testing.assert_allclose(far[0, 0], np.arange(8)[:, None] * 10 + np.arange(8))
    away = np.abs(found - tile[:, :1])
    assert 0 < away.max() < 2.5  # bilinear between the middles of pixels, and a third of it


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_from_further_off_squares_of_pixels_are_their_means(factor):
    tile = np.random.default_rng(4).normal(size=(2, 3, 8, 16)).astype(np.float32)
    squares = tile.reshape(2, 3, 8 // factor, factor, 16 // factor, factor)
    np.testing.assert_allclose(shrunk(tile, factor), squares.mean(axis=(3, 5)), atol=1e-6)


def test_further_off_other_symmetries_are_looked_at_as_far_as_there_are():
    for looks, items in COARSE_SYMMETRIES.items():
        assert len(set(items)) == looks and (looks == 8 or not set(items) & set(SYMMETRIES[looks]))


def shapes_seen(package, kinds, monkeypatch, **how):
    """The sizes of tiles that a package's graph is given, in order, for one tile of 64 pixels."""
    seen, compute = [], OnnxPredictor._compute
    monkeypatch.setattr(
        OnnxPredictor,
        "_compute",
        lambda self, inputs: seen.append(next(iter(inputs.values())).shape[-1]) or compute(self, inputs),
    )
    tiles = {
        item.name: np.ones((1, item.channels, 64, 64), np.float32) for item in package.spec.inputs if item.kind in kinds
    }
    found = open_predictor(package, kinds, device="cpu", **how).predict(tiles)
    assert all(maps.shape[-2:] == (64, 64) for maps in found.values())
    return seen


def test_the_default_model_looks_from_further_off_at_a_picture_by_itself_alone(monkeypatch):
    package = find_model(DEFAULT_MODEL)
    assert shapes_seen(package, {"rgb"}, monkeypatch) == [64, 64, 32, 32]
    assert shapes_seen(package, {"rgb"}, monkeypatch, looks=1) == [64]
    assert shapes_seen(package, {"rgb"}, monkeypatch, looks=4) == [64] * 4 + [32] * 4
    for kinds in ({"dsm"}, {"rgb", "dsm"}):
        assert shapes_seen(package, kinds, monkeypatch) == [64, 64]


def test_both_runtimes_look_from_further_off_alike():
    package = find_model(DEFAULT_MODEL)
    tile = {"rgb": np.random.default_rng(3).normal(size=(1, 3, 128, 128)).astype(np.float32)}
    one, other = (
        open_predictor(package, {"rgb"}, device="cpu", runtime=runtime, precision="fp32").predict(tile)
        for runtime in ("onnx", "torch")
    )
    for name, maps in one.items():
        np.testing.assert_allclose(maps, other[name], atol=2e-3)


def test_a_graph_of_one_size_is_looked_at_from_near_alone(make_package, monkeypatch):
    package = make_package(tile=TileSpec(64, 32, 16, looks=2, coarse_picture=True))
    assert shapes_seen(package, {"rgb"}, monkeypatch) == [64, 64, 32, 32]
    monkeypatch.setattr(onnx_predictor, "_takes_any_size", lambda _inputs: False)
    assert shapes_seen(package, {"rgb"}, monkeypatch) == [64, 64]


def test_tiles_whose_half_no_network_takes_are_refused():
    with pytest.raises(ValueError, match="for coarse_picture size 96 must be a multiple of 64"):
        TileSpec(96, 32, 16, looks=2, coarse_picture=True)


@pytest.mark.parametrize("looks", [0, 3, 16])
def test_other_numbers_of_looks_are_refused(looks):
    with pytest.raises(ValueError, match="looks must be one of 1, 2, 4, 8"):
        TileSpec(64, 32, 16, looks=looks)
