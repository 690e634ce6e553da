"""Runs in the background: every way they end comes as one signal."""

import time

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterString,
    QgsProcessingProvider,
)

from ridgeline.engine.jobs import Cancelled, ErrorCode, RidgelineError
from ridgeline.plugin.dock.logic.background import BackgroundWork
from ridgeline.plugin.dock.logic.run import AlgorithmRun, reason_of


class Toy(QgsProcessingAlgorithm):
    """Ends as its parameter HOW says."""

    def name(self):
        return "toy"

    def displayName(self):
        return "toy"

    def createInstance(self):
        return Toy()

    def initAlgorithm(self, configuration=None):
        self.addParameter(QgsProcessingParameterString("HOW", "how"))

    def prepareAlgorithm(self, parameters, context, feedback):
        if parameters["HOW"] == "fail early":
            raise QgsProcessingException("The layer is gone.")
        return True

    def processAlgorithm(self, parameters, context, feedback):
        how = parameters["HOW"]
        feedback.setProgressText("Toying")
        feedback.pushWarning("Careful.")
        feedback.setProgress(40)
        if how == "fail":
            raise QgsProcessingException("The roof is on fire.")
        if how == "crash":
            raise ZeroDivisionError("by zero")
        if how == "wait":
            for _ in range(500):
                if feedback.isCanceled():
                    return {}
                time.sleep(0.01)
        return {"OUTPUT": how}


class ToyProvider(QgsProcessingProvider):
    def id(self):
        return "toybox"

    def name(self):
        return "toybox"

    def loadAlgorithms(self):
        self.addAlgorithm(Toy())


@pytest.fixture
def toybox(qgis_app):
    provider = ToyProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    yield
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture
def run(toybox):
    run = AlgorithmRun()
    run.heard = []
    for name in ("progressed", "said", "warned", "succeeded", "failed", "cancelled"):
        getattr(run, name).connect(lambda *args, name=name: run.heard.append((name, *args)))
    return run


def ends(run):
    return [item for item in run.heard if item[0] in ("succeeded", "failed", "cancelled")]


def test_a_run_that_works_tells_how_it_goes_and_what_it_made(run, qtbot):
    run.start("toybox:toy", {"HOW": "well"})
    assert run.running
    qtbot.waitUntil(lambda: not run.running, timeout=10_000)
    assert ends(run) == [("succeeded", {"OUTPUT": "well"})]
    assert ("said", "Toying") in run.heard and ("warned", "Careful.") in run.heard
    assert ("progressed", 40.0) in run.heard


@pytest.mark.parametrize("how,word", [("fail", "on fire"), ("fail early", "layer is gone"), ("crash", "by zero")])
def test_a_run_that_fails_says_why_in_words(run, qtbot, how, word):
    run.start("toybox:toy", {"HOW": how})
    qtbot.waitUntil(lambda: not run.running, timeout=10_000)
    (end,) = ends(run)
    assert end[0] == "failed" and word in end[1] and "Traceback" not in end[1]


def test_a_run_that_is_cancelled_says_so_and_nothing_else(run, qtbot):
    run.start("toybox:toy", {"HOW": "wait"})
    qtbot.waitUntil(lambda: ("progressed", 40.0) in run.heard, timeout=10_000)
    run.cancel()
    qtbot.waitUntil(lambda: not run.running, timeout=10_000)
    assert ends(run) == [("cancelled",)]


def test_wrong_parameters_and_unknown_algorithms_fail_at_once(run):
    run.start("toybox:toy", {})
    run.start("toybox:absent", {})
    assert [item[0] for item in ends(run)] == ["failed", "failed"] and not run.running


def test_an_unexpected_fault_becomes_one_sentence():
    trace = "Traceback (most recent call last):\n  File x\nKeyError: 'roof'"
    assert "KeyError: 'roof'" in reason_of([trace]) and "File x" not in reason_of([trace])
    assert reason_of([]) != ""


def heard_of(work):
    heard = []
    for name in ("progressed", "logged", "succeeded", "failed", "cancelled"):
        getattr(work, name).connect(lambda *args, name=name: heard.append((name, *args)))
    return heard


def raising(fault):
    def work(_work):
        raise fault

    return work


@pytest.mark.parametrize(
    "work,expected",
    [
        (lambda work: (work.report(10, "half"), work.log("line"), 7)[2], ("succeeded", 7)),
        (
            raising(RidgelineError(ErrorCode.DISK_FULL, "The disk is full.", "Free some.")),
            ("failed", "The disk is full."),
        ),
        (raising(Cancelled()), ("cancelled",)),
        (raising(ValueError("odd")), ("failed", "ValueError: odd")),
    ],
)
def test_background_work_ends_with_one_signal(qgis_app, qtbot, work, expected):
    background = BackgroundWork()
    heard = heard_of(background)
    background.start("toying", work)
    qtbot.waitUntil(lambda: not background.running, timeout=10_000)
    last = heard[-1]
    assert last[0] == expected[0]
    assert len(expected) == 1 or (expected[1] in last[1] if isinstance(expected[1], str) else expected[1] == last[1])


def test_background_work_can_be_cancelled(qgis_app, qtbot):
    background = BackgroundWork()
    heard = heard_of(background)

    def patient(work):
        while not work.is_cancelled():
            time.sleep(0.01)
        raise Cancelled()

    background.start("waiting", patient)
    qtbot.wait(100)
    background.cancel()
    qtbot.waitUntil(lambda: not background.running, timeout=10_000)
    assert heard[-1] == ("cancelled",)
