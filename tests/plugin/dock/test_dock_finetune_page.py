"""The Fine-tune page: what values mean, what stops a training, how one is shown, stopped, kept and discarded."""

import json
import time

import pytest
from dock_data import model_json, put_model
from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFeature,
    QgsFillSymbol,
    QgsGeometry,
    QgsProject,
    QgsRendererCategory,
    QgsVectorLayer,
)

from ridgeline.plugin.dock.logic import lesson
from ridgeline.plugin.dock.logic.checks import Weight


class Algorithm:
    """Stands for the algorithm in the background: the test says how it goes."""

    def __init__(self, run):
        self.run, self.started, self.calls = run, [], []
        run.algorithm.start = lambda name, parameters: self.started.append((name, parameters))
        run.algorithm.finish = lambda: self.calls.append("finish")
        run.algorithm.cancel = lambda: self.calls.append("cancel")
        type(run).running = property(lambda _self: len(self.started) > len(self.ends))
        self.ends = []

    def ends_with(self, signal, *values):
        self.ends.append(signal)
        getattr(self.run.algorithm, signal).emit(*values)


def squares(name, kinds, add=True):
    layer = QgsVectorLayer("Polygon?crs=EPSG:25832&field=kind:string&field=n:integer", name, "memory")
    features = []
    for number, kind in enumerate(kinds):
        feature = QgsFeature(layer.fields())
        x = 500_000 + 8 * number
        wkt = f"POLYGON(({x} 5599990, {x + 5} 5599990, {x + 5} 5599995, {x} 5599995, {x} 5599990))"
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature.setAttributes([kind, number])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    if add:
        QgsProject.instance().addMapLayer(layer)
    return layer


def put_trainable(shelf, name="learner"):
    weights = [{"file": "a.onnx", "format": "onnx", "inputs": ["rgb", "dsm"]},
               {"file": "w.safetensors", "format": "safetensors", "inputs": ["rgb", "dsm"]}]  # fmt: skip
    return put_model(shelf, model_json(name, name.title(), weights=weights, architecture={"a": 1}))


@pytest.fixture
def finetune(qgis_new_project, qgis_iface, shelf, pair, qtbot, settle, monkeypatch):
    from dock_data import desktop_font

    from ridgeline.plugin.dock.finetune import FinetunePage
    from ridgeline.plugin.dock.finetune_run import FinetuneRun

    monkeypatch.setattr(FinetuneRun, "running", FinetuneRun.running)  # put back after the test
    put_trainable(shelf)
    page = FinetunePage(qgis_iface)
    page.setFont(desktop_font(page))
    page.set_engine_ready(True)
    page.resize(320, 700)
    page.show()
    page.algorithm = Algorithm(page.run)
    settle()
    yield page
    page.release()
    page.close()
    page.deleteLater()


@pytest.fixture
def ready(finetune, settle):
    """The page with labels of two classes."""
    finetune.labels.setLayer(squares("Labels", ["gable", "solar", "solar"]))
    finetune.field.setField("kind")
    settle()
    return finetune


def said(notes):
    return " ".join(finding.text for finding in notes.findings)


def test_only_models_that_can_learn_are_offered(finetune):
    assert [finetune.model.itemData(row) for row in range(finetune.model.count())] == ["learner"]
    assert finetune.rgb.currentLayer().name() == "ortho_2023" and finetune.dsm.currentLayer().name() == "town_dsm"


def test_values_become_classes_of_the_model_or_new_ones(ready):
    meanings = {item.value: item for item in ready.meanings()}
    assert meanings["gable"].target == "gable" and meanings["solar"].target == "solar"
    assert ready.panel.start.isEnabled() and said(ready.notes) == ""


def test_names_and_colours_come_from_the_categories_of_the_layer(finetune, settle):
    layer = squares("Roofs", ["1", "2"])
    symbols = [QgsFillSymbol.createSimple({"color": colour}) for colour in ("#ff0000", "#00ff00")]
    pairs = zip("12", symbols, ("Solar panel", "Flat"))
    layer.setRenderer(QgsCategorizedSymbolRenderer("kind", [QgsRendererCategory(*item) for item in pairs]))
    finetune.labels.setLayer(layer)
    settle()
    assert finetune.field.currentField() == "kind"
    assert [(item.value, item.target, item.colour) for item in finetune.meanings()] == [
        ("1", "Solar panel", "#ff0000"),
        ("2", "flat", "#00ff00"),
    ]


def test_a_value_can_be_left_out_or_given_a_class_that_is_typed(ready, settle):
    _, gable, _ = ready.classes._rows[0]
    gable.setCurrentIndex(0)
    _, solar, _ = ready.classes._rows[1]
    solar.setEditText("panels")
    settle()
    assert [item.target for item in ready.meanings()] == ["", "panels"]
    assert "one class only" in said(ready.notes) and not ready.panel.start.isEnabled()
    ready.area.setLayer(ready.labels.currentLayer())
    settle()
    assert ready.panel.start.isEnabled()


def test_the_page_says_what_an_area_means(ready, settle):
    assert "only polygons teach" in ready.area_note.text().replace("\u200b", "")
    ready.area.setLayer(ready.labels.currentLayer())
    settle()
    assert "background" in ready.area_note.text() and "outside it teach nothing" in ready.area_note.text()


@pytest.mark.parametrize(
    ("change", "word", "weight"),
    [
        (lambda page: (page.rgb.setLayer(None), page.dsm.setLayer(None)), "picture", Weight.ASKS),
        (lambda page: page.labels.setLayer(None), "layer of polygons", Weight.ASKS),
        (lambda page: page.name.setText(" "), "name", Weight.ASKS),
        (lambda page: page.name.setText("Learner"), "already", Weight.STOPS),
    ],
)
def test_what_stands_in_the_way_is_said(ready, settle, change, word, weight):
    change(ready)
    settle()
    (finding,) = ready.notes.findings
    assert word in finding.text and finding.weight is weight and not ready.panel.start.isEnabled()


def test_a_layer_that_the_model_does_not_look_at_is_told_before_a_training(ready, shelf, settle):
    data = json.loads((shelf / "learner" / "model.json").read_text(encoding="utf-8"))
    for item in data["weights"]:
        item["inputs"] = ["rgb"]
    (shelf / "learner" / "model.json").write_text(json.dumps(data), encoding="utf-8")
    ready.reload_models()
    settle()
    (finding,) = ready.notes.findings
    assert finding.weight is Weight.TELLS and "does not look at the DSM" in finding.text
    assert ready.panel.start.isEnabled()
    ready.rgb.setLayer(None)
    settle()
    (finding,) = ready.notes.findings
    assert finding.weight is Weight.STOPS and "RGB layer alone" in finding.text and not ready.panel.start.isEnabled()


def test_a_field_with_too_many_values_holds_no_class(finetune, settle):
    finetune.labels.setLayer(squares("Many", [str(n) for n in range(lesson.MOST_VALUES + 5)]))
    finetune.field.setField("kind")
    settle()
    assert "more than" in said(finetune.notes)


def test_a_check_says_its_findings_and_shows_the_split(ready, tmp_path):
    ready.panel.check.click()
    ((name, parameters),) = ready.algorithm.started
    assert name == lesson.ALGORITHM and parameters["CHECK_ONLY"] is True
    assert parameters["CLASSES"][:2] == ["gable", "gable"]
    assert not ready.panel.finish.isVisible() and ready.panel.cancel.isVisible()
    split = tmp_path / "split.geojson"
    ring = [[9, 50], [9.1, 50], [9.1, 50.1], [9, 50]]
    features = [
        {"type": "Feature", "properties": {"class": "a", "half": half},
         "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for half in ("training", "validation")
    ]  # fmt: skip
    split.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    count = {"polygons": 3, "validation_polygons": 1, "pixels": 30, "validation_pixels": 10}
    labels = {"findings": [{"code": "x", "message": "Few polygons."}], "classes": {"solar": count}, "shift_m": [0, 0]}
    for _ in range(2):  # a second check takes the place of the first
        ready.algorithm.ends_with("succeeded", {"SPLIT": str(split), "SUMMARY": json.dumps({"labels": labels})})
        ready.panel.check.click()
    ready.algorithm.ends_with("cancelled")
    layers = [layer for layer in QgsProject.instance().mapLayers().values() if layer.customProperty("ridgeline/split")]
    assert len(layers) == 1 and [c.value() for c in layers[0].renderer().categories()] == ["training", "validation"]


def test_what_was_found_is_scrolled_into_sight(ready, settle):
    ready.resize(320, 400)
    ready.panel.check.click()
    settle()
    assert ready.outcome.visibleRegion().isEmpty()
    ready.algorithm.ends_with("failed", "The labels have no CRS.")
    settle()
    assert not ready.outcome.visibleRegion().isEmpty()


def test_findings_of_a_check_are_words_and_numbers():
    count = {"polygons": 3, "validation_polygons": 1, "pixels": 30, "validation_pixels": 10}
    labels = {"findings": [{"code": "x", "message": "Few polygons."}], "classes": {"solar": count}, "shift_m": [0, 0]}
    findings = lesson.check_findings({"labels": labels})
    assert [finding.weight for finding in findings] == [Weight.WARNS, Weight.TELLS, Weight.TELLS]
    assert "solar: 3 polygons teach, 1 kept apart to try the model on (30 and 10 pixels)" in findings[1].text
    assert "edges of the surface model" in findings[2].text
    news = {"findings": [{"code": "surface_left_out", "message": "The surface model is left out."}]}
    assert [finding.weight for finding in lesson.check_findings({"labels": news})] == [Weight.TELLS]
    seen_in_picture = lesson.check_findings({"labels": {**labels, "shift_seen_in": "rgb"}})
    assert "roofs that the model sees in the picture" in seen_in_picture[2].text


@pytest.mark.parametrize(
    ("after", "best_step", "word"),
    [(0.3, 0, "the model is as it was"), (0.28, 40, "no better there than the old one"), (0.5, 40, None)],
)
def test_a_training_that_did_not_help_is_not_praised(after, best_step, word):
    metrics = {"validation before": {"mean_iou": 0.3}, "validation after": {"mean_iou": after}}
    findings = lesson.result_findings({"metrics": metrics, "best_step": best_step}, "Mine")
    assert "“Mine” is ready" in findings[0].text and f"{after:.2f} now" in findings[1].text
    assert [finding.weight for finding in findings[1:]] == ([Weight.TELLS] if word is None else [Weight.WARNS] * 2)
    assert word is None or word in findings[2].text


def test_a_training_is_shown_live_and_gives_a_model_that_is_chosen(ready, shelf, tmp_path, qtbot):
    ready.name.setText("Mine")
    ready.refresh()
    ready.panel.start.click()
    folder = shelf / "mine"
    assert ready.algorithm.started[0][1]["OUTPUT"] == str(folder) and ready.panel.finish.isVisible()
    picture = tmp_path / "v.png"
    from qgis.PyQt.QtGui import QColor, QImage

    for number, colour in enumerate(("red", "blue")):
        image = QImage(80, 20, QImage.Format.Format_RGB32)
        image.fill(QColor(colour))
        image.save(str(picture))
        detail = {"step": 40 * number, "mean_iou": 0.3 + 0.2 * number, "loss a": 0.5, "pictures": [str(picture)]}
        ready.run.algorithm.told.emit({**detail, "inputs": ["rgb"]})
    assert "picture, truth, found" in ready.view.caption.text()  # there are no heights to show
    assert [point[:2] for point in ready.view.curve.points] == [(0, 0.3), (40, 0.5)]
    strip = ready.view.strips[0]
    assert strip.isVisible() and strip.pixmap().toImage().pixelColor(5, 5) == QColor("blue")
    assert not ready.view.strips[1].isVisible()
    ready.run.algorithm.told.emit({"step": 80, "loss a": 0.4, "all_labels_teach": True, "pictures": []})
    assert "All labels teach now" in ready.view.caption.text() and strip.isVisible()
    assert ready.view.curve.points[-1] == (80, None, 0.4) and "0.50" in ready.view.curve.toolTip()
    put_trainable(shelf, "mine")
    metrics = {"validation before": {"mean_iou": 0.3}, "validation after": {"mean_iou": 0.5}}
    with qtbot.waitSignal(ready.model_made) as made:
        ready.algorithm.ends_with("succeeded", {"SUMMARY": json.dumps({"metrics": metrics})})
    assert made.args == ["mine"] and "0.30 before, 0.50 now" in said(ready.outcome)
    assert not (folder / "fine-tuning.json").exists() and ready.model.findData("mine") >= 0
    assert ready.name.text() == "Mine 2"  # for the next one


def test_stop_keeps_the_best_and_cancel_leaves_nothing(ready, shelf):
    ready.name.setText("Mine")
    ready.refresh()
    ready.panel.start.click()
    ready.panel.finish.click()
    assert ready.algorithm.calls == ["finish"] and not ready.panel.finish.isEnabled()
    assert ready.panel.cancel.isEnabled()
    ready.panel.cancel.click()
    assert ready.algorithm.calls == ["finish", "cancel"]
    ready.algorithm.ends_with("cancelled")
    assert not (shelf / "mine").exists() and "Nothing was kept" in said(ready.outcome)
    assert ready.panel.start.isVisible() and not ready.panel.resume.isVisible()


def test_a_training_that_died_can_go_on_or_be_discarded(ready, shelf):
    ready.name.setText("Mine")
    ready.refresh()
    ready.panel.start.click()
    first = ready.algorithm.started[0]
    state = shelf / "mine" / ".training" / "abc"
    state.mkdir(parents=True)
    (state / "state.pt").write_bytes(b"")
    ready.algorithm.ends_with("failed", "The engine was killed.\nTry again.")
    assert ready.panel.resume.isVisible() and "was killed" in said(ready.outcome)
    assert "Resume goes on from its last validation" in said(ready.outcome)
    ready.panel.resume.click()
    assert ready.algorithm.started[1] == first
    ready.algorithm.ends_with("failed", "Killed again.")
    ready.panel.discard.click()
    assert not (shelf / "mine").exists() and not ready.panel.resume.isVisible()


def test_a_failure_before_anything_was_learned_leaves_nothing(ready, shelf):
    ready.name.setText("Mine")
    ready.refresh()
    ready.panel.start.click()
    ready.algorithm.ends_with("failed", "The labels have no CRS.")
    assert not (shelf / "mine").exists() and "no CRS" in said(ready.outcome) and not ready.panel.resume.isVisible()


def test_the_feedback_of_a_real_run_passes_numbers_on_and_asks_to_finish(qgis_app, qtbot):
    from qgis.core import QgsApplication, QgsProcessingAlgorithm, QgsProcessingProvider

    from ridgeline.plugin.dock.logic.run import AlgorithmRun

    class Patient(QgsProcessingAlgorithm):
        def name(self):
            return "patient"

        displayName = name

        def createInstance(self):
            return Patient()

        def initAlgorithm(self, configuration=None):
            pass

        def processAlgorithm(self, parameters, context, feedback):
            feedback.tell({"step": 3})
            end = time.monotonic() + 20
            while not feedback.is_finish_asked() and time.monotonic() < end:
                time.sleep(0.01)
            return {"DONE": feedback.is_finish_asked()}

    class Box(QgsProcessingProvider):
        def id(self):
            return "patientbox"

        name = id

        def loadAlgorithms(self):
            self.addAlgorithm(Patient())

    provider = Box()
    QgsApplication.processingRegistry().addProvider(provider)
    run, told, ended = AlgorithmRun(), [], []
    run.told.connect(lambda detail: (told.append(detail), run.finish()))
    run.succeeded.connect(ended.append)
    run.start("patientbox:patient", {})
    qtbot.waitUntil(lambda: bool(ended), timeout=30_000)
    QgsApplication.processingRegistry().removeProvider(provider)
    assert told == [{"step": 3}] and ended == [{"DONE": True}]
