"""Packages with a network for the picture alone beside the one for everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ridgeline.engine.cli import main
from ridgeline.engine.models.alone import network_alone
from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import GsdSpec, ModelPackage, TileSpec, load_package
from ridgeline.engine.models.package.validate import faults_of_package
from ridgeline.engine.models.rebuild import networks_alone, trainable_model
from ridgeline.engine.runtime.open import open_predictor

TILE = 128
INFO = PackageInfo("two", "1", compact_inputs(), compact_outputs(), GsdSpec(0.25, 0.1, 0.5), TileSpec(TILE))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    folder = tmp_path_factory.mktemp("two")
    torch.manual_seed(0)
    pair = DenseModel(compact_config()).eval()
    torch.nn.init.normal_(pair.heads.weight, std=0.5)
    alone = network_alone(pair, "rgb")
    alone.shift("building", 3.0)  # what the pair never says
    export_package(pair, INFO, folder, alone={"rgb": alone})
    return load_package(folder)


def inputs_for(*names: str) -> dict[str, np.ndarray]:
    channels = {"rgb": 3, "dsm": 6}
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=(1, channels[name], TILE, TILE)).astype(np.float32) for name in names}


def logit(package: ModelPackage, *names: str, runtime: str) -> np.ndarray:
    inputs = inputs_for(*names)
    return open_predictor(package, set(names), runtime=runtime, device="cpu").predict(inputs)["building"]


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_the_picture_alone_goes_through_its_own_network(package: ModelPackage, runtime: str) -> None:
    pair = trainable_model(package).eval()
    with torch.no_grad():
        of_pair = pair(torch.from_numpy(inputs_for("rgb")["rgb"]))["building"].numpy()
        with_heights = pair(**{name: torch.from_numpy(item) for name, item in inputs_for("rgb", "dsm").items()})
    np.testing.assert_allclose(logit(package, "rgb", runtime=runtime), of_pair + 3.0, atol=0.02)
    found = logit(package, "rgb", "dsm", runtime=runtime)
    np.testing.assert_allclose(found, with_heights["building"].numpy(), atol=0.02)


def test_what_learns_is_what_runs(package: ModelPackage) -> None:
    assert trainable_model(package, {"rgb"}).encoder.modalities == ("rgb",)
    for kinds in ({"rgb", "dsm"}, {"dsm"}, None):
        assert trainable_model(package, kinds).encoder.modalities == ("rgb", "dsm")
    assert list(networks_alone(package)) == ["rgb"]
    assert faults_of_package(package.folder) == []


def test_exporting_again_keeps_both(package: ModelPackage, tmp_path: Path) -> None:
    assert main(["export", str(package.folder), "--out", str(tmp_path / "again")]) == 0
    again = load_package(tmp_path / "again")
    assert [(item.file, item.inputs) for item in again.spec.weights] == [
        (item.file, item.inputs) for item in package.spec.weights
    ]
    before, after = logit(package, "rgb", runtime="onnx"), logit(again, "rgb", runtime="onnx")
    np.testing.assert_array_equal(before, after)


def test_a_network_alone_that_gives_other_maps_is_refused(tmp_path: Path) -> None:
    other = network_alone(DenseModel(compact_config(roof_classes=3)), "rgb")
    with pytest.raises(ValueError, match="must give what the network for all gives"):
        export_package(DenseModel(compact_config()), INFO, tmp_path / "new", alone={"rgb": other})
    assert not (tmp_path / "new").exists()
