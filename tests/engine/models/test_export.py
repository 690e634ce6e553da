"""Packages: torch and ONNX Runtime agree for every set of inputs, and all graphs share one file of weights."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from ridgeline.engine.jobs import RidgelineError, from_dict
from ridgeline.engine.models.checkpoint import halve, load_into, load_weights
from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.multitask import DenseModel, activate
from ridgeline.engine.models.package import GsdSpec, InputSpec, MeanStd, OutputSpec, TileSpec, load_package

CHOICES = (("rgb", "dsm"), ("rgb",), ("dsm",))
TILE = 128


def trained_a_little(config: DenseConfig) -> DenseModel:
    """Return a network whose norms have statistics and whose weights are no longer where they began."""
    torch.manual_seed(0)
    model = DenseModel(config).train()
    for token in (*model.encoder.absent_rgb, *model.encoder.absent_dsm):
        torch.nn.init.normal_(token, std=0.5)
    torch.nn.init.normal_(model.heads.weight, std=0.5)
    for detail in model.details.values():
        torch.nn.init.normal_(detail.mix[-1].weight, std=0.5)
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 3, 64, 64) + 0.3, torch.randn(2, config.encoder.dsm.channels, 64, 64) * 2)
    return model.eval()


def swin_info() -> PackageInfo:
    return PackageInfo(
        "trial",
        "1",
        (
            InputSpec("rgb", "rgb", ("r", "g", "b"), True, MeanStd((127.0,) * 3, (60.0,) * 3)),
            InputSpec("dsm", "dsm", ("surface",), True, MeanStd((0.0,), (10.0,))),
        ),
        (OutputSpec("building", "probability", "building"), OutputSpec("height", "metres", "height")),
        GsdSpec(0.25, 0.1, 0.5),
        TileSpec(TILE),
    )


def compact_info() -> PackageInfo:
    inputs, outputs = compact_inputs(), compact_outputs()
    return PackageInfo("compact", "1", inputs, outputs, GsdSpec(0.25, 0.1, 0.5), TileSpec(TILE), licence="CC0-1.0")


@pytest.fixture(scope="module", params=["compact", "swin"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[DenseModel, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "compact":
        model, info = trained_a_little(compact_config()), compact_info()
    else:
        tasks = (TaskConfig("building", "probability", detail=6), TaskConfig("height", "metres"))
        config = DenseConfig(small_swins("ssma"), DecoderConfig("upernet", width=32, auxiliary=True), tasks)
        model, info = trained_a_little(config), swin_info()
    export_package(model, info, folder)
    return rebuilt(folder), folder


def small_swins(fusion: str) -> EncoderConfig:
    """Return a pair with one shifted window, at a size that no stage's window divides."""
    args = {"embed_dim": 16, "depths": [1, 2, 1, 1], "num_heads": [1, 2, 2, 4], "window_size": 6}
    rgb, dsm = (BackboneConfig("swin_tiny_patch4_window7_224", channels, args, 192) for channels in (3, 1))
    return EncoderConfig(rgb, dsm, fusion)


def rebuilt(folder: Path) -> DenseModel:
    """Return the network that the package's own description and weights make."""
    model = DenseModel(from_dict(DenseConfig, load_package(folder).spec.architecture))
    load_into(model, load_weights(folder / "weights.safetensors")[0], "weights.safetensors")
    return model.eval()


def run(folder: Path, inputs: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Return what ONNX Runtime gives for exactly these inputs."""
    package = load_package(folder)
    weights = package.weights_for(frozenset(inputs), "onnx")
    package.verify(weights)
    session = onnxruntime.InferenceSession(folder / weights.file, providers=["CPUExecutionProvider"])
    found = session.run(None, {name: item.numpy() for name, item in inputs.items()})
    return {item.name: value for item, value in zip(session.get_outputs(), found)}


@torch.no_grad()
def largest_gap(model: DenseModel, folder: Path, inputs: dict[str, torch.Tensor]) -> float:
    """Return how far the graph's maps are from the network's own at its decoder's stride."""
    outputs = {item.name: item for item in load_package(folder).spec.outputs}
    assert {item.stride for item in outputs.values()} == {model.decoder.stride}
    model.enlarges = False
    logits = model(**inputs)
    expected = logits | activate(
        logits, tuple(task for task in model.config.tasks if outputs[task.name].activation == "none")
    )
    assert all((item.activation == "sigmoid") == (name == "building") for name, item in outputs.items())
    found = run(folder, inputs)
    assert list(found) == [task.name for task in model.config.tasks]
    gaps = []
    for task in model.config.tasks:
        assert found[task.name].shape == expected[task.name].shape
        scale = max(1.0, float(expected[task.name].abs().max()))  # metres are compared relatively
        gaps.append(float(np.abs(found[task.name] - expected[task.name].numpy()).max()) / scale)
    return max(gaps)


@pytest.mark.parametrize("choice", CHOICES, ids="+".join)
@pytest.mark.parametrize("batch", [1, 3])
def test_torch_and_onnx_runtime_agree(exported: tuple[DenseModel, Path], choice: tuple[str, ...], batch: int) -> None:
    model, folder = exported
    channels = {"rgb": 3, "dsm": model.config.encoder.dsm.channels}
    generator = torch.Generator().manual_seed(1)
    inputs = {name: torch.randn(batch, channels[name], TILE, TILE, generator=generator) for name in choice}
    assert largest_gap(model, folder, inputs) < 1e-3


@pytest.mark.parametrize("choice", CHOICES, ids="+".join)
def test_a_graph_takes_tiles_of_any_size_where_nothing_in_it_has_the_size_of_a_tile(
    exported: tuple[DenseModel, Path], choice: tuple[str, ...]
) -> None:
    model, folder = exported
    channels = {"rgb": 3, "dsm": model.config.encoder.dsm.channels}
    generator = torch.Generator().manual_seed(2)
    inputs = {name: torch.randn(1, channels[name], TILE - 32, TILE + 64, generator=generator) for name in choice}
    if folder.name.startswith("compact") and len(choice) == 2:
        assert largest_gap(model, folder, inputs) < 1e-3
    else:  # the masks of a Swin, what stands in for an absent encoder
        with pytest.raises(Exception, match="Got invalid dimensions"):
            run(folder, inputs)


def test_rounding_weights_to_fp16_moves_no_probability_by_a_hundredth() -> None:
    model = trained_a_little(compact_config())
    tensors = halve(model.state_dict())
    rounded = DenseModel(model.config)
    load_into(rounded, tensors, "halved")
    inputs = {"rgb": torch.randn(1, 3, TILE, TILE), "dsm": torch.randn(1, 6, TILE, TILE)}
    with torch.no_grad():
        before = activate(model(**inputs), model.config.tasks)
        after = activate(rounded.eval()(**inputs), model.config.tasks)
    for name in before:
        assert (before[name] - after[name]).abs().max() < 0.01
    assert not torch.equal(before["building"], after["building"])


def test_all_graphs_read_one_file_of_weights(exported: tuple[DenseModel, Path]) -> None:
    model, folder = exported
    parameters = sum(parameter.numel() for parameter in model.parameters())
    stored = (folder / "weights.safetensors").stat().st_size
    assert stored < 2.2 * parameters + 100_000  # two bytes each, and the header
    total = sum(path.stat().st_size for path in folder.iterdir())
    assert total < stored + 3 * 900_000


def test_an_absent_encoder_is_not_in_the_graph(exported: tuple[DenseModel, Path]) -> None:
    import onnx

    _, folder = exported
    for name, other in (("rgb", "dsm"), ("dsm", "rgb")):
        graph = onnx.load(folder / f"{name}.onnx", load_external_data=False).graph
        assert [item.name for item in graph.input] == [name]
        assert not any(f"encoder.{other}." in item.name for item in graph.initializer)


def test_a_changed_file_is_found_out(exported: tuple[DenseModel, Path], tmp_path: Path) -> None:
    _, folder = exported
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = bytearray((tmp_path / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(data)
    package = load_package(tmp_path)
    with pytest.raises(RidgelineError, match=r"weights\.safetensors"):
        package.verify(package.weights_for(frozenset({"rgb"}), "onnx"))


def test_the_card_names_classes_and_licence(exported: tuple[DenseModel, Path]) -> None:
    _, folder = exported
    if folder.name.startswith("compact"):
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert "9 pyramid" in card and "CC0-1.0" in card and "Pixel size on the ground: 0.25 m" in card


def test_outputs_that_are_not_the_networks_are_refused(tmp_path: Path) -> None:
    model = DenseModel(compact_config())
    info = PackageInfo("x", "1", compact_inputs(), compact_outputs()[:2], GsdSpec(0.25, 0.1, 0.5), TileSpec(TILE))
    with pytest.raises(ValueError, match="not the network's tasks"):
        export_package(model, info, tmp_path)
