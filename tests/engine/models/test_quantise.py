"""int8 graphs: a package gets one more, it agrees with fp32, and nobody takes it unasked unless it is listed first."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from ridgeline.engine.jobs import RidgelineError
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.export.compare import agreement, building_iou, megapixels_per_second
from ridgeline.engine.models.export.quantise import add_int8
from ridgeline.engine.models.export.shared_int8 import share_kernels
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import (
    ClassSpec,
    GsdSpec,
    InputSpec,
    MeanStd,
    ModelPackage,
    OutputSpec,
    TileSpec,
    load_package,
)
from ridgeline.engine.runtime import open_predictor

TILE = 64


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    torch.manual_seed(0)
    args = {"channels": [8, 8, 16, 16], "stem_width": 8}
    tasks = (TaskConfig("cover", "classes", 2), TaskConfig("building", "probability"))
    encoder = EncoderConfig(BackboneConfig("resnet18d", 3, args, skip=True), None)
    model = DenseModel(DenseConfig(encoder, DecoderConfig("fpn", 16, 8), tasks))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(25):  # a network that answers nothing in particular would not show a loss of accuracy
        images = pictures(4)
        bright = (images.mean(dim=1) > 0).long()
        outputs = model.train()(rgb=images)
        loss = torch.nn.functional.cross_entropy(outputs["cover"], bright)
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(outputs["building"][:, 0], bright.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("small")
    classes = (ClassSpec(1, "dark", "#000000"), ClassSpec(2, "bright", "#ffffff"))
    info = PackageInfo(
        "small",
        "1",
        (InputSpec("rgb", "rgb", ("r", "g", "b"), mean_std=MeanStd((127.0,) * 3, (60.0,) * 3)),),
        (OutputSpec("cover", "classes", "other", classes), OutputSpec("building", "probability", "building")),
        GsdSpec(0.25, 0.1, 0.5),
        TileSpec(TILE, overlap=16),
    )
    export_package(model, info, folder)
    return load_package(folder)


def pictures(count: int) -> torch.Tensor:
    """Return smooth pictures, bright and dark in patches."""
    coarse = torch.randn(count, 3, 5, 5)
    return torch.nn.functional.interpolate(coarse, size=(TILE, TILE), mode="bilinear", align_corners=True)


def samples(count: int) -> list[dict[str, np.ndarray]]:
    return [{"rgb": pictures(1).numpy()} for _ in range(count)]


def test_int8_agrees_with_fp32_on_inputs_it_was_not_calibrated_with(package: ModelPackage) -> None:
    add_int8(package, samples(8))
    grown = load_package(package.folder)
    small = grown.weights_for(frozenset({"rgb"}), "onnx", "int8")
    full = grown.weights_for(frozenset({"rgb"}), "onnx")
    assert full.precision == "fp32"  # auto takes the exact one
    grown.verify(small)
    found = agreement(grown, full, small, samples(6))
    assert found["cover"]["same"] > 0.95 and found["building"]["same"] > 0.95
    assert 0 < found["building"]["gap"] < 0.05
    assert "int8" in small.file


def test_dynamic_ranges_need_no_samples(package: ModelPackage) -> None:
    add_int8(package, [], "dynamic")
    grown = load_package(package.folder)
    full, small = (grown.weights_for(frozenset({"rgb"}), "onnx", name) for name in ("fp32", "int8"))
    assert agreement(grown, full, small, samples(4))["building"]["same"] > 0.95
    nodes = {node.op_type for node in onnx.load(grown.path_of(small.file)).graph.node}
    assert "DynamicQuantizeLinear" in nodes and "ConvInteger" in nodes


def test_every_set_of_inputs_gets_an_int8_graph(tmp_path: Path) -> None:
    torch.manual_seed(0)
    args = {"channels": [8, 8, 16, 16], "stem_width": 8}
    encoder = EncoderConfig(*(BackboneConfig("resnet18d", channels, args) for channels in (3, 1)))
    model = DenseModel(DenseConfig(encoder, DecoderConfig("fpn", 16, 8), (TaskConfig("building", "probability"),)))
    inputs = (
        InputSpec("rgb", "rgb", ("r", "g", "b"), True, MeanStd((127.0,) * 3, (60.0,) * 3)),
        InputSpec("dsm", "dsm", ("surface",), True, MeanStd((0.0,), (10.0,))),
    )
    outputs = (OutputSpec("building", "probability", "building"),)
    info = PackageInfo("pair", "1", inputs, outputs, GsdSpec(0.25, 0.1, 0.5), TileSpec(TILE, overlap=16))
    export_package(model.eval(), info, tmp_path)
    shown = [{"rgb": pictures(1).numpy(), "dsm": pictures(1)[:, :1].numpy()} for _ in range(2)]
    add_int8(load_package(tmp_path), shown)
    grown = load_package(tmp_path)
    for kinds in ({"rgb", "dsm"}, {"rgb"}, {"dsm"}):
        small = grown.weights_for(frozenset(kinds), "onnx", "int8")
        assert set(small.inputs) == kinds
        assert megapixels_per_second(grown, small, shown[0], runs=1) > 0


def test_buildings_are_compared_with_the_truth(package: ModelPackage) -> None:
    full = load_package(package.folder).weights_for(frozenset({"rgb"}), "onnx", "fp32")
    shown = samples(3)
    bright = [(sample, sample["rgb"][0].mean(axis=0) > 0) for sample in shown]
    assert building_iou(package, full, bright) > 0.8
    assert building_iou(package, full, [(sample, ~truth) for sample, truth in bright]) < 0.2
    nameless = dataclasses.replace(package.spec, outputs=package.spec.outputs[:1])
    assert building_iou(ModelPackage(package.folder, nameless), full, bright) is None


def test_adding_twice_lists_one(package: ModelPackage) -> None:
    spec = add_int8(load_package(package.folder), samples(2))
    spec = add_int8(load_package(package.folder), samples(2))
    assert [item.precision for item in spec.weights].count("int8") == 1


def test_nothing_to_calibrate_with_is_said(package: ModelPackage) -> None:
    with pytest.raises(RidgelineError, match="nothing to calibrate with"):
        add_int8(package, [])
    with pytest.raises(ValueError, match="'int4'"):
        add_int8(package, samples(1), "int4")


def test_listed_first_it_is_what_processors_take(package: ModelPackage) -> None:
    add_int8(load_package(package.folder), samples(2), first=True)
    report = open_predictor(load_package(package.folder), {"rgb"}, device="cpu").report
    assert report.precision == "int8"
    add_int8(load_package(package.folder), samples(2))
    assert open_predictor(load_package(package.folder), {"rgb"}, device="cpu").report.precision == "fp32"


def test_kernels_are_read_from_the_weights_of_the_fp32_graph(package: ModelPackage) -> None:
    add_int8(load_package(package.folder), samples(2))
    grown = load_package(package.folder)
    full, small = (grown.weights_for(frozenset({"rgb"}), "onnx", name) for name in ("fp32", "int8"))
    assert small.data == full.data != {}
    model = onnx.load(grown.path_of(small.file), load_external_data=False)
    assert [item.domain for item in model.opset_import] == [""]  # what any ONNX Runtime knows
    graph = model.graph
    outside = {item.name for item in graph.initializer if item.data_location == onnx.TensorProto.EXTERNAL}
    kept = [item for item in graph.initializer if item.data_type == onnx.TensorProto.INT8 and len(item.dims) == 4]
    assert len(outside) > 5
    assert all(np.prod(item.dims) <= 1024 for item in kept)  # what the fp32 graph carries itself


def test_a_kernel_that_would_come_out_otherwise_stays() -> None:
    value = np.array([[1.0, -0.5], [0.25, 2.0]], np.float32)
    scale = np.array([1 / 64, 2 / 64], np.float32)
    kept = np.array([[64, -32], [8, 64]], np.int8)
    exact = onnx.parser.parse_graph("g (float[1] x) => (float[2, 2] w) { w = Cast<to = 1>(stored) }")
    exact.initializer.append(onnx.TensorProto(name="stored", data_type=onnx.TensorProto.FLOAT16, dims=(2, 2)))
    exact.initializer[0].data_location = onnx.TensorProto.EXTERNAL

    def shared(numbers: np.ndarray) -> set[str]:
        graph = onnx.parser.parse_graph(
            "g (float[1] x) => (float[2, 2] y) { y = DequantizeLinear<axis = 0>(w_quantized, w_scale, w_zero_point) }"
        )
        values = {"w_quantized": numbers, "w_scale": scale, "w_zero_point": np.zeros(2, np.int8)}
        graph.initializer.extend(onnx.numpy_helper.from_array(item, name) for name, item in values.items())
        share_kernels(graph, exact, {"w": value})
        return {item.name for item in graph.initializer}

    assert "w_quantized" not in shared(kept) and "stored" in shared(kept)
    assert "w_quantized" in shared(kept + 1) and "stored" not in shared(kept + 1)
