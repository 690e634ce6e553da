"""When the engine is asked while the map moves, and what the map itself may do meanwhile."""

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.jobs.serve import Scene
from ridgeline.plugin.preview.live import DEBOUNCE_MS, LivePreview


class Asked(QObject):
    """An engine that never answers, and remembers what it was asked."""

    answered, failed, progressed = pyqtSignal(str, object), pyqtSignal(str, object), pyqtSignal(str, object)
    folder = "nowhere"

    def __init__(self):
        super().__init__()
        self.requests, self.cancelled = [], []

    def ask(self, request):
        self.requests.append(request)
        return str(len(self.requests))

    def cancel(self, identity):
        self.cancelled.append(identity)


class Canvas(QgsMapCanvas):
    """A map that tells whether it draws its surroundings ahead of time."""

    looks_ahead = True

    def setPreviewJobsEnabled(self, enabled):
        self.looks_ahead = enabled
        super().setPreviewJobsEnabled(enabled)


@pytest.fixture
def canvas(qgis_app, qtbot):
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:25832"))
    canvas.setExtent(QgsRectangle(0, 0, 400, 300))
    return canvas


@pytest.fixture
def live(canvas):
    live = LivePreview(canvas, Asked(), lambda: Scene(RasterInput("a.tif"), None, "a-model"))
    live.switch(True)
    yield live
    live.switch(False)


def move(canvas, to):
    canvas.setExtent(QgsRectangle(to, 0, to + 400, 300))


def test_a_single_move_is_asked_about_at_once_and_once(canvas, live, qtbot):
    engine = live._engine
    move(canvas, 130)
    assert len(engine.requests) == 2, "it waited until the map was still"
    assert engine.requests[-1].bounds[0] == pytest.approx(130, abs=1)
    assert engine.cancelled == ["1"], "what the map showed before is no longer wanted"
    qtbot.wait(3 * DEBOUNCE_MS)
    assert len(engine.requests) == 2, "it was asked again about the same view"


def test_of_many_moves_the_first_and_the_last_are_asked_about(canvas, live, qtbot):
    engine = live._engine
    for to in range(10, 110, 10):
        move(canvas, to)
    assert len(engine.requests) == 2
    qtbot.waitUntil(lambda: len(engine.requests) == 3, timeout=5000)
    assert engine.requests[1].bounds[0] == pytest.approx(10, abs=1)
    assert engine.requests[2].bounds[0] == pytest.approx(100, abs=1)
    assert engine.cancelled == ["1", "2"]


def test_changed_choices_are_asked_about_once_they_rest(live, qtbot):
    engine = live._engine
    for _ in range(3):
        live.follow()
    assert len(engine.requests) == 1
    qtbot.waitUntil(lambda: len(engine.requests) == 2, timeout=5000)


def test_the_map_draws_its_surroundings_ahead_only_without_a_preview(canvas, live):
    assert not canvas.looks_ahead, "QGIS takes the processors from the engine"
    live.switch(False)
    assert canvas.looks_ahead
