"""The Models page, live preview and roof card with the test model on real data: pictures to look at."""

import os
import signal
from pathlib import Path

from desktop import cut_off, engine_processes
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "resources" / "samples"
WIDTH = 320


def journey(desktop):
    desktop.load_plugin()
    dock = desktop.open_dock(WIDTH)
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")

    page = dock.models
    dock.tabs.setCurrentWidget(page)
    rows = [page.list.item(row).text() for row in range(page.list.count())]
    page.list.setCurrentRow(rows.index("Test model"))
    desktop.set_dock_width(dock, WIDTH)
    desktop.click(page.verify)
    desktop.wait_until(lambda: not page.work.running and page.outcome.findings, 120, "the model is checked")
    assert "in order" in page.outcome.findings[0].text, page.outcome.findings
    desktop.settle(0.5)
    assert cut_off(page) == [], cut_off(page)
    desktop.screenshot("models_dock", dock)

    desktop.click(page.sample)
    desktop.wait_until(lambda: not page.work.running and page.outcome.findings, 240, "the sample is computed")
    desktop.facts["sample"] = [finding.text for finding in page.outcome.findings]
    assert any("Sample area" in group for group in desktop.groups()), page.outcome.findings
    desktop.redraw()
    desktop.screenshot("sample")
    QgsProject.instance().clear()

    segment = dock.segment
    dock.tabs.setCurrentWidget(segment)
    rgb = desktop.add_raster(SAMPLES / "burgundy_rgb.tif", "ortho")
    desktop.add_raster(SAMPLES / "burgundy_dsm.tif", "surface")
    desktop.show(rgb, 0.5)
    desktop.wait_until(segment.panel.run.isEnabled, 5, lambda: str(segment.notes.findings))
    segment.model.setCurrentIndex(segment.model.findData("journey-test"))
    live, roofs, panel = segment.preview.live, segment.preview.roofs, segment.preview.panel
    got = []
    live.pictured.connect(got.append)
    desktop.click(panel.preview)
    desktop.wait_until(lambda: got and live.item.has_picture, 60, lambda: f"a preview: {panel.notes.findings}")
    desktop.facts["first"] = {key: got[-1][key] for key in ("tiles", "computed", "seconds")}
    panel.layer.setCurrentIndex(panel.layer.findData("land_cover"))
    panel.layer.activated.emit(panel.layer.currentIndex())
    desktop.settle(1.0)
    assert cut_off(segment) == [], cut_off(segment)
    desktop.screenshot("preview")
    # a pan shows the old picture in its place until the new one has come
    before = len(got)
    extent = desktop.canvas.extent()
    extent.setXMinimum(extent.xMinimum() + extent.width() / 3)
    extent.setXMaximum(extent.xMaximum() + extent.width() / 2)
    desktop.canvas.setExtent(extent)
    desktop.canvas.refresh()
    desktop.wait_until(lambda: len(got) > before, 60, "the preview follows")
    desktop.facts["pan"] = {key: got[-1][key] for key in ("tiles", "computed", "seconds")}
    desktop.redraw()
    desktop.screenshot("preview_panned")
    # the engine is killed under it: the next move of the map starts another
    before, pid = len(got), segment.preview.engine.pid
    os.kill(pid, signal.SIGKILL)
    desktop.canvas.zoomByFactor(1.1)
    desktop.wait_until(lambda: len(got) > before, 60, lambda: f"a new engine answers: {panel.notes.findings}")
    assert segment.preview.engine.pid not in (None, pid) and pid not in engine_processes()
    assert not panel.notes.findings

    desktop.click(panel.roofs)
    centre = desktop.canvas.viewport().rect().center()
    for step in range(60):  # a spiral from the middle to the first building
        offset = centre.__class__((step % 8 - 4) * 45, (step // 8 - 4) * 45)
        desktop.click_map(centre + offset)
        desktop.wait_until(lambda: not roofs._asked, 60, "a click is answered")
        if roofs.roof is not None and roofs.roof["area_m2"] > 60:
            break
    assert roofs.roof is not None, "no building under any click"
    desktop.facts["roof"] = roofs.roof
    desktop.settle(0.3)
    assert cut_off(segment) == [], cut_off(segment)
    card = desktop.window.grab().toImage().pixelColor(roofs.card.mapTo(desktop.window, roofs.card.rect().center()))
    assert card == roofs.card.palette().window().color(), f"the map shines through the card: {card.name()}"
    desktop.screenshot("roof")
    desktop.screenshot("roof_card", roofs.card)
    QTest.keyClick(desktop.canvas, Qt.Key.Key_A)
    desktop.redraw()
    desktop.screenshot("roof_added")
    assert any(layer.name() == "Ridgeline roofs" for layer in QgsProject.instance().mapLayers().values())
    assert engine_processes()
    QgsProject.instance().clear()
    desktop.wait_until(lambda: not engine_processes(), 15, "the warm engine has ended with the project")
