"""A lone checkpoint comes into the library as a package that computes what the network computes."""

import numpy as np
import pytest
import torch

from ridgeline.engine.jobs import ErrorCode, RidgelineError, to_dict
from ridgeline.engine.jobs.models import ImportModelJob, NetworkClass, NetworkForm, NetworkOutput
from ridgeline.engine.models.checkpoint import save_weights
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.multitask import DenseModel, activate
from ridgeline.engine.models.package.importer import import_model
from ridgeline.engine.runtime import open_predictor
from ridgeline.engine.runtime.enlarge import enlarged

NARROW = {"channels": [8, 8, 8, 8], "stem_width": 8}


@pytest.fixture()
def network():
    """A small network for RGB alone."""
    torch.manual_seed(0)
    config = DenseConfig(
        EncoderConfig(rgb=BackboneConfig("resnet18d", 3, NARROW, skip=True), dsm=None),
        DecoderConfig("fpn", width=8, skip_width=8),
        (TaskConfig("land_cover", "classes", 3), TaskConfig("building", "probability")),
    )
    return DenseModel(config).eval()


@pytest.fixture(autouse=True)
def own_library(tmp_path, monkeypatch):
    """A library of the test's own."""
    monkeypatch.setenv("RIDGELINE_MODELS", str(tmp_path / "library"))


def bring(path, **form):
    return import_model(ImportModelJob(str(path), form=NetworkForm(**form)))


def test_the_package_computes_what_the_network_computes(network, tmp_path):
    path = tmp_path / "best one.safetensors"
    save_weights(path, network.state_dict(), {"architecture": to_dict(network.config)})
    classes = tuple(NetworkClass(name) for name in ("ground", "building", "tree"))
    package = bring(path, gsd=0.3, tile=64, outputs=(NetworkOutput("land_cover", classes=classes),))
    assert package.spec.name == "best-one" and package.spec.gsd.trained == 0.3
    assert [item.name for item in package.spec.outputs[0].classes] == ["ground", "building", "tree"]
    tiles = np.random.default_rng(0).normal(size=(1, 3, 64, 64)).astype(np.float32)
    network.enlarges = False  # classes are told before they are enlarged
    with torch.inference_mode():
        logits = network(rgb=torch.from_numpy(tiles))
        told = logits | activate(logits, tuple(task for task in network.config.tasks if task.name != "building"))
        expected = {name: enlarged(maps.numpy(), network.decoder.stride) for name, maps in told.items()}
    got = open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": tiles})
    for name, maps in got.items():
        np.testing.assert_allclose(maps, expected[name], atol=5e-3)  # the package keeps half precision


def test_weights_of_something_else_are_refused(network, tmp_path):
    path = tmp_path / "other.safetensors"
    save_weights(path, {"w": torch.zeros(3)})
    with pytest.raises(RidgelineError, match="does not say of what its network is made"):
        bring(path, gsd=0.3)
    save_weights(path, {"w": torch.zeros(3)}, {"architecture": to_dict(network.config)})
    with pytest.raises(RidgelineError, match="do not fit the network"):
        bring(path, gsd=0.3)
    save_weights(path, network.state_dict(), {"architecture": {"layers": 3}})
    with pytest.raises(RidgelineError, match="cannot be built"):
        bring(path, gsd=0.3)


def test_a_form_that_leaves_something_out_is_explained(network, tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, network.state_dict(), {"architecture": to_dict(network.config)})
    with pytest.raises(RidgelineError) as caught:
        bring(path)
    assert caught.value.code is ErrorCode.BAD_JOB and "how much ground a pixel" in caught.value.message
    with pytest.raises(RidgelineError, match="has 3 classes, but 1 are named"):
        bring(path, gsd=0.3, outputs=(NetworkOutput("land_cover", classes=(NetworkClass("one"),)),))
