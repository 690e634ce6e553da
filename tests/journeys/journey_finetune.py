"""Label twelve polygons by clicks, check them, fine-tune the head, run the new model, and see its group on the map."""

import os

from desktop import DSM, RGB, cut_off
from qgis.core import QgsEditFormConfig, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QPoint, Qt

WIDTH = 320


def look(desktop, page, name):
    """Nothing is cut off; one picture of the window."""
    desktop.settle(0.4)
    faults = cut_off(page)
    assert faults == [], (name, faults)
    desktop.screenshot(name)


def draw_labels(desktop, layer, raster):
    """Twelve squares by clicks: in turns of the first and of the second class, in four rows."""
    desktop.iface.setActiveLayer(layer)
    layer.startEditing()
    desktop.iface.actionAddFeature().trigger()
    extent = raster.extent()
    for number in range(12):
        across, down = 0.15 + 0.3 * (number % 3), 0.12 + 0.25 * (number // 3)
        centre = desktop.pixel(extent.xMinimum() + extent.width() * across, extent.yMaximum() - extent.height() * down)
        for x, y in ((-12, -12), (12, -12), (12, 12), (-12, 12)):
            desktop.click_map(centre + QPoint(x, y))
        desktop.click_map(centre, Qt.MouseButton.RightButton)
    drawn = sorted(layer.getFeatures(), key=lambda feature: feature.geometry().centroid().asPoint().toString())
    for number, feature in enumerate(drawn):
        layer.changeAttributeValue(feature.id(), 0, ("roof", "background")[number % 2])
    assert layer.featureCount() == 12, layer.featureCount()
    layer.commitChanges()
    desktop.iface.actionPan().trigger()


def labelled_page(desktop):
    """Open the Fine-tune page with the sample pair and twelve polygons drawn on it; returns the dock."""
    desktop.load_plugin()
    dock = desktop.open_dock(WIDTH)
    page = dock.finetune
    dock.tabs.setCurrentWidget(page)
    look(desktop, page, "01_empty")
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    rgb = desktop.add_raster(RGB, "herault_ortho")
    desktop.add_raster(DSM, "herault_dsm")
    desktop.show(rgb)

    layer = QgsVectorLayer(f"Polygon?crs={rgb.crs().authid()}&field=kind:string", "My labels", "memory")
    form = layer.editFormConfig()
    form.setSuppress(QgsEditFormConfig.SuppressOn)
    layer.setEditFormConfig(form)
    QgsProject.instance().addMapLayer(layer)
    draw_labels(desktop, layer, rgb)
    page.labels.setLayer(layer)
    page.field.setField("kind")
    page.name.setText("My roofs")
    page.model.setCurrentIndex(page.model.findData("journey-learner"))  # small: it learns in seconds
    desktop.wait_until(page.panel.start.isEnabled, 10, lambda: f"a training is possible: {page.notes.findings}")
    assert [item.target for item in page.meanings()] == ["background", "roof"]
    return dock


def journey(desktop):
    dock = labelled_page(desktop)
    page = dock.finetune
    page.minutes.setValue(0.5)
    look(desktop, page, "02_labels")

    desktop.click(page.panel.check)
    desktop.wait_until(lambda: not page.run.running, 120, "the check ends")
    desktop.facts["check"] = [finding.text for finding in page.outcome.findings]
    assert any("roof" in text and "kept apart" in text for text in desktop.facts["check"]), desktop.facts["check"]
    assert any(item.customProperty("ridgeline/split") for item in QgsProject.instance().mapLayers().values())
    page.scroll.ensureWidgetVisible(page.outcome)
    desktop.redraw()
    look(desktop, page, "03_checked")

    desktop.click(page.panel.start)
    desktop.wait_until(lambda: len(page.view.curve.points) >= 1 or not page.run.running, 180, "a first validation")
    assert page.run.running, [finding.text for finding in page.outcome.findings]
    page.scroll.ensureWidgetVisible(page.view)
    desktop.settle(4)
    look(desktop, page, "04_training")
    assert page.view.strips[0].isVisible() and page.view.strips[0].height() > 20
    desktop.click(page.panel.finish)
    desktop.wait_until(lambda: not page.run.running, 180, "the training ends")
    desktop.facts["result"] = [finding.text for finding in page.outcome.findings]
    assert dock.segment.model.currentData() == "my-roofs", desktop.facts["result"]
    look(desktop, page, "05_done")

    dock.tabs.setCurrentWidget(dock.segment)
    desktop.wait_until(dock.segment.panel.run.isEnabled, 10, lambda: f"a run: {dock.segment.notes.findings}")
    desktop.click(dock.segment.panel.run)
    desktop.wait_until(lambda: not dock.segment.run.running, 180, "the run ends")
    groups = desktop.groups()
    desktop.facts["groups"] = groups
    assert any("My roofs" in name for name in groups), (groups, dock.segment.panel.outcome.findings)
    desktop.redraw()
    desktop.screenshot("06_run")
