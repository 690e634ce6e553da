"""What becomes of a run of the Segment page: results, failure with Resume, cancel, a project that was closed."""

import json
import time
from pathlib import Path

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingProvider,
    QgsProject,
)

from ridgeline.plugin.dock import segment_run
from ridgeline.plugin.dock.logic import pending
from ridgeline.plugin.dock.logic.checks import Weight
from ridgeline.plugin.dock.segment import SegmentPage

REGION = "POLYGON((500010 5599960, 500040 5599960, 500040 5599990, 500010 5599990, 500010 5599960))"
PLAN = {"how": "well"}


class Engineless(QgsProcessingAlgorithm):
    """Takes what the page gives, leaves work in the folder, and ends as PLAN says."""

    def name(self):
        return "segment"

    def displayName(self):
        return "segment"

    def createInstance(self):
        return Engineless()

    def initAlgorithm(self, configuration=None):
        pass

    def checkParameterValues(self, parameters, context):
        return True, ""

    def processAlgorithm(self, parameters, context, feedback):
        folder = Path(parameters["OUTPUT"])
        (folder / ".ridgeline").mkdir(exist_ok=True)
        (folder / ".ridgeline" / "ledger.json").write_text("{}")
        feedback.setProgress(10)
        if PLAN["how"] == "fail":
            raise QgsProcessingException("The engine was ended.")
        if PLAN["how"] == "wait":
            while not feedback.isCanceled():
                time.sleep(0.01)
            return {}
        feedback.pushWarning("The DSM is coarse.")
        (folder / "run.json").write_text(json.dumps({"device": {"device": "cpu"}}))
        return {"OUTPUT": str(folder), "RUN_JSON": str(folder / "run.json")}


class FakeProvider(QgsProcessingProvider):
    def id(self):
        return "fakeline"

    def name(self):
        return "fakeline"

    def loadAlgorithms(self):
        self.addAlgorithm(Engineless())


@pytest.fixture
def ready(page, pair, settle, monkeypatch, tmp_path):
    monkeypatch.setattr(segment_run, "ALGORITHM", "fakeline:segment")
    provider = FakeProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    settle()
    page.region.set_drawn(QgsGeometry.fromWkt(REGION), QgsCoordinateReferenceSystem("EPSG:25832"))
    page.advanced.folder.setFilePath(str(tmp_path / "results é"))
    settle()
    yield page
    page.run.cancel()
    QgsApplication.processingRegistry().removeProvider(provider)


def go(page, qtbot, how):
    PLAN["how"] = how
    page.panel.run.click()
    assert page.run.running and page.panel.cancel.isVisible() and not page.panel.run.isVisible()
    if how != "wait":
        qtbot.waitUntil(lambda: not page.run.running, timeout=10_000)


def left(tmp_path):
    return [path for path in (tmp_path / "results é").rglob("*") if path.is_file()]


def outcome(page):
    return [(finding.weight, finding.text) for finding in page.panel.outcome.findings]


def test_a_finished_run_is_a_group_with_a_summary_and_can_be_repeated(ready, qtbot, tmp_path):
    go(ready, qtbot, "well")
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 1
    assert ready.summary.isVisible() and "run.json" in ready.summary.label.text()
    assert outcome(ready) == [(Weight.WARNS, "The DSM is coarse.")]
    assert ready.panel.again.isVisible() and not ready.panel.resume.isVisible()
    assert pending.interrupted() is None
    ready.panel.again.click()
    assert ready.region.mode.currentData() == "canvas"


def test_a_failed_run_says_why_and_can_be_resumed_in_its_folder(ready, qtbot, tmp_path):
    go(ready, qtbot, "fail")
    assert outcome(ready)[0] == (Weight.STOPS, "The engine was ended.")
    assert ready.panel.resume.isVisible() and ready.panel.discard.isVisible()
    (folder,) = (tmp_path / "results é").iterdir()
    PLAN["how"] = "well"
    ready.panel.resume.click()
    qtbot.waitUntil(lambda: not ready.run.running, timeout=10_000)
    assert (folder / "run.json").is_file() and len(list((tmp_path / "results é").iterdir())) == 1
    assert not ready.panel.resume.isVisible()


def test_discard_deletes_what_a_failed_run_left(ready, qtbot, tmp_path):
    go(ready, qtbot, "fail")
    ready.panel.discard.click()
    assert left(tmp_path) == [] and not ready.panel.resume.isVisible() and ready.panel.run.isVisible()


def test_a_cancelled_run_leaves_nothing(ready, qtbot, tmp_path):
    go(ready, qtbot, "wait")
    qtbot.wait(100)
    ready.panel.cancel.click()
    qtbot.waitUntil(lambda: not ready.run.running, timeout=10_000)
    assert left(tmp_path) == [] and QgsProject.instance().layerTreeRoot().findGroups() == []
    assert "Nothing was kept" in outcome(ready)[0][1] and pending.interrupted() is None


def test_a_long_run_that_is_cancelled_is_kept_until_it_is_discarded(ready, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(segment_run, "KEPT_AFTER_S", 0.0)
    go(ready, qtbot, "wait")
    qtbot.wait(100)
    ready.panel.cancel.click()
    qtbot.waitUntil(lambda: not ready.run.running, timeout=10_000)
    assert ready.panel.resume.isVisible() and len(left(tmp_path)) == 1
    ready.panel.discard.click()
    assert left(tmp_path) == []


def test_results_are_not_added_to_another_project(ready, qtbot, tmp_path):
    PLAN["how"] = "well"
    ready.panel.run.click()
    QgsProject.instance().clear()
    qtbot.waitUntil(lambda: not ready.run.running, timeout=10_000)
    assert QgsProject.instance().layerTreeRoot().findGroups() == []
    assert "project was closed" in outcome(ready)[0][1]


def test_a_folder_that_cannot_be_written_is_said_at_once(ready, tmp_path):
    (tmp_path / "file").write_text("")
    ready.advanced.folder.setFilePath(str(tmp_path / "file"))
    ready.panel.run.click()
    assert not ready.run.running and outcome(ready)[0][0] is Weight.STOPS
    assert "file" in outcome(ready)[0][1]


def test_an_interrupted_run_is_offered_by_the_next_page(ready, qtbot, qgis_iface, tmp_path):
    folder = tmp_path / "results é" / "ridgeline_before"
    folder.mkdir(parents=True)
    pending.note(pending.Pending(folder, "Toy, yesterday", {"OUTPUT": str(folder)}))
    later = SegmentPage(qgis_iface)
    qtbot.addWidget(later)
    later.show()
    assert later.panel.resume.isVisible() and "Toy, yesterday" in outcome(later)[0][1]
    PLAN["how"] = "well"
    later.panel.resume.click()
    qtbot.waitUntil(lambda: not later.run.running, timeout=10_000)
    assert (folder / "run.json").is_file() and pending.interrupted() is None
    later.release()
