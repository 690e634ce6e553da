"""Every fault of a package is explained by field, and whatever is in it, nothing but our own fault comes out."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridgeline.engine.jobs import ErrorCode, RidgelineError, to_dict
from ridgeline.engine.models.package import load, load_package
from ridgeline.engine.models.package.validate import faults_of_json, faults_of_package


def faults(folder):
    return [str(fault) for fault in faults_of_package(folder)]


def edit(package, change):
    data = json.loads((package.folder / "model.json").read_text(encoding="utf-8"))
    change(data)
    (package.folder / "model.json").write_text(json.dumps(data), encoding="utf-8")
    return package.folder


def test_a_good_package_has_no_fault(make_package):
    assert faults(make_package().folder) == []


def set_at(*path, value):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return change


def drop(*path):
    def change(data):
        for key in path[:-1]:
            data = data[key]
        del data[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop("version"), "model.json.version: is missing"),
        (set_at("colour", value=1), "model.json.colour: is not known"),
        (set_at("version", value=1), "model.json.version: must be str, not int"),
        (set_at("name", value="../evil"), "model.json: the model's name '../evil' may hold"),
        (set_at("name", value="nul"), "model.json: the model's name 'nul' may hold"),
        (set_at("name", value="small\n"), "model.json: the model's name 'small\\n' may hold"),
        (set_at("format", value=2), "model.json: format 2 is not known"),
        (set_at("inputs", value=[]), "model.json: inputs must not be empty"),
        (set_at("inputs", 0, "kind", value="radar"), "model.json.inputs[0]: kind must be rgb or dsm, not 'radar'"),
        (set_at("inputs", 1, "bands", value="height"), "model.json.inputs[1].bands: must be a list, not str"),
        (set_at("inputs", 0, "mean_std", "std", 1, value=0), "model.json.inputs[0].mean_std: std must not be zero"),
        (set_at("inputs", 0, "mean_std", "mean", 1, value="x"), "model.json.inputs[0].mean_std.mean[1]: must be float"),
        (set_at("inputs", 0, "mean_std", "mean", value=[1.0]), "model.json.inputs[0].mean_std: mean and std need one"),
        (set_at("gsd", "min", value=1.0), "model.json.gsd: must hold 0 < min <= trained <= max"),
        (set_at("gsd", "trained", value=10**400), "model.json.gsd.trained: is too large a number"),
        (set_at("tile", "size", value=65), "model.json.tile: size 65 must be a multiple of 8"),
        (set_at("tile", "overlap", value=40), "model.json.tile: overlap must lie between 0 and half the size"),
        (set_at("outputs", 0, "name", value="../../x"), "model.json.outputs[0]: the output's name '../../x' may hold"),
        (set_at("outputs", 0, "name", value="DSM"), "model.json: inputs and outputs need different names"),
        (set_at("outputs", 0, "role", value="sky"), "model.json.outputs[0]: role 'sky' is not known"),
        (set_at("outputs", 0, "classes", 1, "id", value=1), "model.json.outputs[0]: output 'land_cover' names a class"),
        (set_at("outputs", 0, "classes", 1, "id", value=0), "model.json.outputs[0].classes[1]: class id 0 must lie"),
        (set_at("outputs", 0, "classes", 0, "colour", value="red"), "model.json.outputs[0].classes[0]: colour 'red'"),
        (set_at("outputs", 0, "classes", 0, "name", value="a\x01"), "model.json.outputs[0].classes[0]: the class name"),
        (set_at("outputs", 0, "classes", 0, "name", value=" "), "model.json.outputs[0].classes[0]: the class name"),
        (set_at("version", value="1\n2"), "model.json: the version '1\\n2' must be printable"),
        (set_at("title", value="x" * 201), "model.json: the title"),
        (set_at("weights", 0, "inputs", value=["sar"]), "model.json: weights 'both.onnx' name an input 'sar'"),
        (set_at("weights", 0, "sha256", value="0" * 63), "model.json.weights[0]: the SHA-256 of 'both.onnx' must be"),
        (set_at("weights", 0, "sha256", value="0" * 64), "model.json.weights[0]: the file 'both.onnx' has another SHA"),
        (set_at("weights", 0, "file", value="gone.onnx"), "model.json.weights[0]: The model 'small' lacks its file"),
        (
            set_at("weights", 0, "file", value="../../a.onnx"),
            "model.json.weights[0]: the file '../../a.onnx' lies",
        ),
        (
            set_at("weights", 0, "data", value={"/etc/passwd": "0" * 64}),
            "model.json.weights[0]: the file '/etc/passwd'",
        ),
        (set_at("weights", 0, "format", value="pickle"), "model.json.weights[0]: format must be onnx or safetensors"),
    ],
)
def test_names_the_field_that_is_at_fault(make_package, change, expected):
    found = faults(edit(make_package(), change))
    assert found[0].startswith(expected), found


def test_one_fault_does_not_hide_the_next(make_package):
    def spoil(data):
        data["version"] = 7
        data["inputs"][1]["kind"] = "radar"
        data["outputs"][0]["classes"][0]["colour"] = "red"
        data["surplus"] = True

    places = [fault.split(":")[0] for fault in faults(edit(make_package(), spoil))]
    assert places == [
        "model.json.surplus",
        "model.json.version",
        "model.json.inputs[1]",
        "model.json.outputs[0].classes[0]",
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "NaN", '{"gsd": Infinity}', "[" * 100_000, '{"name": "\\ud800"}']
)
def test_a_model_json_that_is_none_is_a_fault(make_package, text):
    folder = make_package().folder
    (folder / "model.json").write_text(text, encoding="utf-8")
    assert len(faults(folder)) >= 1
    with pytest.raises(RidgelineError) as caught:
        load_package(folder)
    assert caught.value.code is ErrorCode.BAD_MODEL


def test_a_missing_or_huge_model_json_is_a_fault(make_package, tmp_path):
    assert faults(tmp_path) == ["model.json: is missing"]
    folder = make_package().folder
    (folder / "model.json").write_bytes(b" " * (5 * 1024 * 1024))
    assert faults(folder) == ["model.json: is too large"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("NaN", "NaN is no number of JSON"),
        ("-Infinity", "-Infinity is no number of JSON"),
        ('"\\ud800"', "surrogates not allowed"),
    ],
)
def test_what_json_does_not_have_is_refused_wherever_it_stands(make_package, value, why):
    folder = make_package().folder
    text = (folder / "model.json").read_text(encoding="utf-8")
    spoilt = text.replace('"metrics": {', f'"metrics": {{"iou": {value}', 1)  # where any value may stand
    (folder / "model.json").write_text(spoilt, encoding="utf-8")
    with pytest.raises(RidgelineError, match=why):
        load_package(folder)


def test_a_huge_model_json_is_not_even_read(make_package, monkeypatch):
    folder = make_package().folder
    monkeypatch.setattr(load, "MAX_JSON_BYTES", (folder / "model.json").stat().st_size - 1)
    with pytest.raises(RidgelineError, match="it is too large"):
        load_package(folder)


@pytest.mark.parametrize("name", ["weights.pkl", "setup.py", "a.exe", "model.pt"])
def test_a_file_that_has_no_business_there_is_a_fault(make_package, name):
    folder = make_package().folder
    (folder / name).write_bytes(b"\x80\x04.")
    assert faults(folder) == [f"{name}: is neither weights that model.json names nor a text or picture"]


def test_a_link_is_a_fault(make_package, tmp_path):
    folder = make_package().folder
    (folder / "notes.txt").symlink_to("/etc/hostname")
    assert faults(folder) == ["notes.txt: is a link; a model holds files only"]


def test_a_recipe_that_this_version_does_not_compute_is_a_fault(make_package):
    def ask(data):
        data["inputs"][1] = {
            "name": "dsm",
            "kind": "dsm",
            "bands": ["height"],
            "height_channels": {"version": 999, "channels": ["height", "aura"]},
        }

    found = faults(edit(make_package(), ask))
    assert [fault.split(":")[0] for fault in found] == [
        "model.json.inputs[1].height_channels.version",
        "model.json.inputs[1].height_channels.channels",
    ]


def safetensors_bytes(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "too short"),
        (b"\xff" * 8, "longer than the file"),
        (safetensors_bytes(b"no json"), "no JSON"),
        (safetensors_bytes([1]), "no object"),
        (safetensors_bytes({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}), "outside the file"),
        (safetensors_bytes({"w": {"dtype": "F32", "shape": [1]}}), "no place in the file"),
    ],
)
def test_a_checkpoint_that_is_none_is_a_fault(make_package, content, expected):
    import hashlib

    package = make_package()
    (package.folder / "net.safetensors").write_bytes(content)

    def add(data):
        digest = hashlib.sha256(content).hexdigest()
        data["weights"].append(
            {"file": "net.safetensors", "format": "safetensors", "inputs": ["rgb"], "sha256": digest}
        )
        data["architecture"] = {"kind": "any"}

    found = faults(edit(package, add))
    assert len(found) == 1 and expected in found[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places_of(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places_of(value, (*path, key))


@given(data=st.data())
@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_at_any_place_gives_our_own_fault_or_a_good_package(make_package, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    package = make_package("small", folder)
    good = to_dict(package.spec)
    path = data.draw(st.sampled_from(sorted(places_of(good), key=str)))
    changed = copy.deepcopy(good)
    if path:
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = data.draw(JSON)
    else:
        changed = data.draw(JSON)
    (package.folder / "model.json").write_text(json.dumps(changed), encoding="utf-8")
    try:
        load_package(package.folder)
        readable = True
    except RidgelineError as fault:
        assert fault.code is ErrorCode.BAD_MODEL
        readable = False
    found = faults_of_json(package.folder / "model.json")
    assert (found == []) == readable
    faults_of_package(package.folder)
