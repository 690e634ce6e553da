"""Fixtures for the engine's tests: small networks, and packages that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ridgeline.engine.models.package import (
    ClassSpec,
    GsdSpec,
    InputSpec,
    MeanStd,
    ModelPackage,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    load_package,
    save_spec,
)


def small_network(
    inputs: dict[str, int],
    outputs: dict[str, int],
    size: int | str = "H",
    batch: int | str = "B",
    metadata: dict[str, str] | None = None,
    softmax: bool = False,
    seed: int = 0,
) -> Any:
    """Return an ONNX model: two 3×3 convolutions over the stacked inputs, one 1×1 convolution for each output.

    ``inputs`` and ``outputs`` give channels by tensor name; ``size`` and ``batch`` are numbers (fixed) or names (free).
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(seed)
    width = size if isinstance(size, int) else "W"
    nodes, initialisers = [], []

    def constant(name: str, *shape: int) -> str:
        value = (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        initialisers.append(numpy_helper.from_array(value, name))
        return name

    stacked = "stacked"
    nodes.append(helper.make_node("Concat", list(inputs), [stacked], axis=1))
    weights = [constant("w1", 8, sum(inputs.values()), 3, 3), constant("w2", 8, 8, 3, 3)]
    nodes.append(helper.make_node("Conv", [stacked, weights[0], constant("b1", 8)], ["c1"], pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Relu", ["c1"], ["r1"]))
    nodes.append(helper.make_node("Conv", ["r1", weights[1], constant("b2", 8)], ["c2"], pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Relu", ["c2"], ["r2"]))
    for name, channels in outputs.items():
        raw = f"{name}_raw" if softmax else name
        head = [constant(f"wh_{name}", channels, 8, 1, 1), constant(f"bh_{name}", channels)]
        nodes.append(helper.make_node("Conv", ["r2", *head], [raw]))
        if softmax:
            nodes.append(helper.make_node("Softmax", [raw], [name], axis=1))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, c, size, width]) for n, c in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, c, size, width]) for n, c in outputs.items()],
        initialisers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in (metadata or {}).items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    return model


def small_spec(**changes: Any) -> ModelSpec:
    """Return the specification of a model with RGB and a surface, two classes and a building probability."""
    values: dict[str, Any] = {
        "name": "small",
        "version": "1",
        "title": "A small network",
        "licence": "CC0-1.0",
        "inputs": (
            InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((127.0,) * 3, (60.0,) * 3)),
            InputSpec("dsm", "dsm", ("height",), optional=True, mean_std=MeanStd((0.0,), (10.0,))),
        ),
        "gsd": GsdSpec(0.25, 0.1, 0.5),
        "tile": TileSpec(64, 8, 16),
        "outputs": (
            OutputSpec(
                "land_cover",
                "classes",
                "land_cover",
                (ClassSpec(1, "ground", "#aaaaaa"), ClassSpec(2, "building", "#cc0000")),
                "softmax",
            ),
            OutputSpec("building", "probability", "building", activation="sigmoid"),
        ),
        "weights": (),
    }
    return ModelSpec(**{**values, **changes})


@pytest.fixture()
def make_package(tmp_path: Path) -> Callable[..., ModelPackage]:
    """Return a function that writes a package with networks for RGB + DSM and RGB alone, and loads it."""

    def make(name: str = "small", root: Path | None = None, **changes: Any) -> ModelPackage:
        import onnx

        folder = (root or tmp_path) / name
        folder.mkdir(parents=True)
        weights = []
        for file, channels in {"both.onnx": {"rgb": 3, "dsm": 1}, "rgb.onnx": {"rgb": 3}}.items():
            onnx.save(small_network(channels, {"land_cover": 2, "building": 1}), folder / file)
            digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            weights.append(WeightsSpec(file, "onnx", tuple(channels), digest))
        (folder / "README.md").write_text("# A small network\n", encoding="utf-8")
        save_spec(small_spec(**{"name": name, "weights": tuple(weights), **changes}), folder)
        return load_package(folder)

    return make


@pytest.fixture()
def make_network() -> Callable[..., Any]:
    """Return ``small_network``."""
    return small_network
