"""Small rasters, packages and runs for the tests of this room."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference.runner import run_segment
from ridgeline.engine.jobs import BuildingOptions, RasterInput, Region, Result, SegmentJob
from ridgeline.engine.models.package import (
    ClassSpec,
    GsdSpec,
    HeightChannels,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    save_spec,
)
from ridgeline.engine.terrain.height_channels import CHANNELS, RECIPE_VERSION

GSD = 0.5
WEST, NORTH = 500_000.0, 5_600_000.0


def write_raster(path: Path, values: NDArray[Any], west: float = WEST, north: float = NORTH, **profile: Any) -> Path:
    """Write values [C, H, W] as a GeoTIFF in UTM 32 at ``GSD``."""
    count, height, width = values.shape
    options = {
        "driver": "GTiff",
        "count": count,
        "height": height,
        "width": width,
        "dtype": values.dtype,
        "crs": "EPSG:25832",
        "transform": from_origin(west, north, GSD, GSD),
    }
    with rasterio.open(path, "w", **{**options, **profile}) as dataset:
        dataset.write(values)
    return path


def picture(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return an RGB with shapes and noise."""
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    base = 120 + 60 * np.sin(rows / 17.0) * np.cos(cols / 23.0)
    noise = random.integers(-20, 21, size=(3, height, width))
    return np.clip(base + noise, 1, 254).astype(np.uint8)


def surface(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Return a DSM [1, H, W] with boxes on a slope."""
    rows, cols = np.mgrid[:height, :width]
    random = np.random.default_rng(seed)
    ground = 200 + rows * 0.02 + cols * 0.01 + random.normal(0, 0.02, size=(height, width))
    boxes = ((rows % 60) < 25) & ((cols % 80) < 30)
    return (ground + 6.0 * boxes)[None].astype(np.float32)


def graph(nodes: list[Any], inputs: dict[str, int], outputs: dict[str, int], constants: dict[str, NDArray[Any]]) -> Any:
    """Return an ONNX model over float maps [B, C, H, W]; channels of inputs and outputs by name."""
    from onnx import TensorProto, helper, numpy_helper

    def info(name: str, channels: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", channels, "H", "W"])

    made = helper.make_graph(
        nodes,
        "test",
        [info(name, count) for name, count in inputs.items()],
        [info(name, count) for name, count in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mixing_network(inputs: dict[str, int], outputs: dict[str, int], weights: dict[str, NDArray[Any]]) -> Any:
    """Return a network that is one 1×1 convolution an output: ``weights`` [out, in] by output name."""
    from onnx import helper

    nodes, constants, stacked = [], {}, next(iter(inputs))
    if len(inputs) > 1:
        stacked = "stacked"
        nodes.append(helper.make_node("Concat", list(inputs), [stacked], axis=1))
    for name, weight in weights.items():
        constants[f"w_{name}"] = np.asarray(weight, np.float32)[:, :, None, None]
        nodes.append(helper.make_node("Conv", [stacked, f"w_{name}"], [name]))
    return graph(nodes, inputs, outputs, constants)


def random_network(inputs: dict[str, int], outputs: dict[str, int], seed: int = 5) -> Any:
    """Return a network of two 3×3 convolutions with random weights, that sees its tile's borders."""
    from onnx import helper

    random = np.random.default_rng(seed)
    bands = sum(inputs.values())
    constants = {
        "w1": random.normal(0, (2 / (9 * bands)) ** 0.5, (8, bands, 3, 3)).astype(np.float32),
        "w2": random.normal(0, (2 / 72) ** 0.5, (8, 8, 3, 3)).astype(np.float32),
    }
    nodes, stacked = [], next(iter(inputs))
    if len(inputs) > 1:
        stacked = "stacked"
        nodes.append(helper.make_node("Concat", list(inputs), [stacked], axis=1))
    nodes += [
        helper.make_node("Conv", [stacked, "w1"], ["c1"], pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1] * 4),
        helper.make_node("Relu", ["c2"], ["r2"]),
    ]
    for name, channels in outputs.items():
        constants[f"w_{name}"] = random.normal(0, 0.7, (channels, 8, 1, 1)).astype(np.float32)
        nodes.append(helper.make_node("Conv", ["r2", f"w_{name}"], [name]))
    return graph(nodes, inputs, outputs, constants)


COVER = OutputSpec(
    "land_cover",
    "classes",
    "land_cover",
    tuple(ClassSpec(i + 1, name, "#336699") for i, name in enumerate(("ground", "building", "tree"))),
    "softmax",
)
ROOFS = OutputSpec(
    "roof",
    "classes",
    "roof_class",
    tuple(ClassSpec(i + 1, name, "#993366") for i, name in enumerate(("flat", "gable"))),
    "softmax",
)
BUILDING = OutputSpec("building", "probability", "building", activation="sigmoid")
EDGE = OutputSpec("edge", "probability", "boundary", activation="sigmoid")
VALUE = OutputSpec("value", "metres", "other")

RGB = InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((127.0,) * 3, (60.0,) * 3))
RAW_RGB = InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((0.0,) * 3, (1.0,) * 3))
DSM = InputSpec("dsm", "dsm", ("height",), height_channels=HeightChannels(RECIPE_VERSION, CHANNELS))
RAW_DSM = InputSpec("dsm", "dsm", ("height",), mean_std=MeanStd((0.0,), (1.0,)))


def height_network(outputs: dict[str, int], seed: int = 5) -> Any:
    """Return a network over ``RGB`` and ``DSM`` that calls building what stands 1.7 m high; the rest at random."""
    random = np.random.default_rng(seed)
    weights = {name: random.normal(size=(channels, 9)) for name, channels in outputs.items()}
    weights["building"] = np.zeros((1, 9))
    weights["building"][0, [3, 8]] = 4, -4  # ln(1 + height), and the channel that is 1 where the height is known
    return mixing_network({"rgb": 3, "dsm": 6}, outputs, weights)


def make_package(
    folder: Path,
    inputs: tuple[InputSpec, ...] = (RGB,),
    outputs: tuple[OutputSpec, ...] = (COVER, ROOFS, BUILDING, EDGE),
    network: Any = None,
    tile: TileSpec | None = None,
) -> Path:
    """Write a package; without a network, `random_network` of the right channels."""
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    channels = {item.name: item.channels for item in inputs}
    network = network or random_network(channels, {item.name: item.channels for item in outputs})
    onnx.save(network, folder / "network.onnx")
    digest = hashlib.sha256((folder / "network.onnx").read_bytes()).hexdigest()
    spec = ModelSpec(
        name=folder.name,
        version="1",
        inputs=inputs,
        gsd=GsdSpec(GSD, 0.1, 2.0),
        tile=tile or TileSpec(64, 8, 16),
        outputs=outputs,
        weights=(WeightsSpec("network.onnx", "onnx", tuple(channels), digest),),
    )
    save_spec(spec, folder)
    return folder


def identity_package(folder: Path, source: InputSpec = RAW_RGB, tile: TileSpec | None = None) -> Path:
    """Write a package whose only output, ``value``, is the first channel of its input."""
    weights = {"value": np.eye(1, source.channels)}
    network = mixing_network({source.name: source.channels}, {"value": 1}, weights)
    return make_package(folder, (source,), (VALUE,), network, tile)


def segment(out: Path, model: Path, rgb: Path | None = None, dsm: Path | None = None, **changes: Any) -> Result:
    """Run a job and return its result."""
    feedback = changes.pop("feedback", None) or Feedback()
    options = {"buildings": BuildingOptions(enabled=False), "device": "cpu", "threads": 1, **changes}
    job = SegmentJob(
        out=str(out),
        rgb=RasterInput(str(rgb)) if rgb is not None else None,
        dsm=RasterInput(str(dsm)) if dsm is not None else None,
        model=str(model),
        **options,
    )
    return run_segment(job, feedback)


def read(path: Path | str) -> NDArray[Any]:
    """Return the first band of a raster."""
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read(1))


def box(col0: int, row0: int, col1: int, row1: int) -> Region:
    """Return a region in pixels of the test rasters."""
    return Region(bbox=(WEST + col0 * GSD, NORTH - row1 * GSD, WEST + col1 * GSD, NORTH - row0 * GSD))


def record(out: Path) -> Any:
    """Return what the run in ``out`` tells of itself."""
    return json.loads((out / "run.json").read_text(encoding="utf-8"))
