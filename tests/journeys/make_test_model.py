"""Make a small model package for journeys: hand-set convolutions that find what stands up, is smooth and not green.

It needs no training and no download, takes a picture with heights or heights alone, and gives the four maps of the
default model, so that journeys run the whole way without depending on it. Usage: ``make_test_model.py FOLDER``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ridgeline.engine.classes import LAND_COVER, ROOF_CLASSES
from ridgeline.engine.jobs import from_dict, to_dict
from ridgeline.engine.models.package.load import file_sha256
from ridgeline.engine.models.package.spec import ModelSpec
from ridgeline.engine.terrain.height_channels import CHANNELS, RECIPE_VERSION

NAME = "journey-test"
_WIDE, _SLOPE_X, _SLOPE_Y, _ROUGH = (
    CHANNELS.index(name) for name in ("height_wide", "slope_x", "slope_y", "roughness")
)


class _Graph:
    """Collects nodes and constants; every method returns the name of what it makes."""

    def __init__(self) -> None:
        self.nodes, self.constants = [], []

    def constant(self, value: object, dtype: object = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: object) -> str:
        name = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def mix(self, tensor: str, weights: "list[float]", bias: float = 0.0) -> str:
        """One channel: the weighted sum of the channels."""
        kernel = self.constant(np.array(weights).reshape(1, -1, 1, 1))
        return self.add("Conv", tensor, kernel, self.constant([bias]))

    def smooth(self, tensor: str, side: int) -> str:
        pad = side // 2
        return self.add("AveragePool", tensor, kernel_shape=[side, side], pads=[pad] * 4, count_include_pad=0)

    def scaled(self, tensor: str, factor: float, offset: float = 0.0) -> str:
        return self.add("Add", self.add("Mul", tensor, self.constant(factor)), self.constant(offset))


def _pick(channel: int, count: int) -> "list[float]":
    return [1.0 if index == channel else 0.0 for index in range(count)]


def build_graph(with_rgb: bool) -> onnx.ModelProto:
    """Return the network; with a picture, green things are no buildings."""
    graph, count = _Graph(), len(CHANNELS)
    height = graph.smooth(graph.mix("dsm", _pick(_WIDE, count)), 5)
    rough = graph.smooth(graph.mix("dsm", _pick(_ROUGH, count)), 9)
    slopes = [graph.add("Abs", graph.mix("dsm", _pick(channel, count))) for channel in (_SLOPE_X, _SLOPE_Y)]
    steep = graph.smooth(graph.add("Add", *slopes), 15)
    # ln(1 + 2.2 m) = 1.16; roughness is small on roofs and large in crowns
    score = graph.add("Sub", graph.scaled(height, 6.0, -7.0), graph.scaled(rough, 3.0, -2.4))
    if with_rgb:
        green = graph.add("Relu", graph.smooth(graph.mix("rgb", [-1.0, 2.0, -1.0]), 5))
        score = graph.add("Sub", score, graph.scaled(green, 4.0))
    building = graph.add("Sigmoid", score, out="building")
    blurred = graph.smooth(building, 7)
    edge = graph.add("Mul", graph.add("Sub", graph.constant(1.0), blurred), graph.scaled(blurred, 3.0))
    graph.add("Clip", edge, graph.constant(0.0), graph.constant(1.0), out="boundary")

    low, none = graph.scaled(score, -1.0), graph.scaled(score, 0.0, -6.0)
    tree = graph.add("Min", graph.scaled(height, 4.0, -5.0), graph.scaled(rough, 5.0, -2.0))
    land = [graph.scaled(low, 0.6), score, low, tree, none, none]
    graph.add("Softmax", graph.add("Concat", *land, axis=1), axis=1, out="land_cover")
    flat, sloped = graph.scaled(steep, -12.0, 4.0), graph.scaled(steep, 12.0, -4.0)
    diagonal = graph.add("Sub", slopes[0], slopes[1])
    hip = graph.add("Add", sloped, graph.scaled(graph.add("Abs", graph.smooth(diagonal, 31)), -6.0, 0.6))
    roofs = [flat, sloped, none, none, none, hip] + [none] * (len(ROOF_CLASSES) - 6)
    graph.add("Softmax", graph.add("Concat", *roofs, axis=1), axis=1, out="roof_class")

    def info(name: str, channels: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", channels, "h", "w"])

    inputs = ([info("rgb", 3)] if with_rgb else []) + [info("dsm", count)]
    outputs = [info("land_cover", 6), info("roof_class", 12), info("building", 1), info("boundary", 1)]
    made = helper.make_graph(graph.nodes, NAME, inputs, outputs, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def make(folder: Path) -> None:
    """Write the package into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = []
    for file, inputs in (("rgb_dsm.onnx", ["rgb", "dsm"]), ("dsm.onnx", ["dsm"])):
        onnx.save(build_graph("rgb" in inputs), folder / file)
        weights.append({"file": file, "format": "onnx", "inputs": inputs, "sha256": file_sha256(folder / file)})

    def classes(items: object) -> "list[dict[str, object]]":
        return [{"id": item.id, "name": item.name, "colour": item.hex_colour} for item in items]

    spec = {
        "name": NAME,
        "version": "1",
        "title": "Test model",
        "description": "Finds what stands up, is smooth and not green. Made by hand for tests; not for work.",
        "licence": "GPL-2.0-or-later",
        "source": "tests/journeys/make_test_model.py",
        "gsd": {"trained": 0.25, "min": 0.1, "max": 0.5},
        "tile": {"size": 256, "multiple": 32, "overlap": 64},
        "inputs": [
            {
                "name": "rgb",
                "kind": "rgb",
                "bands": ["red", "green", "blue"],
                "optional": True,
                "mean_std": {"mean": [110.0, 110.0, 110.0], "std": [50.0, 50.0, 50.0]},
            },
            {
                "name": "dsm",
                "kind": "dsm",
                "bands": ["height"],
                "height_channels": {"version": RECIPE_VERSION, "channels": list(CHANNELS)},
            },
        ],
        "outputs": [
            {"name": "land_cover", "kind": "classes", "role": "land_cover", "classes": classes(LAND_COVER)},
            {"name": "roof_class", "kind": "classes", "role": "roof_class", "classes": classes(ROOF_CLASSES)},
            {"name": "building", "kind": "probability", "role": "building"},
            {"name": "boundary", "kind": "probability", "role": "boundary"},
        ],
        "weights": weights,
    }
    text = json.dumps(to_dict(from_dict(ModelSpec, spec)), indent=2) + "\n"
    (folder / "model.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
