"""Graphs in ONNX Runtime: right numbers, same bits in any batch, one sentence for each fault."""

import hashlib

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import WeightsSpec, load_package, save_spec
from ridgeline.engine.runtime import open_predictor
from ridgeline.engine.runtime.batches import run_in_batches


def tiles(count, channels, size=64, seed=0):
    return np.random.default_rng(seed).normal(size=(count, channels, size, size)).astype(np.float32)


def repack(package, file, model, **changes):
    """Put another graph in place of a package's first weights and load the package again."""
    onnx.save(model, package.folder / file)
    digest = hashlib.sha256((package.folder / file).read_bytes()).hexdigest()
    values = {"inputs": tuple(item.name for item in model.graph.input), "sha256": digest, **changes}
    spec = package.spec
    fields = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    save_spec(type(spec)(**{**fields, "weights": (WeightsSpec(file, "onnx", **values),)}), package.folder)
    return load_package(package.folder)


def test_gives_what_the_graph_gives(make_package):
    package = make_package()
    inputs = {"rgb": tiles(2, 3), "dsm": tiles(2, 1, seed=1)}
    got = open_predictor(package, {"rgb", "dsm"}, device="cpu").predict(inputs)
    session = ort.InferenceSession(str(package.folder / "both.onnx"), providers=["CPUExecutionProvider"])
    for name, expected in zip(("land_cover", "building"), session.run(["land_cover", "building"], inputs)):
        np.testing.assert_allclose(got[name], expected, atol=1e-5)
        assert got[name].dtype == np.float32


def test_picks_the_weights_that_take_exactly_what_is_there(make_package):
    predictor = open_predictor(make_package(), {"rgb"}, device="cpu")
    assert predictor.predict({"rgb": tiles(1, 3)})["building"].shape == (1, 1, 64, 64)


def test_refuses_inputs_that_no_weights_take(make_package):
    with pytest.raises(RidgelineError) as caught:
        open_predictor(make_package(), {"dsm"})
    assert caught.value.code is ErrorCode.BAD_MODEL
    assert "'small' cannot run on a DSM alone" in caught.value.message
    assert "rgb; rgb + dsm" in caught.value.hint


def test_refuses_a_graph_that_reads_files_outside_before_any_runtime_opens_it(make_package, make_network, tmp_path):
    package = make_package()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 100_000)
    onnx.save(
        make_network({"rgb": 3}, {"land_cover": 2, "building": 1}),
        tmp_path / "out.onnx",
        save_as_external_data=True,
        location="secret.bin",
        size_threshold=0,
    )
    model = onnx.load(tmp_path / "out.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../secret.bin"
    (package.folder / "both.onnx").write_bytes(model.SerializeToString())
    digest = hashlib.sha256((package.folder / "both.onnx").read_bytes()).hexdigest()
    fields = {name: getattr(package.spec, name) for name in package.spec.__dataclass_fields__}
    weights = (WeightsSpec("both.onnx", "onnx", ("rgb",), digest),)
    save_spec(type(package.spec)(**{**fields, "weights": weights}), package.folder)
    with pytest.raises(RidgelineError, match=r"wants to read the file '\.\./secret\.bin'"):
        open_predictor(load_package(package.folder), {"rgb"}, device="cpu")


def test_refuses_weights_that_are_a_link_out_of_the_package(make_package, tmp_path):
    package = make_package()
    (package.folder / "rgb.onnx").rename(tmp_path / "elsewhere.onnx")
    (package.folder / "rgb.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(RidgelineError, match=r"names the file 'rgb\.onnx' outside its folder"):
        open_predictor(package, {"rgb"}, device="cpu")


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_tile_has_the_same_bits_in_any_batch(make_package, threads):
    predictor = open_predictor(make_package(), {"rgb", "dsm"}, device="cpu", threads=threads)
    rgb, dsm = tiles(5, 3), tiles(5, 1, seed=1)
    whole = predictor.predict({"rgb": rgb, "dsm": dsm})
    for size in (1, 2, 3):
        for start in range(0, 5, size):
            part = predictor.predict({"rgb": rgb[start : start + size], "dsm": dsm[start : start + size]})
            for name, array in part.items():
                np.testing.assert_array_equal(array, whole[name][start : start + size])


def test_a_network_of_products_and_exponentials_has_the_same_bits_in_any_batch(make_package):
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Transpose", ["rgb"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["last", "w1"], ["wide"]),
        helper.make_node("LayerNormalization", ["wide", "scale"], ["normal"]),
        helper.make_node("MatMul", ["normal", "w2"], ["narrow"]),
        helper.make_node("Transpose", ["narrow"], ["logits"], perm=[0, 3, 1, 2]),
        helper.make_node("Exp", ["logits"], ["out"]),
        helper.make_node("Split", ["out"], ["land_cover", "building"], axis=1, num_outputs=2),
    ]
    values = {"w1": (3, 96), "scale": (96,), "w2": (96, 3)}
    constants = [numpy_helper.from_array(random.normal(size=s).astype(np.float32), n) for n, s in values.items()]
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", None, "H", "W"])
            for n in ("land_cover", "building")
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    predictor = open_predictor(repack(make_package(), "both.onnx", model), {"rgb"}, device="cpu", threads=2)
    rgb = tiles(4, 3, 129)
    whole = predictor.predict({"rgb": rgb})
    for i in range(4):
        one = predictor.predict({"rgb": rgb[i : i + 1]})
        np.testing.assert_array_equal(one["land_cover"][0], whole["land_cover"][i])


def test_quantisation_on_the_fly_does_not_mix_tiles(make_package):
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["rgb"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["back"]),
        helper.make_node("Split", ["back", "parts"], ["land_cover", "building"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", None, "H", "W"])
            for n in ("land_cover", "building")
        ],
        [numpy_helper.from_array(np.array([2, 1], np.int64), "parts")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    predictor = open_predictor(repack(make_package(), "both.onnx", model, precision="int8"), {"rgb"}, device="cpu")
    rgb = random.normal(size=(3, 3, 8, 8)).astype(np.float32) * np.array([1, 50, 3], np.float32)[:, None, None, None]
    whole = predictor.predict({"rgb": rgb})
    for i in range(3):
        np.testing.assert_array_equal(predictor.predict({"rgb": rgb[i : i + 1]})["building"][0], whole["building"][i])


@pytest.mark.parametrize(("batch", "count"), [(1, 3), (2, 3), (4, 2), (3, 3)])
def test_a_network_with_a_fixed_batch_takes_any_number_of_tiles(make_package, make_network, batch, count):
    outputs = {"land_cover": 2, "building": 1}
    free = repack(make_package("free"), "both.onnx", make_network({"rgb": 3}, outputs))
    fixed = repack(make_package("fixed"), "both.onnx", make_network({"rgb": 3}, outputs, size=16, batch=batch))
    rgb = tiles(count, 3, 16)
    expected = open_predictor(free, {"rgb"}, device="cpu").predict({"rgb": rgb})
    got = open_predictor(fixed, {"rgb"}, device="cpu").predict({"rgb": rgb})
    np.testing.assert_allclose(got["land_cover"], expected["land_cover"], atol=1e-5)


@given(count=st.integers(1, 9), size=st.one_of(st.none(), st.integers(1, 9)))
@settings(deadline=None)
def test_batches_of_one_size_give_each_row_once_and_in_order(count, size):
    seen = []

    def compute(arrays):
        seen.append(len(arrays["x"]))
        return {"y": arrays["x"] * 2}

    rows = np.arange(count, dtype=np.float32)[:, None]
    np.testing.assert_array_equal(run_in_batches({"x": rows}, size, compute)["y"], rows * 2)
    assert set(seen) == {size or count}


def test_half_precision_and_byte_inputs_are_fed_in_their_own_type(make_package):
    for element in (TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8):
        nodes = [
            helper.make_node("Cast", ["rgb"], ["wide"], to=TensorProto.FLOAT),
            helper.make_node("Split", ["wide", "parts"], ["land_cover", "building"], axis=1),
        ]
        graph = helper.make_graph(
            nodes,
            "cast",
            [helper.make_tensor_value_info("rgb", element, ["B", 3, "H", "W"])],
            [
                helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", None, "H", "W"])
                for n in ("land_cover", "building")
            ],
            [numpy_helper.from_array(np.array([2, 1], np.int64), "parts")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        package = repack(make_package(f"type{element}"), "both.onnx", model)
        rgb = np.arange(3 * 64, dtype=np.float32).reshape(1, 3, 8, 8)
        got = open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": rgb})
        np.testing.assert_array_equal(got["building"], rgb[:, 2:])


def test_maps_without_a_channel_axis_get_one(make_package):
    nodes = [
        helper.make_node("ReduceMean", ["rgb"], ["building"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["rgb"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "mean"], ["land_cover"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "flat",
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [
            helper.make_tensor_value_info("building", TensorProto.FLOAT, ["B", "H", "W"]),
            helper.make_tensor_value_info("land_cover", TensorProto.FLOAT, ["B", 2, "H", "W"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    package = repack(make_package(), "both.onnx", model)
    assert open_predictor(package, {"rgb"}, device="cpu").predict({"rgb": tiles(2, 3, 8)})["building"].shape == (
        2,
        1,
        8,
        8,
    )


def test_refuses_weights_that_were_changed(make_package):
    package = make_package()
    with (package.folder / "both.onnx").open("ab") as stream:
        stream.write(b"\0")
    with pytest.raises(RidgelineError, match=r"both\.onnx.*not the one it was published with"):
        open_predictor(package, {"rgb", "dsm"})


def test_names_an_output_that_the_graph_lacks(make_package, make_network):
    package = repack(make_package(), "both.onnx", make_network({"rgb": 3}, {"land_cover": 2}))
    with pytest.raises(RidgelineError, match="promises an output 'building'"):
        open_predictor(package, {"rgb"})


def test_says_why_a_graph_cannot_be_run(make_package):
    node = helper.make_node("NoSuchThing", ["rgb"], ["land_cover"])
    graph = helper.make_graph(
        [node, helper.make_node("Identity", ["land_cover"], ["building"])],
        "strange",
        [helper.make_tensor_value_info("rgb", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", 3, "H", "W"]) for n in ("land_cover", "building")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(RidgelineError, match="NoSuchThing") as caught:
        open_predictor(repack(make_package(), "both.onnx", model), {"rgb"})
    assert caught.value.code is ErrorCode.BAD_MODEL


def test_running_out_of_memory_has_its_own_code(make_package, monkeypatch):
    predictor = open_predictor(make_package(), {"rgb"}, device="cpu")

    class Full:
        def run(self, *_):
            raise RuntimeError(
                "[E] BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1"
            )

    monkeypatch.setattr(predictor, "_session", Full())
    with pytest.raises(RidgelineError) as caught:
        predictor.predict({"rgb": tiles(1, 3)})
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY


@pytest.mark.parametrize(("field", "value"), [("runtime", "tensorflow"), ("device", "abacus"), ("precision", "fp2")])
def test_refuses_a_choice_that_does_not_exist(make_package, field, value):
    with pytest.raises(RidgelineError) as caught:
        open_predictor(make_package(), {"rgb"}, **{field: value})
    assert caught.value.code is ErrorCode.BAD_JOB and repr(value) in caught.value.message
