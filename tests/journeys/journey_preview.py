"""The Models page, live preview and roof card with the test model on real data: pictures to look at."""

import os
import statistics
import tempfile
import time
from pathlib import Path

from desktop import big_pair, cut_off, engine_processes
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ["RIDGELINE_DATA"]) / "real"
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
    desktop.screenshot("roof")
    desktop.screenshot("roof_card", roofs.card)
    QTest.keyClick(desktop.canvas, Qt.Key.Key_A)
    desktop.redraw()
    desktop.screenshot("roof_added")
    assert any(layer.name() == "Ridgeline roofs" for layer in QgsProject.instance().mapLayers().values())
    assert engine_processes()
    QgsProject.instance().clear()
    desktop.wait_until(lambda: not engine_processes(), 15, "the warm engine has ended with the project")

    measure(desktop, dock)


def measure(desktop, dock):
    """How long the map's user waits with the default model, debouncing and drawing included; kept as facts."""
    segment = dock.segment
    pair = (DATA / "herault_77055_627760_rgb.tif", DATA / "herault_77055_627760_dsm.tif")
    big_rgb, big_dsm = big_pair(tempfile.mkdtemp(), *pair, 12)
    rgb = desktop.add_raster(big_rgb, "ortho")
    desktop.add_raster(big_dsm, "surface")
    desktop.show(rgb)
    desktop.canvas.zoomByFactor(0.25 / desktop.canvas.mapUnitsPerPixel())
    extent = desktop.canvas.extent()
    shift = rgb.extent().xMinimum() - extent.xMinimum()
    extent.setXMinimum(extent.xMinimum() + shift)
    extent.setXMaximum(extent.xMaximum() + shift)
    desktop.canvas.setExtent(extent)
    desktop.redraw()
    desktop.wait_until(segment.panel.run.isEnabled, 5, lambda: str(segment.notes.findings))
    default = segment.model.findData("ridgeline-compact")
    if default < 0:
        return
    segment.model.setCurrentIndex(default)
    live, roofs, panel = segment.preview.live, segment.preview.roofs, segment.preview.panel
    drawn, answers = [], []
    show = live._maker._ready
    live._maker._ready = lambda image, settings: (show(image, settings), drawn.append(time.monotonic()))
    live.pictured.connect(lambda summary: answers.append((time.monotonic(), summary)))

    def wait_for_picture(began):
        desktop.wait_until(lambda: answers and answers[-1][0] > began, 60, "a preview")
        desktop.wait_until(lambda: drawn and drawn[-1] >= answers[-1][0], 10, "it is drawn")
        return round(drawn[-1] - began, 3)

    began = time.monotonic()
    desktop.click(panel.preview)
    desktop.facts["default_cold_s"] = wait_for_picture(began)
    desktop.facts["view"] = [desktop.canvas.width(), desktop.canvas.height(), desktop.canvas.mapUnitsPerPixel()]
    waits, computed = [], []
    for step in (1, 1, 1, 1, 1, -1):
        extent = desktop.canvas.extent()
        shift = step * extent.width() / 3
        extent.setXMinimum(extent.xMinimum() + shift)
        extent.setXMaximum(desktop.canvas.extent().xMaximum() + shift)
        began = time.monotonic()
        desktop.canvas.setExtent(extent)
        desktop.canvas.refresh()
        waits.append(wait_for_picture(began))
        computed.append(answers[-1][1]["computed"])
    desktop.facts["pans_s"] = {"median": statistics.median(waits), "all": waits, "tiles": computed}
    panel.layer.setCurrentIndex(max(0, panel.layer.findData("roof_class")))
    panel.layer.activated.emit(panel.layer.currentIndex())
    desktop.settle(0.5)
    desktop.click(panel.roofs)
    centre = desktop.canvas.viewport().rect().center()
    clicks = []
    for step in range(25):
        began = time.monotonic()
        desktop.click_map(centre + centre.__class__((step % 5 - 2) * 120, (step // 5 - 2) * 90))
        desktop.wait_until(lambda: not roofs._asked, 60, "a click is answered")
        clicks.append(round(time.monotonic() - began, 3))
        if roofs.roof is not None:
            break
    desktop.facts["clicks_s"] = clicks
    desktop.screenshot("default_model")
