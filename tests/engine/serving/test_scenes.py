"""One scene and one network are kept; what another takes the place of goes at once, without waiting for a collector."""

import gc
import weakref

import pytest

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.jobs.serve import Scene
from ridgeline.engine.serving import scenes as scenes_module
from ridgeline.engine.serving.scenes import Scenes


@pytest.fixture()
def scenes():
    made = Scenes()
    yield made
    made.close()


def test_a_scene_that_another_takes_the_place_of_goes_with_its_network(scenes, pair, red_model):
    rgb, dsm = RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"]))
    first = scenes.open(Scene(rgb, dsm, str(red_model.folder), device="cpu", threads=1), Feedback())
    network = weakref.ref(next(iter(scenes._models.values())))
    scene = weakref.ref(first)
    del first
    scenes.open(Scene(rgb, None, str(red_model.folder), device="cpu", threads=2), Feedback())
    assert scene() is not None, "a request may still be working on it"
    gc.disable()
    try:
        scenes.tidy()
        assert scene() is None and network() is None
    finally:
        gc.enable()


def test_the_same_scene_is_opened_once(scenes, pair, red_model):
    wanted = Scene(RasterInput(str(pair["rgb"])), None, str(red_model.folder), device="cpu", threads=1)
    first = scenes.open(wanted, Feedback())
    scenes.tidy()
    assert scenes.open(wanted, Feedback()) is first


def test_another_number_of_looks_is_another_scene_and_network(scenes, pair, red_model, monkeypatch):
    asked = []
    open_one = scenes_module.open_predictor
    monkeypatch.setattr(
        scenes_module, "open_predictor", lambda *how, looks: asked.append(looks) or open_one(*how, looks=looks)
    )
    for looks in (None, 2, 2):
        rgb = RasterInput(str(pair["rgb"]))
        scenes.open(Scene(rgb, None, str(red_model.folder), device="cpu", threads=1, looks=looks), Feedback())
    assert asked == [None, 2]
