"""int8 graphs: a package gets one more, it agrees with fp32, and nobody takes it unasked."""

import numpy as np
import pytest
import torch

from ridgeline.engine.jobs import RidgelineError
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.export.quantise import add_int8, agreement
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


def test_adding_twice_lists_one(package: ModelPackage) -> None:
    spec = add_int8(load_package(package.folder), samples(2))
    spec = add_int8(load_package(package.folder), samples(2))
    assert [item.precision for item in spec.weights].count("int8") == 1


def test_nothing_to_calibrate_with_is_said(package: ModelPackage) -> None:
    with pytest.raises(RidgelineError, match="nothing to calibrate with"):
        add_int8(package, [])
