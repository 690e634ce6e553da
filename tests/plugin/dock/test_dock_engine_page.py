"""The Engine page: one sentence for each state, nothing by itself, and every button does what it says."""

import os
import sys

import pytest
from qgis.core import QgsApplication

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.plugin.dock import engine as module
from ridgeline.plugin.dock.engine import EnginePage
from ridgeline.plugin.dock.logic.checks import Weight
from ridgeline.plugin.engine_link.environment import EngineState, Marker, Readiness
from ridgeline.plugin.settings import ENGINE_PYTHON, read_setting

MARKER = Marker("abc", "inference", False, "pip", "python", "2026-01-01", "0.1.0")
STATES = {
    Readiness.MISSING: EngineState(Readiness.MISSING, "The engine is not set up yet."),
    Readiness.OUTDATED: EngineState(Readiness.OUTDATED, "The plugin was updated.", folder="x", marker=MARKER),
    Readiness.BROKEN: EngineState(Readiness.BROKEN, "The set-up is not complete.", "p", "x"),
    Readiness.READY: EngineState(Readiness.READY, "The engine is set up.", "p", "x", marker=MARKER),
}


@pytest.fixture
def state(monkeypatch):
    """What the page believes of the engine."""
    box = {"now": STATES[Readiness.MISSING]}
    monkeypatch.setattr(module, "engine_state", lambda: box["now"])
    return box


@pytest.fixture
def page(qgis_new_project, qgis_iface, qtbot, state):
    page = EnginePage(qgis_iface)
    qtbot.addWidget(page)
    page.show()
    page.refresh()
    yield page
    page.release()


def wait(qtbot, page):
    qtbot.waitUntil(lambda: not page.work.running and not page.status_run.running, timeout=20_000)


def told(page):
    return " ".join(finding.text for finding in page.outcome.findings)


@pytest.mark.parametrize(
    "readiness,button",
    [
        (Readiness.MISSING, "Set up"),
        (Readiness.OUTDATED, "Update"),
        (Readiness.BROKEN, "Repair"),
        (Readiness.READY, ""),
    ],
)
def test_each_state_has_its_sentence_and_its_first_button(page, state, readiness, button):
    state["now"] = STATES[readiness]
    page.refresh()
    assert page.state.findings[0].text == STATES[readiness].sentence
    assert (page.primary.text() if page.primary.isVisible() else "") == button
    assert page.check.isEnabled() == (readiness is Readiness.READY)
    assert (page.state.findings[0].weight is Weight.DONE) == (readiness is Readiness.READY)


def test_nothing_is_set_up_by_itself(qgis_iface, qtbot, monkeypatch):
    def never(*_args, **_more):
        raise AssertionError("something was started without a click")

    for name in ("set_up", "repair", "remove", "use_existing_python", "diagnostics"):
        monkeypatch.setattr(module, name, never)
    page = EnginePage(qgis_iface)
    qtbot.addWidget(page)
    page.show()
    page.refresh()
    qtbot.wait(300)
    assert not page.work.running
    page.release()


def test_set_up_shows_progress_and_log_and_tells_the_other_pages(page, state, qtbot, monkeypatch):
    asked = []

    def set_up(options, listener, cancelled):
        asked.append(options)
        listener.progress(40, "Installing numpy")
        listener.log("numpy 2.0")
        state["now"] = STATES[Readiness.READY]
        return state["now"]

    monkeypatch.setattr(module, "set_up", set_up)
    with qtbot.waitSignal(page.ready_changed) as ready:
        page.primary.click()
        assert page.progress.isVisible() and page.cancel.isVisible() and not page.primary.isEnabled()
    assert ready.args == [True]
    wait(qtbot, page)
    assert asked[0].which == "inference" and asked[0].bundle is None
    assert "numpy 2.0" in page.log.toPlainText() and "Done" in told(page)
    assert not page.progress.isVisible()


def test_a_set_up_that_fails_says_why_and_what_to_do(page, qtbot, monkeypatch):
    def set_up(*_args):
        raise RidgelineError(ErrorCode.DOWNLOAD_FAILED, "The network cannot be reached.", "Use an offline bundle.")

    monkeypatch.setattr(module, "set_up", set_up)
    page.primary.click()
    wait(qtbot, page)
    assert "network cannot be reached" in told(page) and "offline bundle" in told(page)
    assert page.primary.isEnabled() and page.outcome.findings[0].weight is Weight.STOPS


def test_set_up_can_be_cancelled(page, qtbot, monkeypatch):
    def set_up(_options, _listener, cancelled):
        from ridgeline.engine.jobs import Cancelled

        while not cancelled():
            qtbot_free_sleep()
        raise Cancelled()

    def qtbot_free_sleep():
        import time

        time.sleep(0.01)

    monkeypatch.setattr(module, "set_up", set_up)
    page.primary.click()
    qtbot.wait(100)
    page.cancel.click()
    wait(qtbot, page)
    assert "Cancelled" in told(page)


def test_the_training_set_is_only_taken_when_wanted(page, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "set_up", lambda options, *_more: asked.append(options.which))
    page.training.setChecked(True)
    page.primary.click()
    wait(qtbot, page)
    assert asked == ["train"]


def test_an_offline_bundle_is_handed_on(page, qtbot, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(module, "set_up", lambda options, *_more: asked.append(options.bundle))
    page.install_bundle(str(tmp_path))
    wait(qtbot, page)
    assert asked == [tmp_path]


def test_a_python_without_the_libraries_is_refused_and_not_remembered(page, qtbot, tmp_path):
    bare = tmp_path / "with space é"
    bare.mkdir()
    program = bare / ("python.exe" if os.name == "nt" else "python")
    program.symlink_to(sys.executable if "python" in os.path.basename(sys.executable) else "/usr/bin/python3")
    page.use_python(str(program))
    wait(qtbot, page)
    assert page.outcome.findings[0].weight is Weight.STOPS and "cannot run the engine" in told(page)
    assert read_setting(ENGINE_PYTHON) == ""


def test_a_python_of_ones_own_can_be_used_and_forgotten(page, state, qtbot, monkeypatch):
    own = EngineState(Readiness.READY, "The engine runs in your own Python.", "/opt/py/bin/python", own=True)

    def use(path, _environment):
        state["now"] = own
        return {"python": "3.12"}

    monkeypatch.setattr(module, "use_existing_python", use)
    page.use_python("/opt/py/bin/python")
    wait(qtbot, page)
    assert page.state.findings[0].text == own.sentence and "/opt/py/bin/python" in page.about.text()
    assert not page.repair.isEnabled() and page.remove.text() == "Forget this Python"
    forgotten = []
    monkeypatch.setattr(module, "forget_existing_python", lambda: forgotten.append(True))
    page.remove.click()
    assert forgotten == [True] and not page.work.running


def test_the_report_lands_on_the_clipboard(page, qtbot, monkeypatch):
    monkeypatch.setattr(module, "diagnostics", lambda error, log: f"## report {error}|{log}")
    page.log.appendPlainText("a line")
    page.report.click()
    wait(qtbot, page)
    assert QgsApplication.clipboard().text().startswith("## report") and "copied" in told(page)


def test_every_button_says_what_it_does(page):
    for button in (page.check, page.existing, page.offline, page.repair, page.remove, page.report, page.gpu):
        assert len(button.toolTip()) > 20, button.text()
