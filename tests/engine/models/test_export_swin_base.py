"""The published size leaves torch whole: two Swin-B under UPerNet, in ONNX, for every set of inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from ridgeline.engine.models.backbone import count_parameters
from ridgeline.engine.models.config import DecoderConfig, DenseConfig, TaskConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.multitask import DenseModel, activate
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
from ridgeline.engine.models.presets import swin_pair

TILE = 192
TASKS = (TaskConfig("cover", "classes", 6), TaskConfig("building", "probability"), TaskConfig("height", "metres"))
INPUTS = (
    InputSpec("rgb", "rgb", ("red", "green", "blue"), True, MeanStd((123.675, 116.28, 103.53), (58.4, 57.1, 57.4))),
    InputSpec("dsm", "dsm", ("surface",), True, MeanStd((0.0,), (10.0,))),
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[DenseModel, ModelPackage]:
    torch.manual_seed(0)
    config = DenseConfig(swin_pair("base", 1), DecoderConfig("upernet", width=256, auxiliary=True), TASKS)
    model = DenseModel(config).eval()
    for token in (*model.encoder.absent_rgb, *model.encoder.absent_dsm):
        torch.nn.init.normal_(token, std=0.5)
    torch.nn.init.normal_(model.heads.weight, std=0.5)  # answers that differ from pixel to pixel
    classes = tuple(ClassSpec(index + 1, f"class_{index + 1}", f"#0000{index:02x}") for index in range(6))
    outputs = (
        OutputSpec("cover", "classes", "other", classes),
        OutputSpec("building", "probability", "building"),
        OutputSpec("height", "metres", "height"),
    )
    folder = tmp_path_factory.mktemp("swin-base")
    info = PackageInfo("swin-base", "1", INPUTS, outputs, GsdSpec(0.2, 0.1, 0.5), TileSpec(TILE, overlap=32))
    export_package(model, info, folder, half=False)
    return model, load_package(folder)


def random_tiles() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(2, channels, TILE, TILE, generator=generator) for name, channels in (("rgb", 3), ("dsm", 1))
    }


def real_tiles(data: Path) -> dict[str, torch.Tensor]:
    """Return a tile of the Hérault pair, normalised."""
    import rasterio

    def read(name: str) -> torch.Tensor:
        with rasterio.open(data / "real" / f"herault_77055_627760_{name}.tif") as source:
            return torch.from_numpy(source.read()[None, :3, :TILE, :TILE].astype(np.float32))

    mean, std = (torch.tensor(item)[:, None, None] for item in (INPUTS[0].mean_std.mean, INPUTS[0].mean_std.std))
    surface = read("dsm")
    return {"rgb": (read("rgb") - mean) / std, "dsm": (surface - surface.nanmedian()).nan_to_num() / 10}


@pytest.mark.long
@pytest.mark.parametrize("tiles", ["random", "real"])
@pytest.mark.parametrize("shown", [("rgb", "dsm"), ("rgb",), ("dsm",)], ids="+".join)
def test_torch_and_onnx_runtime_agree(
    exported: tuple[DenseModel, ModelPackage], shared_data: Path, shown: tuple[str, ...], tiles: str
) -> None:
    model, package = exported
    assert 180e6 < count_parameters(model) < 200e6
    every = random_tiles() if tiles == "random" else real_tiles(shared_data)
    inputs = {name: every[name] for name in shown}
    model.enlarges = False
    with torch.no_grad():
        logits = model(**inputs)
        expected = logits | activate(logits, tuple(task for task in TASKS if task.name != "building"))
    weights = package.weights_for(frozenset(shown), "onnx")
    session = onnxruntime.InferenceSession(package.path_of(weights.file), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_outputs()]
    found = dict(zip(names, session.run(names, {name: item.numpy() for name, item in inputs.items()})))
    for task in TASKS:
        truth = expected[task.name].numpy()
        assert truth.std() > 0.01  # a map, not a constant
        scale = max(1.0, float(np.abs(truth).max()))  # metres are compared relatively
        gap = float(np.abs(found[task.name] - truth).max()) / scale
        print(f"{'+'.join(shown)}, {tiles}: {task.name} differs by {gap:.1e}")
        assert gap < 1e-3
