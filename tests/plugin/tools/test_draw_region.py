"""Drawing a region on a real canvas."""

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest

from ridgeline.plugin.tools.draw_region import DrawPolygon, DrawRectangle

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@pytest.fixture
def canvas(qgis_app, qtbot):
    canvas = QgsMapCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:25832"))
    canvas.setExtent(QgsRectangle(0, 0, 400, 400))
    canvas.show()
    return canvas


def started(canvas, tool_class):
    tool = tool_class(canvas)
    tool.shapes, tool.left = [], []
    tool.drawn.connect(tool.shapes.append)
    tool.abandoned.connect(lambda: tool.left.append(True))
    canvas.setMapTool(tool)
    return tool


def press(canvas, point, button=LEFT):
    QTest.mousePress(canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, QPoint(*point))


def release(canvas, point, button=LEFT):
    QTest.mouseRelease(canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, QPoint(*point))


def click(canvas, point, button=LEFT):
    press(canvas, point, button)
    release(canvas, point, button)


def key(canvas, which):
    QTest.keyClick(canvas, which)


def test_a_drag_draws_a_rectangle(canvas):
    tool = started(canvas, DrawRectangle)
    press(canvas, (100, 100))
    QTest.mouseMove(canvas.viewport(), QPoint(200, 150))
    release(canvas, (200, 150))
    (shape,) = tool.shapes
    scale = canvas.mapUnitsPerPixel()
    assert shape.area() == pytest.approx(100 * 50 * scale**2, rel=0.05)


def test_two_clicks_draw_a_rectangle_too(canvas):
    tool = started(canvas, DrawRectangle)
    click(canvas, (50, 50))
    assert tool.shapes == []
    click(canvas, (150, 150))
    assert len(tool.shapes) == 1


def test_escape_wipes_first_and_leaves_then(canvas):
    tool = started(canvas, DrawRectangle)
    click(canvas, (50, 50))
    key(canvas, Qt.Key.Key_Escape)
    assert tool.left == []
    click(canvas, (90, 90))
    assert tool.shapes == [], "the wiped corner was used"
    key(canvas, Qt.Key.Key_Escape)
    key(canvas, Qt.Key.Key_Escape)
    assert tool.left == [True]


def test_clicks_and_a_right_click_draw_a_polygon(canvas):
    tool = started(canvas, DrawPolygon)
    for point in ((50, 50), (150, 50), (100, 150)):
        click(canvas, point)
    click(canvas, (10, 10), RIGHT)
    (shape,) = tool.shapes
    assert shape.area() == pytest.approx(5000 * canvas.mapUnitsPerPixel() ** 2, rel=0.05)


def test_two_corners_are_no_polygon_and_backspace_takes_one_back(canvas):
    tool = started(canvas, DrawPolygon)
    for point in ((50, 50), (150, 50)):
        click(canvas, point)
    click(canvas, (10, 10), RIGHT)
    assert tool.shapes == []
    click(canvas, (300, 300))
    key(canvas, Qt.Key.Key_Backspace)
    click(canvas, (100, 150))
    key(canvas, Qt.Key.Key_Return)
    (shape,) = tool.shapes
    assert shape.area() == pytest.approx(5000 * canvas.mapUnitsPerPixel() ** 2, rel=0.05)


def test_a_bow_tie_becomes_a_valid_shape(canvas):
    tool = started(canvas, DrawPolygon)
    for point in ((50, 50), (150, 150), (150, 50), (50, 150)):
        click(canvas, point)
    key(canvas, Qt.Key.Key_Enter)
    assert tool.shapes[0].isGeosValid() and tool.shapes[0].area() > 0


def test_nothing_stays_on_the_map(canvas):
    before = len(canvas.scene().items())
    tool = started(canvas, DrawPolygon)
    click(canvas, (50, 50))
    canvas.unsetMapTool(tool)
    tool.dispose()
    assert len(canvas.scene().items()) == before
