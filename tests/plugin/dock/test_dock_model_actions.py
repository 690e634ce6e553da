"""The Models page with the real engine: import, verify, export, remove, try; networks that need the form."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QDialogButtonBox

from ridgeline.engine.jobs.models import ImportModelJob, NetworkClass
from ridgeline.plugin.dock.logic.models import ModelInfo

ROOT = Path(__file__).resolve().parents[3]
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def engine_python():
    python = Path(os.environ.get("RIDGELINE_JOURNEY_PYTHON", ROOT / ".venv" / "bin" / "python"))
    if not python.is_file():
        pytest.skip(f"the engine's environment is missing: {python} (make env)")
    return python


@pytest.fixture(scope="module")
def package(engine_python, tmp_path_factory):
    """A whole, hand-made model, outside any library."""
    folder = tmp_path_factory.mktemp("made") / "journey-test"
    script = ROOT / "tests" / "journeys" / "make_test_model.py"
    subprocess.run([str(engine_python), str(script), str(folder)], check=True, cwd=ROOT, timeout=120)
    return folder


@pytest.fixture
def page(qgis_new_project, qgis_iface, engine_python, shelf, qtbot, monkeypatch):
    from ridgeline.plugin.dock.models import ModelsPage

    monkeypatch.setenv("RIDGELINE_ENGINE_PYTHON", str(engine_python))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    page.resize(320, 700)
    yield page
    page.release()


@pytest.fixture
def ended(page, qtbot):
    """Waits for the end of an action and returns what the page says."""

    def wait():
        qtbot.waitUntil(lambda: not page.work.running and bool(page.outcome.findings), timeout=WAIT_MS)
        return " ".join(finding.text for finding in page.outcome.findings)

    return wait


def test_a_model_is_imported_checked_shared_tried_and_removed(page, ended, package, shelf, tmp_path, monkeypatch):
    actions = page.model_actions
    actions.import_path(str(package))
    assert "Test model" in ended() and isinstance(page.marked, ModelInfo) and page.marked.name == "journey-test"
    assert (shelf / "journey-test" / "model.json").is_file()

    page.verify.click()
    assert "in order" in ended()

    target = tmp_path / "shared ü.zip"
    actions.export_to(page.marked, str(target))
    assert str(target.name) in ended()
    assert "journey-test/model.json" in zipfile.ZipFile(target).namelist() or "model.json" in [
        Path(name).name for name in zipfile.ZipFile(target).namelist()
    ]

    page.sample.click()
    assert "Sample area" in ended()
    names = [layer.name() for layer in QgsProject.instance().mapLayers().values()]
    assert {"Buildings", "Land cover", "Roof class"} <= set(names)

    asked = []
    monkeypatch.setattr(actions, "_agreed", lambda _title, question: asked.append(question) or True)
    page.remove.click()
    assert "removed" in ended() and asked and not (shelf / "journey-test").exists()

    actions.import_path(str(target))
    assert "library" in ended() and (shelf / "journey-test").is_dir()
    actions.import_path(str(target))
    ended_text = ended()
    assert len(asked) == 2 and "library" in ended_text, "an import over a model of the same name must ask"


def test_a_model_that_ships_is_not_offered_to_be_replaced(page, ended, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(page.model_actions, "_agreed", lambda _title, question: asked.append(question) or True)
    page.model_actions.import_path(str(ROOT / "resources" / "models" / "ridgeline-compact"))
    assert "cannot be replaced" in ended() and not asked


def test_a_damaged_model_is_named_with_its_faults_and_can_be_removed(page, ended, package, shelf, monkeypatch):
    page.model_actions.import_path(str(package))
    ended()
    with (shelf / "journey-test" / "dsm.onnx").open("ab") as stream:
        stream.write(b"x")
    page.verify.click()
    text = ended()
    assert "dsm.onnx" in text.replace("\u200b", "") and "in order" not in text


def test_what_is_no_model_is_refused_in_a_sentence(page, ended, tmp_path):
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../evil/model.json", "{}")
    page.model_actions.import_path(str(bad))
    assert "Traceback" not in ended()
    network = tmp_path / "bad.onnx"
    network.write_bytes(b"no network")
    page.model_actions.import_path(str(network))
    assert "bad.onnx" in ended()


def test_a_bare_network_asks_for_what_it_does_not_say(
    page, ended, package, shelf, engine_python, tmp_path, monkeypatch
):
    network = tmp_path / "bare.onnx"
    code = (
        "import sys, onnx; from onnx import helper as h, TensorProto as T\n"
        "n = h.make_node('Softmax', ['image'], ['map'], axis=1)\n"
        "i = h.make_tensor_value_info('image', T.FLOAT, [1, 3, 256, 256])\n"
        "o = h.make_tensor_value_info('map', T.FLOAT, [1, 3, 256, 256])\n"
        "g = h.make_graph([n], 'g', [i], [o])\n"
        "onnx.save(h.make_model(g, opset_imports=[h.make_opsetid('', 17)], ir_version=9), sys.argv[1])\n"
    )
    subprocess.run([str(engine_python), "-c", code, str(network)], check=True, timeout=60)
    from ridgeline.plugin.dock.widgets import network_form

    seen = {}

    class Filled(network_form.NetworkFormDialog):
        def exec(self):
            button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
            seen["before"] = button.isEnabled()
            self.gsd.setValue(0.2)
            self.title.setText("Bare <b>one</b>")
            self.classes.setPlainText("ground\nbuilding #0000ff\ntree")
            self.licence.setText("CC0-1.0")
            self.role.setCurrentIndex(self.role.findData("land_cover"))
            seen["after"] = button.isEnabled()
            return self.DialogCode.Accepted

    monkeypatch.setattr(network_form, "NetworkFormDialog", Filled)
    page.model_actions.import_path(str(network))
    assert "library" in ended()
    assert seen == {"before": False, "after": True}, "the pixel size must be asked for"
    data = json.loads((shelf / "bare" / "model.json").read_text())
    assert data["gsd"]["trained"] == 0.2 and data["licence"] == "CC0-1.0"
    assert [item["name"] for item in data["outputs"][0]["classes"]] == ["ground", "building", "tree"]
    assert data["outputs"][0]["classes"][1]["colour"] == "#0000ff"
    assert "<b>one" not in page.card.text() and "&lt;b&gt;one" in page.card.text()


def test_cancelled_imports_leave_nothing(page, ended, package, shelf):
    page.model_actions.import_job(ImportModelJob(str(package)))
    page.cancel.click()
    ended()
    assert not [item for item in shelf.iterdir() if item.name.startswith(".incoming")]


def test_classes_are_read_line_by_line():
    from ridgeline.plugin.dock.widgets.network_form import classes_of

    assert classes_of("a\n\n  low vegetation  #00ff00\n#1\n") == (
        NetworkClass("a"),
        NetworkClass("low vegetation", "#00ff00"),
        NetworkClass("#1"),
    )
