"""Models come into the library whole, checked and tried, or not at all."""

import hashlib
import io
import json
import stat
import zipfile

import numpy as np
import onnx
import pytest

from ridgeline.engine.cli import main
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import Cancelled, ErrorCode, RidgelineError
from ridgeline.engine.jobs.models import ImportModelJob, NetworkForm
from ridgeline.engine.models.package import archive, importer, library
from ridgeline.engine.models.package.importer import export_model, import_model, remove_model, verify_model
from ridgeline.engine.models.package.library import find_model, list_models
from ridgeline.engine.models.package.load import load_package


@pytest.fixture(autouse=True)
def own_library(tmp_path, monkeypatch):
    """A library of the test's own, with nothing shipped."""
    monkeypatch.setenv("RIDGELINE_MODELS", str(tmp_path / "library"))
    for module in (library, importer):
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "library"


def fault_of(path, **options):
    with pytest.raises(RidgelineError) as caught:
        import_model(ImportModelJob(str(path), **options))
    return caught.value


def contents(folder):
    return sorted(item.name for item in folder.iterdir()) if folder.exists() else []


def zip_of(path, folder, prefix="small/", extra=()):
    with zipfile.ZipFile(path, "w") as opened:
        for item in sorted(folder.iterdir()):
            opened.write(item, prefix + item.name)
        for name, content in extra:
            opened.writestr(name, content)
    return path


def test_a_folder_comes_in_whole(make_package, tmp_path):
    source = make_package(root=tmp_path / "from")
    package = import_model(ImportModelJob(str(source.folder)))
    assert package.folder == tmp_path / "library" / "small"
    assert contents(package.folder) == contents(source.folder)
    assert find_model("small").spec == source.spec
    assert [(entry.name, entry.origin) for entry in list_models()] == [("small", "user")]


@pytest.mark.parametrize("prefix", ["", "small/", "any folder/"])
def test_a_zip_comes_in_whole(make_package, tmp_path, prefix):
    source = make_package(root=tmp_path / "from")
    package = import_model(ImportModelJob(str(zip_of(tmp_path / "m.zip", source.folder, prefix))))
    assert contents(package.folder) == contents(source.folder)


def test_export_and_import_again_give_the_same_files(make_package, tmp_path):
    source = make_package(root=tmp_path / "library")
    zipped = export_model("small", tmp_path)
    assert zipped.name == "small-1.zip"
    copy = import_model(ImportModelJob(str(zipped), name="copy"))
    for name in ("both.onnx", "rgb.onnx", "README.md"):
        assert (copy.folder / name).read_bytes() == (source.folder / name).read_bytes()
    assert copy.spec.name == "copy"
    with pytest.raises(RidgelineError) as caught:
        export_model("small", tmp_path)
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced(make_package, tmp_path):
    source = make_package(root=tmp_path / "from")
    import_model(ImportModelJob(str(source.folder)))
    assert fault_of(source.folder).code is ErrorCode.OUTPUT_EXISTS
    (source.folder / "README.md").write_text("# Newer\n", encoding="utf-8")
    package = import_model(ImportModelJob(str(source.folder), replace=True))
    assert (package.folder / "README.md").read_text(encoding="utf-8") == "# Newer\n"
    assert contents(tmp_path / "library") == ["small"]


def test_nothing_takes_the_place_of_a_shipped_model(make_package, tmp_path):
    source = make_package(root=tmp_path / "from")
    make_package(root=tmp_path / "shipped")
    for replace in (False, True):
        fault = fault_of(source.folder, replace=replace)
        assert fault.code is ErrorCode.BAD_MODEL, "OUTPUT_EXISTS asks whether to replace it"
        assert "cannot be replaced" in fault.message and "name" in fault.hint
    make_package(root=tmp_path / "library")
    assert find_model("small").folder == tmp_path / "shipped" / "small"
    with pytest.raises(RidgelineError, match="Your library holds no model"):
        remove_model("other")


def test_another_sha256_is_refused(make_package, tmp_path):
    zipped = zip_of(tmp_path / "m.zip", make_package(root=tmp_path / "from").folder)
    digest = hashlib.sha256(zipped.read_bytes()).hexdigest()
    assert "SHA-256 is " + digest in fault_of(zipped, sha256="0" * 64).message
    assert import_model(ImportModelJob(str(zipped), sha256=digest.upper())).spec.name == "small"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "a\\b", ".hidden", "", "con", "a" * 200])
def test_a_name_that_is_no_name_is_refused(make_package, tmp_path, name):
    fault = fault_of(make_package(root=tmp_path / "from").folder, name=name)
    assert fault.code is ErrorCode.BAD_JOB and "cannot be called" in fault.message
    assert not (tmp_path / "library").exists() and not (tmp_path / "evil").exists()


def test_a_cancelled_import_leaves_nothing(make_package, tmp_path):
    source = make_package(root=tmp_path / "from")
    with pytest.raises(Cancelled):
        import_model(ImportModelJob(str(source.folder)), Feedback(cancelled=lambda: True))
    assert contents(tmp_path / "library") == []


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt", "small/../../evil.txt", "small/./../../e.txt"),
        *("small/.../evil.txt", "small/.. /evil.txt", "small/ /evil.txt"),  # Windows drops dots and blanks at the end
    ],
)
def test_a_zip_cannot_leave_its_folder(make_package, tmp_path, name):
    source = make_package(root=tmp_path / "from")
    zipped = zip_of(tmp_path / "m.zip", source.folder, extra=[(name, "evil")])
    assert "leads out of its folder" in fault_of(zipped).message
    assert contents(tmp_path / "library") == []
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_zip_cannot_hold_links(make_package, tmp_path):
    zipped = zip_of(tmp_path / "m.zip", make_package(root=tmp_path / "from").folder)
    link = zipfile.ZipInfo("small/notes.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(zipped, "a") as opened:
        opened.writestr(link, "/etc/hostname")
    assert "a link or a device" in fault_of(zipped).message


def test_a_zip_cannot_explode(make_package, tmp_path, monkeypatch):
    folder = make_package(root=tmp_path / "from").folder
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as opened:
        for item in folder.iterdir():
            opened.write(item, item.name)
        opened.writestr("notes.txt", b"\0" * 40_000_000)
    (tmp_path / "ratio.zip").write_bytes(bomb.getvalue())
    assert "would grow more than 200 times" in fault_of(tmp_path / "ratio.zip").message
    many = zip_of(tmp_path / "many.zip", folder, extra=[(f"small/{i}.txt", "") for i in range(1001)])
    assert "holds 1006 files" in fault_of(many).message or "a model has at most 1000" in fault_of(many).message
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    assert "would grow to more than" in fault_of(zip_of(tmp_path / "large.zip", folder)).message
    assert contents(tmp_path / "library") == []


def test_a_zip_that_lies_about_its_sizes_is_refused(make_package, tmp_path):
    folder = make_package(root=tmp_path / "from").folder
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        for item in folder.iterdir():
            opened.write(item, item.name)
        opened.writestr("notes.txt", b"\0" * 100_000)
        opened.getinfo("notes.txt").file_size = 10  # the central directory is written from this when it is closed
    assert fault_of(tmp_path / "m.zip").code is ErrorCode.BAD_MODEL
    assert contents(tmp_path / "library") == []


def test_files_that_are_one_where_case_does_not_count_are_refused(make_package, tmp_path):
    folder = make_package(root=tmp_path / "from").folder
    zipped = zip_of(tmp_path / "m.zip", folder, extra=[("small/Model.json", "{}")])
    assert "two files of one name" in fault_of(zipped).message


def test_an_encrypted_zip_is_named(make_package, tmp_path):
    zipped = zip_of(tmp_path / "m.zip", make_package(root=tmp_path / "from").folder)
    data = bytearray(zipped.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of each file, in both places
        place = data.find(mark)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(mark, place + 1)
    zipped.write_bytes(data)
    assert fault_of(zipped).message == "The file 'm.zip' is encrypted."


def test_a_zip_packed_in_a_rare_way_is_refused_before_anything_is_unpacked(make_package, tmp_path):
    zipped = zip_of(tmp_path / "m.zip", make_package(root=tmp_path / "from").folder)
    with zipfile.ZipFile(zipped, "a", zipfile.ZIP_BZIP2) as opened:
        opened.writestr("small/notes.txt", "text " * 100)
    assert "packed in a way that only some programs read" in fault_of(zipped).message


def test_a_zip_of_two_models_is_refused(make_package, tmp_path):
    zipped = zip_of(tmp_path / "m.zip", make_package(root=tmp_path / "from").folder, extra=[("other/model.json", "{}")])
    assert "more than one model.json" in fault_of(zipped).message


def test_a_folder_cannot_hold_links(make_package, tmp_path):
    folder = make_package(root=tmp_path / "from").folder
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (folder / "notes.txt").symlink_to(tmp_path / "secret.txt")
    assert "'notes.txt', which is a link" in fault_of(folder).message
    assert contents(tmp_path / "library") == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + b"\0" * 18])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "m.zip").write_bytes(content)
    assert fault_of(tmp_path / "m.zip").code is ErrorCode.BAD_MODEL


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.ckpt", "net.pkl", "net.bin"])
def test_files_that_could_run_programs_are_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch ran'\ntR.")
    assert "may run any program" in fault_of(tmp_path / name).message


def test_a_pickle_in_a_package_is_refused(make_package, tmp_path):
    source = make_package(root=tmp_path / "from")
    (source.folder / "optimiser.pkl").write_bytes(b"\x80\x04.")
    assert "optimiser.pkl" in fault_of(source.folder).message


def test_a_network_that_reads_files_outside_is_refused(make_package, make_network, tmp_path):
    (tmp_path / "secret.bin").write_bytes(b"\0" * 10_000)
    model = make_network({"rgb": 3}, {"land_cover": 2})
    inner = tmp_path / "inner"
    inner.mkdir()
    onnx.save(model, inner / "a.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    stored = onnx.load(inner / "a.onnx", load_external_data=False)
    for tensor in stored.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../secret.bin"
    (inner / "evil.onnx").write_bytes(stored.SerializeToString())
    fault = fault_of(inner / "evil.onnx", form=NetworkForm(gsd=0.2))
    assert "'../secret.bin' outside its folder" in fault.message
    package = import_model(ImportModelJob(str(inner / "a.onnx"), form=NetworkForm(gsd=0.2)))
    assert set(package.spec.weights[0].data) == {"w.bin"}
    (inner / "w.bin").rename(tmp_path / "w.bin")
    assert "'w.bin', which does not lie beside it" in fault_of(inner / "a.onnx", form=NetworkForm(gsd=0.2)).message
    (inner / "w.bin").symlink_to(inner / "w2.bin")
    (tmp_path / "w.bin").rename(inner / "w2.bin")
    assert "which does not lie beside it" in fault_of(inner / "a.onnx", form=NetworkForm(gsd=0.2)).message


def test_a_package_whose_network_does_not_keep_its_promise_is_refused(make_package, tmp_path, make_network):
    source = make_package(root=tmp_path / "from")
    onnx.save(make_network({"rgb": 3}, {"land_cover": 5, "building": 1}), source.folder / "rgb.onnx")
    text = (source.folder / "model.json").read_text(encoding="utf-8")
    old = next(item.sha256 for item in source.spec.weights if item.file == "rgb.onnx")
    new = hashlib.sha256((source.folder / "rgb.onnx").read_bytes()).hexdigest()
    (source.folder / "model.json").write_text(text.replace(old, new), encoding="utf-8")
    assert "'land_cover' has the shape [1, 5, 64, 64]" in fault_of(source.folder).message


def test_hashes_are_written_so_that_they_are_not_taken_for_secrets(make_package, tmp_path):
    package = make_package(root=tmp_path / "library")
    written = json.loads((package.folder / "model.json").read_text(encoding="utf-8"))
    for item in written["weights"]:
        name, digits = item["sha256"].split(":")
        assert name == "sha256"
        assert digits == hashlib.sha256((package.folder / item["file"]).read_bytes()).hexdigest()
        item["sha256"] = digits  # as older packages have it
    (package.folder / "model.json").write_text(json.dumps(written), encoding="utf-8")
    assert load_package(package.folder).spec == package.spec
    assert verify_model("small")[1] == []


def test_verify_tells_what_was_changed(make_package, tmp_path):
    package = make_package(root=tmp_path / "library")
    assert verify_model("small")[1] == []
    with (package.folder / "rgb.onnx").open("ab") as stream:
        stream.write(b"\0")
    assert verify_model("small")[1] == [
        "model.json.weights[1]: the file 'rgb.onnx' has another SHA-256 than model.json says"
    ]


def test_a_model_can_be_removed_but_nothing_else(make_package, tmp_path):
    make_package(root=tmp_path / "library")
    for name in ("../library", "/", "..", ".", "", "none"):
        with pytest.raises(RidgelineError):
            remove_model(name)
    remove_model("small")
    assert contents(tmp_path / "library") == []


def test_where_only_the_library_counts_no_folder_elsewhere_is_loaded(make_package, tmp_path, monkeypatch):
    inside, outside = make_package(root=tmp_path / "library"), make_package(root=tmp_path / "from")
    assert find_model(str(outside.folder)).folder == outside.folder
    monkeypatch.setenv(library.LIBRARY_ONLY, "1")
    (tmp_path / "library" / "link").symlink_to(outside.folder)
    for path in (outside.folder, tmp_path / "library" / ".." / "from" / "small", tmp_path / "library" / "link"):
        with pytest.raises(RidgelineError, match="is not in the library"):
            find_model(str(path))
    assert find_model("small").folder == inside.folder
    assert find_model(str(inside.folder)).folder == inside.folder


def test_a_damaged_model_is_listed_with_its_fault(make_package, tmp_path):
    package = make_package(root=tmp_path / "library")
    (package.folder / "model.json").write_text("{}", encoding="utf-8")
    (entry,) = list_models()
    assert entry.package is None and entry.fault is not None and "model.json" in entry.fault.message


def test_the_command_lists_shows_exports_removes(make_package, tmp_path, capsys):
    source = make_package(root=tmp_path / "from")
    assert main(["models", "import", str(source.folder), "--name", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "mine"
    assert main(["models", "list", "--json"]) == 0
    (info,) = json.loads(capsys.readouterr().out)
    assert info["runs_with"] == [["rgb", "dsm"], ["rgb"]] and info["licence"] == "CC0-1.0"
    assert info["outputs"][0]["classes"][1] == {"id": 2, "name": "building", "colour": "#cc0000"}
    assert main(["models", "list"]) == 0 and "mine" in capsys.readouterr().out
    assert main(["models", "info", "mine"]) == 0 and "Licence:           CC0-1.0" in capsys.readouterr().out
    assert main(["models", "verify"]) == 0 and "mine: in order" in capsys.readouterr().out
    assert main(["models", "export", "mine", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "mine-1.zip").is_file()
    assert main(["models", "remove", "mine"]) == 0
    assert main(["models", "info", "mine"]) == 1
    assert "There is no model 'mine'." in capsys.readouterr().err


def test_texts_of_a_model_cannot_steer_the_terminal(make_package, tmp_path, capsys):
    make_package(root=tmp_path / "library", description="evil\x1b[2J\n\nname", source="a\rb")
    main(["models", "list"])
    main(["models", "info", "small"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\r" not in printed and "evil [2J name" in printed


def test_predictions_of_an_imported_network_are_those_of_the_file(make_network, tmp_path):
    import onnxruntime as ort

    from ridgeline.engine.runtime import open_predictor

    onnx.save(make_network({"image": 3, "heights": 1}, {"out/probs:0": 2}, softmax=True), tmp_path / "net.onnx")
    package = import_model(ImportModelJob(str(tmp_path / "net.onnx"), form=NetworkForm(gsd=0.25)))
    assert [(item.name, item.tensor) for item in package.spec.inputs] == [("rgb", "image"), ("dsm", "heights")]
    (output,) = package.spec.outputs
    assert (output.name, output.tensor, output.activation) == ("land_cover", "out/probs:0", "none")
    tiles = np.random.default_rng(0).normal(size=(2, 4, 64, 64)).astype(np.float32)
    got = open_predictor(package, {"rgb", "dsm"}, device="cpu").predict({"rgb": tiles[:, :3], "dsm": tiles[:, 3:]})
    session = ort.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": tiles[:, :3], "heights": tiles[:, 3:]})
    np.testing.assert_allclose(got["land_cover"], expected, atol=1e-6)


def test_a_job_file_imports_and_speaks_events(make_package, tmp_path, capfd):
    source = make_package(root=tmp_path / "from")
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"path": str(source.folder), "name": "mine"}), encoding="utf-8")
    assert main(["models", "import", "--job", str(job), "--events"]) == 0
    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [event["event"] for event in events if event["event"] != "progress"] == ["started", "result"]
    assert events[-1]["outputs"]["folder"] == str(tmp_path / "library" / "mine")
    assert events[-1]["summary"]["name"] == "mine"
