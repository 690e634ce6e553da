"""Bare networks and those made for Deepness become packages that compute what the file computes."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from ridgeline.engine.cli import main
from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.jobs.models import ImportModelJob, NetworkClass, NetworkForm, NetworkInput, NetworkOutput
from ridgeline.engine.models.package.importer import import_model
from ridgeline.engine.models.package.library import find_model
from ridgeline.engine.runtime import open_predictor


@pytest.fixture(autouse=True)
def own_library(tmp_path, monkeypatch):
    """A library of the test's own."""
    monkeypatch.setenv("RIDGELINE_MODELS", str(tmp_path / "library"))


@pytest.fixture()
def bring(tmp_path):
    """Return a function that imports an ONNX model."""

    def run(model, **form):
        onnx.save(model, tmp_path / "net.onnx")
        return import_model(ImportModelJob(str(tmp_path / "net.onnx"), replace=True, form=NetworkForm(**form)))

    return run


def fault_of(bring, model, **form):
    with pytest.raises(RidgelineError) as caught:
        bring(model, **form)
    return caught.value


def picture(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (1, 3, size, size)).astype(np.float32)


def normalised(package, values):
    scale = package.spec.inputs[0].mean_std
    return (values - np.array(scale.mean)[:, None, None]) / np.array(scale.std)[:, None, None]


SEGMENTOR = {
    "model_type": json.dumps("Segmentor"),
    "class_names": json.dumps({0: "_background", 1: "building", 2: "woodland"}),
    "resolution": json.dumps(21),
    "tiles_size": json.dumps(64),
    "tiles_overlap": json.dumps(25),
    "standardization_mean": json.dumps([0.5, 0.4, 0.3]),
    "standardization_std": json.dumps([0.2, 0.2, 0.1]),
}


def test_a_softmax_segmentor_of_deepness_runs_as_it_is(bring, make_network, tmp_path):
    model = make_network({"input": 3}, {"output": 3}, size=64, batch=1, softmax=True, metadata=SEGMENTOR)
    package = bring(model)
    spec = package.spec
    assert spec.gsd.trained == pytest.approx(0.21)
    assert (spec.tile.size, spec.tile.overlap) == (64, 16)
    (output,) = spec.outputs
    assert (output.name, output.kind, output.role, output.activation) == ("land_cover", "classes", "land_cover", "none")
    assert [(item.id, item.name) for item in output.classes] == [(1, "_background"), (2, "building"), (3, "woodland")]
    assert len({item.colour for item in output.classes}) == 3
    values = picture(64)
    got = open_predictor(package, {"rgb"}, device="cpu").predict(
        {"rgb": normalised(package, values).astype(np.float32)}
    )
    theirs = (values / 255 - np.array([0.5, 0.4, 0.3])[:, None, None]) / np.array([0.2, 0.2, 0.1])[:, None, None]
    session = ort.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"input": theirs.astype(np.float32)})
    np.testing.assert_allclose(got["land_cover"], expected, atol=1e-4)


def one_channel(activation, metadata, channel_axis=True, outputs=("output",), size=64, batch="B"):
    shape = [batch, 1, size, size] if channel_axis else [batch, size, size]
    nodes = []
    for name in outputs:
        nodes.append(helper.make_node("ReduceMean", ["input"], [name + "_m"], axes=[1], keepdims=int(channel_axis)))
        nodes.append(helper.make_node(activation, [name + "_m"], [name]))
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model


@pytest.mark.parametrize("channel_axis", [True, False])
@pytest.mark.parametrize("names", ["[{0: 'background', 1: 'Roofs'}]", '{"0": "Roofs"}'])
def test_a_sigmoid_segmentor_of_deepness_gives_a_building_probability(bring, channel_axis, names):
    about = {"model_type": '"Segmentor"', "class_names": names, "resolution": "10", "seg_thresh": "0.7"}
    package = bring(one_channel("Sigmoid", about, channel_axis))
    (output,) = package.spec.outputs
    assert (output.name, output.kind, output.role) == ("roofs", "probability", "building")
    assert output.activation == "none" and output.threshold == pytest.approx(0.7)
    tiles = picture(64) / 255
    got = open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": tiles})["roofs"]
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-tiles.mean(axis=1, keepdims=True))), atol=1e-5)


def test_a_regressor_of_deepness_gives_measures_times_its_scale(bring):
    about = {
        "model_type": '"Regressor"',
        "class_names": '[{"0": "moisture"}, {"0": "height (m)"}]',
        "resolution": "50",
        "reg_output_scaling": "10.0",
    }
    package = bring(one_channel("Identity", about, outputs=("a", "b")))
    assert [(item.name, item.kind, item.tensor) for item in package.spec.outputs] == [
        ("moisture", "metres", "a"),
        ("height_m", "metres", "b"),
    ]
    tiles = picture(64) / 255
    got = open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": tiles})["moisture"]
    np.testing.assert_allclose(got, 10 * tiles.mean(axis=1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize("kind", ["Detector", "Recognition", "Superresolution"])
def test_other_kinds_of_deepness_are_refused_by_name(bring, make_network, kind):
    fault = fault_of(bring, make_network({"input": 3}, {"output": 3}, metadata={"model_type": json.dumps(kind)}))
    assert f"is a {kind} of Deepness" in fault.message


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("class_names", '{"0": "a", "2": "b", "3": "c"}', "leaves out an index"),
        ("class_names", '{"0": "a"}', "names 1 classes for 3 channels"),
        ("class_names", '"building"', "is no object"),
        ("resolution", '"fine"', "is no number"),
        ("standardization_mean", "[0.5]", "has 1 numbers for 3 channels"),
        ("class_names", "__import__('os').system('true')", "is no object"),
        ("model_type", '"Regression"', "is no kind of network that Deepness knows"),
    ],
)
def test_a_damaged_entry_is_named(bring, make_network, key, value, expected):
    model = make_network({"input": 3}, {"output": 3}, size=64, softmax=True, metadata={**SEGMENTOR, key: value})
    fault = fault_of(bring, model)
    assert fault.code is ErrorCode.BAD_MODEL
    assert f"The entry {key!r}" in fault.message and expected in fault.message


def test_a_network_that_answers_for_the_middle_of_its_tile_gets_overlap_enough(bring):
    random = np.random.default_rng(0)
    kernel = numpy_helper.from_array(random.normal(size=(2, 3, 9, 9)).astype(np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "valid",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 128, 128])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 120, 120])],
        [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    package = bring(model, gsd=0.2)
    assert package.spec.tile.overlap // 8 >= 4  # what inference.plan leaves unused on each side
    maps = open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": picture(128)})["land_cover"]
    assert maps.shape == (1, 2, 128, 128)
    np.testing.assert_array_equal(maps[:, :, 0], maps[:, :, 4])


@pytest.mark.parametrize(("stride", "multiple"), [(1, 1), (4, 4), (16, 16)])
def test_finds_what_a_tile_must_be_a_multiple_of(bring, stride, multiple):
    ones = numpy_helper.from_array(np.ones((2, 3, stride, stride), np.float32), "w")
    back = numpy_helper.from_array(np.ones((2, 2, stride, stride), np.float32), "v")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["small"], strides=[stride, stride]),
            helper.make_node("ConvTranspose", ["small", "v"], ["y"], strides=[stride, stride]),
        ],
        "pyramid",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 2, "H2", "W2"])],
        [ones, back],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    tile = bring(model, gsd=0.2).spec.tile
    assert (tile.multiple, tile.size) == (multiple, 512)


def test_the_form_decides_where_the_network_is_silent(bring, make_network):
    package = bring(
        make_network({"a": 1, "b": 3}, {"p": 2, "q": 1}),
        gsd=0.5,
        gsd_range=(0.4, 1.0),
        inputs=(NetworkInput("b", "rgb", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), NetworkInput("a", "dsm", (10.0,), (2.0,))),
        outputs=(
            NetworkOutput("q", role="building"),
            NetworkOutput("p", name="use", classes=(NetworkClass("wet", "#0000ff"), NetworkClass("dry"))),
        ),
        tile=96,
        overlap=8,
        title="Mine",
        licence="MIT",
    )
    spec = package.spec
    assert {item.kind: item.mean_std.std for item in spec.inputs} == {"rgb": (4.0, 5.0, 6.0), "dsm": (2.0,)}
    assert [(item.name, item.kind, item.activation) for item in spec.outputs] == [
        ("building", "probability", "sigmoid"),
        ("use", "classes", "softmax"),
    ]
    assert spec.outputs[1].classes[0].colour == "#0000ff"
    assert (spec.gsd.min, spec.gsd.trained, spec.gsd.max) == (0.4, 0.5, 1.0)
    assert (spec.tile.size, spec.tile.overlap, spec.licence) == (96, 8, "MIT")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, "how much ground a pixel"),
        ({"gsd": -1.0}, "size of a pixel on the ground"),
        ({"gsd": 0.2, "inputs": (NetworkInput("nope", "rgb"),)}, "has no input 'nope'"),
        ({"gsd": 0.2, "inputs": (NetworkInput("a", "rgb"),)}, "Both inputs of"),
        ({"gsd": 0.2, "inputs": (NetworkInput("b", "rgb", (1.0,)),)}, "but 1 means are given"),
        ({"gsd": 0.2, "inputs": (NetworkInput("b", "rgb", std=(0.0, 1.0, 1.0)),)}, "std must not be zero"),
        ({"gsd": 0.2, "outputs": (NetworkOutput("nope"),)}, "has no map 'nope'"),
        ({"gsd": 0.2, "outputs": (NetworkOutput("p", classes=(NetworkClass("one"),)),)}, "but 1 classes are named"),
        ({"gsd": 0.2, "outputs": (NetworkOutput("p", kind="probability"),)}, "has 2 channels"),
        ({"gsd": 0.2, "outputs": (NetworkOutput("q", role="sky"),)}, "role 'sky' is not known"),
        ({"gsd": 0.2, "outputs": (NetworkOutput("q", name="../../x", threshold=2.0),)}, "threshold lie between"),
    ],
)
def test_a_form_that_does_not_fit_is_explained(bring, make_network, form, expected):
    fault = fault_of(bring, make_network({"a": 1, "b": 3}, {"p": 2, "q": 1}), **form)
    assert fault.code is ErrorCode.BAD_JOB and expected in fault.message and fault.hint


def test_a_single_band_could_be_anything_so_it_is_asked(bring, make_network):
    assert "is RGB or DSM" in fault_of(bring, make_network({"x": 1}, {"y": 2}), gsd=0.2).message


def not_pictures():
    flat = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "flat",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 10])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 10])],
    )
    label = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["y"])],
        "label",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3, 1, 1])],
    )
    last = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "last",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 256, 256, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 256, 256, 3])],
    )
    opset = [helper.make_opsetid("", 17)]
    return [helper.make_model(graph, opset_imports=opset, ir_version=8) for graph in (flat, label, last)]


@pytest.mark.parametrize(
    ("index", "expected"), [(0, "that is no picture"), (1, "gives no map of the tile's size"), (2, "must come first")]
)
def test_networks_that_do_not_map_pictures_are_refused(bring, index, expected):
    assert expected in fault_of(bring, not_pictures()[index], gsd=0.2).message


def test_the_command_fills_in_the_form(make_network, tmp_path, capsys):
    onnx.save(make_network({"image": 3}, {"scores": 2}), tmp_path / "my net.onnx")
    status = main(
        [
            *("models", "import", str(tmp_path / "my net.onnx"), "--gsd", "0.3", "--tile", "128", "--title", "My net"),
            *("--input", "image=rgb", "--normalise", "rgb=imagenet"),
            *("--output", "scores=land_cover", "--classes", "ground,roof=#ff0000", "--activation", "softmax"),
        ]
    )
    assert status == 0, capsys.readouterr().err
    spec = find_model("my-net").spec
    assert spec.inputs[0].mean_std.mean == (123.675, 116.28, 103.53)
    assert [(item.name, item.colour) for item in spec.outputs[0].classes][1] == ("roof", "#ff0000")
    assert spec.title == "My net" and spec.tile.size == 128


@pytest.mark.parametrize(
    "options", [["--input", "image"], ["--normalise", "rgb=odd", "--input", "image=rgb"], ["--classes", "a,b"], []]
)
def test_the_command_explains_what_it_does_not_understand(make_network, tmp_path, capsys, options):
    onnx.save(make_network({"image": 3}, {"scores": 2}), tmp_path / "net.onnx")
    assert main(["models", "import", str(tmp_path / "net.onnx"), *options]) == 1
    assert "Traceback" not in capsys.readouterr().err
