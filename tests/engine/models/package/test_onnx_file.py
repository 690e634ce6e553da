"""The walk through ONNX files sees every place that a runtime would read from, and refuses what it does not know."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.models.package import WeightsSpec, onnx_file
from ridgeline.engine.models.package.onnx_file import check_external_data, data_files_beside, read_onnx_facts
from ridgeline.engine.models.package.spec import is_inside


def external_tensor(name, location):
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("offset", "0"), ("location", location), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return tensor


def model_of(nodes, initialisers=(), **kwargs):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
        list(initialisers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], **kwargs)


def save(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def test_reads_entries_operators_and_opset(tmp_path):
    model = model_of(
        [helper.make_node("Relu", ["x"], ["z"]), helper.make_node("Gelu", ["z"], ["y"], domain="com.microsoft")]
    )
    entry = model.metadata_props.add()
    entry.key, entry.value = "class_names", '{"0": "Dächer"}'
    facts = read_onnx_facts(save(tmp_path / "a.onnx", model))
    assert facts.operators == {"Relu", "com.microsoft::Gelu"}
    assert facts.metadata == {"class_names": '{"0": "Dächer"}'}
    assert facts.opset == 17 and facts.external == set()


def test_agrees_with_onnx_on_a_real_network(tmp_path, make_network):
    model = make_network({"rgb": 3, "dsm": 1}, {"land_cover": 6}, softmax=True)
    facts = read_onnx_facts(save(tmp_path / "a.onnx", model))
    assert facts.operators == {node.op_type for node in model.graph.node}


def test_finds_what_onnx_itself_stored_outside(tmp_path, make_network):
    path = tmp_path / "a.onnx"
    model = make_network({"rgb": 3}, {"land_cover": 6})
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert read_onnx_facts(path).external == {"weights.bin"}
    assert check_external_data(path, frozenset({"weights.bin"})).external == {"weights.bin"}
    with pytest.raises(RidgelineError, match=r"wants to read the file 'weights\.bin'"):
        check_external_data(path, frozenset())


def constant(name, location):
    return helper.make_node("Constant", [], [name], value=external_tensor("hidden", location))


def branch(location):
    return helper.make_graph(
        [constant("inner", location)], "b", [], [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [4])]
    )


def hidden_in_initialiser(location):
    return model_of([helper.make_node("Add", ["x", "w"], ["y"])], [external_tensor("w", location)])


def hidden_in_constant(location):
    return model_of([constant("c", location), helper.make_node("Add", ["x", "c"], ["y"])])


def hidden_in_branch(location):
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch(location), else_branch=branch("weights.bin"))
    return model_of([node])


def hidden_in_list_of_graphs(location):
    node = helper.make_node("Strange", ["x"], ["y"])
    node.attribute.append(helper.make_attribute("graphs", [branch(location)]))
    node.attribute.append(helper.make_attribute("tensors", [external_tensor("t", "weights.bin")]))
    return model_of([node])


def hidden_in_function(location):
    function = helper.make_function(
        "local", "f", ["x"], ["y"], [constant("y", location)], [helper.make_opsetid("", 17)]
    )
    return model_of([helper.make_node("f", ["x"], ["y"], domain="local")], functions=[function])


def hidden_in_sparse_values(location):
    model = model_of([helper.make_node("Relu", ["x"], ["y"])])
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(external_tensor("v", location))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(4, np.int64), "i"))
    return model


def hidden_in_training(location):
    model = model_of([helper.make_node("Relu", ["x"], ["y"])])
    model.training_info.add().algorithm.CopyFrom(branch(location))
    return model


@pytest.mark.parametrize(
    "hide",
    [
        hidden_in_initialiser,
        hidden_in_constant,
        hidden_in_branch,
        hidden_in_list_of_graphs,
        hidden_in_function,
        hidden_in_sparse_values,
        hidden_in_training,
    ],
)
@pytest.mark.parametrize(
    "location", ["../../etc/passwd", "/etc/passwd", "C:\\secret", "..\\secret", "other.bin", "*/_ORT_MEM_ADDR_/*", ""]
)
def test_refuses_a_place_outside_wherever_it_hides(tmp_path, hide, location):
    path = save(tmp_path / "a.onnx", hide(location))
    with pytest.raises(RidgelineError) as caught:
        check_external_data(path, frozenset({"weights.bin"}))
    assert caught.value.code is ErrorCode.BAD_MODEL and repr(location) in caught.value.message


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "C:\\secret", "..\\secret", ""])
def test_refuses_a_place_outside_even_where_the_package_names_it(tmp_path, location):
    path = save(tmp_path / "a.onnx", hidden_in_initialiser(location))
    with pytest.raises(RidgelineError, match="wants to read the file"):
        check_external_data(path, frozenset({location}))


def test_a_file_of_nothing_but_parts_is_given_up(tmp_path, monkeypatch):
    path = save(tmp_path / "a.onnx", hidden_in_branch("weights.bin"))
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 20)
    with pytest.raises(RidgelineError, match="too many parts"):
        read_onnx_facts(path)


def test_two_graphs_in_one_file_are_both_looked_at(tmp_path):
    # readers of protocol buffers merge a field that comes twice
    path = tmp_path / "a.onnx"
    path.write_bytes(model_of([]).SerializeToString() + hidden_in_initialiser("/etc/passwd").SerializeToString())
    with pytest.raises(RidgelineError, match="/etc/passwd"):
        check_external_data(path, frozenset())


def test_refuses_data_that_is_a_link(tmp_path):
    (tmp_path / "secret").write_bytes(b"\0" * 16)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").symlink_to(tmp_path / "secret")
    path = save(folder / "a.onnx", hidden_in_initialiser("weights.bin"))
    with pytest.raises(RidgelineError, match="link to another place"):
        check_external_data(path, frozenset({"weights.bin"}))


def test_refuses_a_graph_compiled_for_one_device(tmp_path):
    path = save(tmp_path / "a.onnx", model_of([helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")]))
    with pytest.raises(RidgelineError, match="compiled for one device"):
        check_external_data(path, frozenset())


def wrapped(number, content):
    size, head = len(content), bytearray([number << 3 | 2])
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + content


def test_graphs_nested_without_end_are_refused(tmp_path):
    graph = b""
    for _ in range(60):
        graph = wrapped(1, wrapped(5, wrapped(6, graph)))  # node, attribute, graph
    path = tmp_path / "a.onnx"
    path.write_bytes(wrapped(7, graph))
    with pytest.raises(RidgelineError, match="nested too deeply"):
        read_onnx_facts(path)


def test_a_field_without_a_number_is_no_onnx(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_bytes(wrapped(7, b"") + wrapped(0, b"x"))
    with pytest.raises(RidgelineError, match="a field without a number"):
        read_onnx_facts(path)


@given(data=st.binary(max_size=400))
@settings(deadline=None, max_examples=300)
def test_whatever_the_bytes_are_nothing_but_our_own_fault_comes_out(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.onnx"
    path.write_bytes(data)
    try:
        read_onnx_facts(path)
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_MODEL


@given(cut=st.integers(0, 10_000), flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
@settings(deadline=None, max_examples=200)
def test_a_damaged_network_gives_our_own_fault_or_is_read(tmp_path_factory, cut, flips):
    content = bytearray(hidden_in_branch("weights.bin").SerializeToString())
    for place, value in flips:
        content[place % len(content)] = value
    path = tmp_path_factory.mktemp("fuzz") / "a.onnx"
    path.write_bytes(bytes(content[: cut % (len(content) + 1)]))
    try:
        read_onnx_facts(path)
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_MODEL


@pytest.mark.parametrize("place", ["a", "a/b.bin", "weights/model.data", "a..b"])
def test_inside(place):
    assert is_inside(place)


@pytest.mark.parametrize(
    "place", ["", ".", "..", "../a", "a/../../b", "/a", "\\a", "a\\..\\b", "C:/a", "c:a", "a\0b", "//a"]
)
def test_outside(place):
    assert not is_inside(place)


def test_data_files_are_named_from_the_graphs_own_folder():
    digest = "0" * 64
    weights = WeightsSpec("nets/a.onnx", "onnx", ("rgb",), digest, data={"nets/a.data": digest, "other.data": digest})
    assert data_files_beside(weights) == {"a.data"}
