"""How long the map's user waits for the preview with the default model; a measurement, not a test."""

import os
import statistics
import tempfile
import time

from desktop import DSM, RGB, big_pair


def journey(desktop):
    desktop.load_plugin()
    dock = desktop.open_dock(320)
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    dock.tabs.setCurrentWidget(dock.segment)
    measure(desktop, dock)


def measure(desktop, dock):
    """How long the map's user waits with the default model, debouncing and drawing included; kept as facts."""
    segment = dock.segment
    big_rgb, big_dsm = big_pair(tempfile.mkdtemp(), RGB, DSM, 12)
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
