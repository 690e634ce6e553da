"""Preview and roof tool on a real canvas with the real warm engine and a hand-made model."""

import pytest
from preview_data import SAMPLES, alive
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

WAIT_MS = 40_000


@pytest.fixture
def page(qgis_new_project, qgis_iface, real_engine, qtbot, monkeypatch, tmp_path):
    """The Segment page with the sample area in the project, and the test model."""
    from ridgeline.plugin.dock.logic import models
    from ridgeline.plugin.dock.segment import SegmentPage

    monkeypatch.setattr(models, "RESOURCES", tmp_path / "nothing shipped")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    canvas = qgis_iface.mapCanvas()
    canvas.resize(400, 300)
    page = SegmentPage(qgis_iface)
    for name in ("burgundy_rgb", "burgundy_dsm"):
        layer = QgsRasterLayer(str(SAMPLES / f"{name}.tif"), name)
        QgsProject.instance().addMapLayer(layer)
    page.set_engine_ready(True)
    canvas.setDestinationCrs(layer.crs())
    extent = layer.extent()
    extent.scale(0.4)
    canvas.setExtent(extent)
    qtbot.waitUntil(lambda: page.rgb.currentLayer() is not None and page.dsm.currentLayer() is not None, timeout=5000)
    yield page
    page.release()
    page.close()
    page.deleteLater()


def place_of_a_roof(page, path):
    """A place, in the CRS of the canvas, where the model's land cover says building."""
    layer = QgsRasterLayer(path, "land_cover")
    box, block = layer.extent(), None
    block = layer.dataProvider().block(1, box, layer.width(), layer.height())
    best = None
    for row in range(20, layer.height() - 20, 5):
        for column in range(20, layer.width() - 20, 5):
            if all(block.value(row + i, column + j) == 2 for i in (-8, 0, 8) for j in (-8, 0, 8)):
                best = (row, column)
                break
        if best:
            break
    assert best, "no building in the view"
    from qgis.core import QgsPointXY

    x = box.xMinimum() + (best[1] + 0.5) * box.width() / layer.width()
    return QgsPointXY(x, box.yMaximum() - (best[0] + 0.5) * box.height() / layer.height())


def test_preview_follows_the_map_and_a_roof_is_picked_and_kept(page, qgis_iface, qtbot, tmp_path):
    canvas, live, panel = qgis_iface.mapCanvas(), page.preview.live, page.preview.panel
    with qtbot.waitSignal(live.pictured, timeout=WAIT_MS) as first:
        panel.preview.click()
    assert first.args[0]["tiles"] > 0 and panel.layer.count() >= 3 and panel.legend.text()
    qtbot.waitUntil(lambda: live.item is not None and live.item.has_picture, timeout=10_000)
    assert len(QgsProject.instance().mapLayers()) == 2, "the preview must be no layer of the project"
    panel.opacity.setValue(30)
    assert live.item.opacity() == pytest.approx(0.3)

    # a short pan needs few new tiles; of two quick ones only the last is answered
    extent = canvas.extent()
    with qtbot.waitSignal(live.pictured, timeout=WAIT_MS) as second:
        for step in (0.1, 0.2):
            moved = canvas.extent()
            moved.setXMinimum(extent.xMinimum() + step * extent.width())
            moved.setXMaximum(extent.xMaximum() + step * extent.width())
            canvas.setExtent(moved)
    assert second.args[0]["computed"] < second.args[0]["tiles"]
    panel.layer.setCurrentIndex(panel.layer.findData("confidence"))
    panel.layer.activated.emit(panel.layer.currentIndex())
    assert live.shown == "confidence"
    assert "sure" in panel.legend.text() and "#fde725" in panel.legend.text(), "nobody can tell what yellow means"

    point = place_of_a_roof(page, live._paths["land_cover"])
    panel.roofs.click()
    roofs = page.preview.roofs
    assert canvas.mapTool() is roofs.tool and roofs.is_on
    roofs.tool.clicked.emit(point)
    qtbot.waitUntil(lambda: roofs.roof is not None, timeout=WAIT_MS)
    assert roofs.card.title.text() and roofs.card.rows[0][1].text(), "the card is empty"
    assert roofs.band.asGeometry().area() == pytest.approx(roofs.roof["area_m2"], rel=0.01)

    QTest.keyClick(canvas, Qt.Key.Key_A)
    from ridgeline.plugin.layers.roofs import find_layer

    layer = find_layer()
    assert layer is not None and layer.featureCount() == 1 and str(tmp_path) in layer.source()
    feature = next(layer.getFeatures())
    assert feature["roof_class"] == roofs.roof["roof_class"] and feature["model"] == "journey-test"
    setup = layer.editorWidgetSetup(layer.fields().indexOf("roof_class"))
    assert setup.type() == "ValueMap" and len(setup.config()["map"]) == 12
    roofs.add()
    assert layer.featureCount() == 1 and "already" in roofs.card.message.text().replace("\u200b", "")

    pid = page.preview.engine.pid
    assert alive(pid)
    QgsProject.instance().clear()
    assert not live.is_on and not roofs.is_on and live.item is None
    assert type(canvas.mapTool()).__name__ != "ClickRoof"
    qtbot.waitUntil(lambda: not alive(pid), timeout=10_000)


def test_what_is_missing_is_said_in_place_of_a_picture(page, qtbot):
    page.rgb.setLayer(None)
    page.dsm.setLayer(None)
    page.preview.panel.preview.click()
    assert "no layer" in page.preview.panel.notes.findings[0].text
    assert page.preview.engine.pid is None, "an engine was started for nothing"
