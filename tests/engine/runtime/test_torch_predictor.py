"""Trained weights in PyTorch give what the package's own graphs give in ONNX Runtime."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("timm", reason="the train extra is not installed")

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import load_package, save_spec
from ridgeline.engine.runtime import open_predictor


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package as training leaves it: weights, graphs for RGB + DSM, RGB and DSM."""
    import torch

    from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
    from ridgeline.engine.models.export import PackageInfo, export_package
    from ridgeline.engine.models.multitask import DenseModel
    from ridgeline.engine.models.package import GsdSpec, TileSpec

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("trained")
    info = PackageInfo(
        "trained", "1", compact_inputs(), compact_outputs(), GsdSpec(0.25, 0.1, 0.5), TileSpec(64, 32, 16)
    )
    export_package(DenseModel(compact_config()).eval(), info, folder)
    return load_package(folder)


def tiles(package, kinds, count=2):
    random = np.random.default_rng(0)
    made = {item.name: random.normal(size=(count, item.channels, 64, 64)) for item in package.spec.inputs}
    return {name: array.astype(np.float32) for name, array in made.items() if name in kinds}


@pytest.mark.parametrize("kinds", [{"rgb", "dsm"}, {"rgb"}, {"dsm"}])
def test_both_runtimes_agree(package, kinds):
    inputs = tiles(package, kinds)
    torch_maps = open_predictor(package, kinds, device="cpu", runtime="torch").predict(inputs)
    onnx_maps = open_predictor(package, kinds, device="cpu", runtime="onnx").predict(inputs)
    for output in package.spec.outputs:
        assert torch_maps[output.name].shape == (2, output.channels, 64, 64)
        np.testing.assert_allclose(torch_maps[output.name], onnx_maps[output.name], atol=1e-3)


def test_a_package_from_before_strides_computes_as_its_graphs_did(package, tmp_path):
    """Its network enlarges its maps itself, and only then makes probabilities of them."""
    import torch

    from ridgeline.engine.models.multitask import activate
    from ridgeline.engine.models.rebuild import trainable_model

    folder = shutil.copytree(package.folder, tmp_path / "old")
    outputs = tuple(replace(item, stride=1, activation="none") for item in package.spec.outputs)
    save_spec(replace(package.spec, outputs=outputs), folder)
    inputs = tiles(package, {"dsm"}, 1)
    found = open_predictor(load_package(folder), {"dsm"}, device="cpu", runtime="torch").predict(inputs)
    network = trainable_model(package).eval()
    with torch.inference_mode():
        expected = activate(network(dsm=torch.from_numpy(inputs["dsm"])), network.config.tasks)
    for name, maps in found.items():
        np.testing.assert_allclose(maps, expected[name].numpy(), atol=1e-5)


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_a_tile_has_the_same_bits_in_any_batch(package, runtime):
    predictor = open_predictor(package, {"rgb", "dsm"}, device="cpu", runtime=runtime, threads=2)
    inputs = tiles(package, {"rgb", "dsm"}, 4)
    whole = predictor.predict(inputs)
    for size in (1, 3):
        part = predictor.predict({name: array[:size] for name, array in inputs.items()})
        for name, array in part.items():
            np.testing.assert_array_equal(array, whole[name][:size])


def test_says_what_computes(package):
    report = open_predictor(package, {"rgb"}, runtime="torch", device="cpu", threads=1).report
    assert report.sentence == "Computing on the CPU (1 thread) with PyTorch, fp32."


def test_bfloat16_stays_close(package):
    inputs = tiles(package, {"rgb"}, 1)
    exact = open_predictor(package, {"rgb"}, runtime="torch", device="cpu").predict(inputs)
    rough = open_predictor(package, {"rgb"}, runtime="torch", device="cpu", precision="bf16").predict(inputs)
    assert 0 < np.abs(exact["land_cover"] - rough["land_cover"]).max() < 0.05


def test_cuda_that_is_not_there_is_a_fault(package):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this computer has CUDA")
    with pytest.raises(RidgelineError) as caught:
        open_predictor(package, {"rgb"}, runtime="torch", device="cuda")
    assert caught.value.code is ErrorCode.DEVICE_UNAVAILABLE


def test_a_precision_that_the_runtime_lacks_is_a_fault(package):
    with pytest.raises(RidgelineError) as caught:
        open_predictor(package, {"rgb"}, runtime="torch", device="cpu", precision="int8")
    assert caught.value.code is ErrorCode.BAD_JOB


def test_without_torch_the_fault_names_the_missing_library(package, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(RidgelineError) as caught:
        open_predictor(package, {"rgb"}, runtime="torch")
    assert caught.value.code is ErrorCode.MISSING_LIBRARY and "train" in caught.value.hint
