"""A pair of small rasters with known contents, and a model that answers from its own pixel alone."""

import hashlib
from dataclasses import replace

import numpy as np
import onnx
import pytest
import rasterio
from onnx import TensorProto, helper, numpy_helper
from rasterio.transform import from_origin

from ridgeline.engine.models.package import (
    ClassSpec,
    GsdSpec,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    load_package,
    save_spec,
)

CRS, GSD, WEST, NORTH = "EPSG:25832", 0.5, 400_000.0, 5_600_000.0
SIZE = 400
HOUSES = ((60, 80, 40, 60), (200, 240, 50, 30), (300, 100, 24, 24))
"""Row, column, height and width in pixels: red roofs, 6 m above a ground of 100 m."""


def write(path, bands, dtype):
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "crs": CRS, "dtype": dtype, "count": len(bands)}
    with rasterio.open(path, "w", transform=from_origin(WEST, NORTH, GSD, GSD), tiled=True, **profile) as sink:
        sink.write(np.asarray(bands, dtype))
        if len(bands) == 3:
            sink.colorinterp = [rasterio.enums.ColorInterp[name] for name in ("red", "green", "blue")]
    return path


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Paths of an RGB and a DSM with three houses."""
    folder = tmp_path_factory.mktemp("pair")
    random = np.random.default_rng(0)
    rgb = random.integers(60, 110, (3, SIZE, SIZE))
    dsm = 100 + random.normal(0, 0.02, (SIZE, SIZE))
    for row, col, height, width in HOUSES:
        rgb[0, row : row + height, col : col + width] = 220
        dsm[row : row + height, col : col + width] += 6
    return {
        "rgb": write(folder / "area_rgb.tif", rgb, "uint8"),
        "dsm": write(folder / "area_dsm.tif", [dsm], "float32"),
    }


@pytest.fixture(scope="session")
def houses():
    """bool [H, W]: where the houses stand."""
    mask = np.zeros((SIZE, SIZE), bool)
    for row, col, height, width in HOUSES:
        mask[row : row + height, col : col + width] = True
    return mask


def red_finder():
    """Return an ONNX model: building where red outshines green, roof class 2 there; boundary nowhere."""
    constants = {
        "difference": np.array([[1.0, -1.0, 0.0]], np.float32).reshape(1, 3, 1, 1) * 8,
        "shift": np.array([-2.5], np.float32),
        "signs": np.array([-1.0, 1.0], np.float32).reshape(2, 1, 1, 1),
        "roofs": np.array([-1.0, 1.0, 0.0], np.float32).reshape(3, 1, 1, 1),
    }
    nodes = [
        helper.make_node("Conv", ["rgb", "difference", "shift"], ["score"]),
        helper.make_node("Conv", ["score", "signs"], ["land_cover"]),
        helper.make_node("Conv", ["score", "roofs"], ["roof_class"]),
        helper.make_node("Sigmoid", ["score"], ["building"]),
    ]
    shape = ["B", None, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("land_cover", "roof_class", "building")],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture()
def red_model(tmp_path):
    """A package around ``red_finder`` in a folder of its own."""
    folder = tmp_path / "red"
    folder.mkdir()
    onnx.save(red_finder(), folder / "red.onnx")
    digest = hashlib.sha256((folder / "red.onnx").read_bytes()).hexdigest()
    names = ("flat", "gable", "hipped")
    spec = ModelSpec(
        name="red",
        version="1",
        inputs=(InputSpec("rgb", "rgb", ("red", "green", "blue"), mean_std=MeanStd((0.0,) * 3, (255.0,) * 3)),),
        gsd=GsdSpec(GSD, 0.25, 1.0),
        tile=TileSpec(128, 32, 32),
        outputs=(
            OutputSpec(
                "land_cover",
                "classes",
                "land_cover",
                (ClassSpec(1, "ground", "#999999"), ClassSpec(2, "building", "#cc0000")),
                "softmax",
            ),
            OutputSpec(
                "roof_class",
                "classes",
                "roof_class",
                tuple(ClassSpec(i + 1, name, f"#00{i}0ff") for i, name in enumerate(names)),
                "softmax",
            ),
            OutputSpec("building", "probability", "building"),
        ),
        weights=(WeightsSpec("red.onnx", "onnx", ("rgb",), digest),),
    )
    save_spec(spec, folder)
    return load_package(folder)


@pytest.fixture()
def tall_red_model(red_model, tmp_path):
    """The same where red also stands 3 m above 100 m: both rasters must be there."""
    graph = red_finder()
    nodes, (score,) = graph.graph.node, [node for node in graph.graph.node if node.output[0] == "score"]
    score.output[0] = "redness"
    nodes.insert(1, helper.make_node("Min", ["redness", "dsm"], ["score"]))
    graph.graph.input.append(helper.make_tensor_value_info("dsm", TensorProto.FLOAT, ["B", 1, "H", "W"]))
    folder = tmp_path / "tall-red"
    folder.mkdir()
    onnx.save(graph, folder / "red.onnx")
    digest = hashlib.sha256((folder / "red.onnx").read_bytes()).hexdigest()
    heights = InputSpec("dsm", "dsm", ("surface",), mean_std=MeanStd((103.0,), (1.0,)))
    spec = replace(
        red_model.spec,
        name="tall-red",
        inputs=(*red_model.spec.inputs, heights),
        weights=(WeightsSpec("red.onnx", "onnx", ("rgb", "dsm"), digest),),
    )
    save_spec(spec, folder)
    return load_package(folder)
