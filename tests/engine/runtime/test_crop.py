"""Tiles of which a part only is known: the network sees that part, and nothing known comes out otherwise."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ridgeline.engine.jobs.segment import DEFAULT_MODEL
from ridgeline.engine.models.package import HeightChannels, InputSpec, MeanStd, ModelPackage
from ridgeline.engine.models.package.library import find_model
from ridgeline.engine.runtime import open_predictor
from ridgeline.engine.runtime.crop import Cropped, known_window, tells_what_is_known
from ridgeline.engine.terrain.height_channels import CHANNELS, RECIPE_VERSION, height_channels

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"
RGB = InputSpec("rgb", "rgb", ("r", "g", "b"), True, MeanStd((120.0, 110.0, 100.0), (60.0,) * 3))
HEIGHTS = InputSpec("dsm", "dsm", ("surface",), True, height_channels=HeightChannels(RECIPE_VERSION, CHANNELS))


class Smoother:
    """A network that sees five pixels in every direction, and keeps what it was shown."""

    report = SimpleNamespace(any_size=True)

    def __init__(self):
        self.shapes = []

    def predict(self, inputs):
        array = next(iter(inputs.values()))
        self.shapes.append(array.shape)
        return {"building": ndimage.uniform_filter(array[:, :1], (0, 0, 11, 11), mode="constant")}


def model_of(*inputs):
    return SimpleNamespace(inputs=inputs)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 95), st.integers(0, 95), st.integers(1, 96), st.integers(1, 96), st.integers(0, 9))
def test_what_is_known_comes_out_as_from_the_whole_tile(top, left, height, width, seed):
    random = np.random.default_rng(seed)
    known = np.zeros((96, 96), bool)
    known[top : top + height, left : left + width] = True
    tiles = np.where(known, random.normal(size=(2, 3, 96, 96)), 0).astype(np.float32)
    tiles[1] = random.normal(size=(3, 96, 96))  # another one of the batch, known everywhere
    found = Cropped(Smoother(), model_of(RGB), 32).predict({"rgb": tiles})["building"]
    whole = Smoother().predict({"rgb": tiles})["building"]
    assert found.shape == whole.shape
    np.testing.assert_allclose(found[0][:, known], whole[0][:, known], atol=1e-6)
    np.testing.assert_allclose(found[1], whole[1], atol=1e-6)


def test_the_network_sees_the_known_part_with_a_margin_in_whole_multiples():
    tile = np.zeros((1, 3, 256, 256), np.float32)
    tile[:, :, 100:120, :40] = 1
    network = Smoother()
    Cropped(network, model_of(RGB), 32).predict({"rgb": tile})
    assert network.shapes == [(1, 3, 96, 96)]  # rows 64 to 160, columns 0 to 96


def test_a_batch_that_is_known_everywhere_goes_to_the_network_at_once():
    network = Smoother()
    Cropped(network, model_of(RGB), 32).predict({"rgb": np.ones((4, 3, 64, 64), np.float32)})
    assert network.shapes == [(4, 3, 64, 64)]


def test_one_raster_is_enough_for_a_pixel_to_be_known():
    empty, corner = np.zeros((1, 64, 64), np.float32), np.zeros((1, 64, 64), np.float32)
    corner[0, -1, -1] = 1
    assert known_window({"rgb": empty, "dsm": corner}, 32) == (slice(0, 64), slice(0, 64))
    assert known_window({"rgb": empty, "dsm": np.roll(corner, 1, (1, 2))}, 8) == (slice(0, 40), slice(0, 40))
    assert known_window({"rgb": empty}, 32) == (slice(0, 64), slice(0, 64))  # nothing to go by


def test_a_surface_of_height_zero_is_known():
    tile = np.zeros((1, len(CHANNELS), 64, 64), np.float32)
    tile[:, CHANNELS.index("valid"), :, :16] = 1
    network = Smoother()
    Cropped(network, model_of(HEIGHTS), 16).predict({"dsm": tile})
    assert network.shapes == [(1, len(CHANNELS), 64, 48)]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (RGB, True),
        (HEIGHTS, True),
        (replace(RGB, mean_std=MeanStd((0.0,) * 3, (255.0,) * 3)), False),  # black pixels become 0, too
        (replace(HEIGHTS, height_channels=HeightChannels(RECIPE_VERSION, ("height",))), False),
        (InputSpec("dsm", "dsm", ("surface",), True, MeanStd((100.0,), (10.0,))), False),
    ],
)
def test_only_some_inputs_tell_what_is_known(item, told):
    assert tells_what_is_known(model_of(item), {item.kind}) is told
    assert tells_what_is_known(model_of(item), {"rgb", "dsm"} - {item.kind})


@pytest.fixture(scope="module")
def default_model() -> ModelPackage:
    return find_model(DEFAULT_MODEL)


def test_the_default_model_is_shown_known_parts(default_model):
    for kinds in ({"rgb"}, {"dsm"}, {"rgb", "dsm"}):
        assert isinstance(open_predictor(default_model, kinds), Cropped)


def test_the_default_model_finds_the_same_buildings_in_a_part(default_model):
    with rasterio.open(SAMPLES / "herault_dsm.tif") as raster:
        surface, valid = np.zeros((512, 512), np.float32), np.zeros((512, 512), bool)
        surface[:252, 200:452], valid[:252, 200:452] = raster.read(1), raster.read_masks(1) > 0
    tile = {"dsm": height_channels(surface, valid, 0.2, 0, 0)[None]}
    cropped = open_predictor(default_model, {"dsm"})
    assert isinstance(cropped, Cropped)
    seen, whole = (item.predict(tile)["building"][0, 0][valid] > 0 for item in (cropped, cropped._predictor))
    assert whole.mean() > 0.1
    assert (seen & whole).sum() / (seen | whole).sum() > 0.95


def test_networks_of_others_are_shown_whole_tiles(make_package):
    predictor = open_predictor(make_package(), {"rgb"})  # not exported from a network of this project
    assert not isinstance(predictor, Cropped)
