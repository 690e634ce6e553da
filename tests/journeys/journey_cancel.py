"""Cancel in the middle leaves nothing behind and nothing running, and the map can be panned meanwhile."""

import os
import tempfile
import time
from pathlib import Path

from desktop import DSM, RGB, big_pair, engine_processes
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QApplication


def start_long_run(desktop, folder):
    """Load a pair that takes a minute or so, choose all of it at the finest pixel size, and run."""
    desktop.load_plugin()
    dock = desktop.open_dock(320)
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    dock.tabs.setCurrentWidget(dock.segment)
    paths = big_pair(folder, RGB, DSM, 4)
    rgb = desktop.add_raster(paths[0], "town_ortho")
    desktop.add_raster(paths[1], "town_dsm")
    desktop.show(rgb)
    page = dock.segment
    page.model.setCurrentIndex(page.model.findData("journey-test"))
    page.advanced.gsd.setValue(0.1)
    page.advanced.folder.setFilePath(str(Path(folder) / "results"))
    desktop.wait_until(page.panel.run.isEnabled, 5, lambda: str(page.notes.findings))
    desktop.facts["tiles"] = page.forecast.tiles
    desktop.click(page.panel.run)
    desktop.wait_until(lambda: page.panel.progress.value() > 0 and page.panel.progress.maximum() > 0, 60, "it computes")
    assert page.run.running, [finding.text for finding in page.panel.outcome.findings]
    assert len(engine_processes()) == 1, engine_processes()
    return dock


def journey(desktop):
    with tempfile.TemporaryDirectory() as folder:
        layers_before = 2
        page = start_long_run(desktop, folder).segment

        longest = 0.0
        for step in range(20):  # pan while it runs: no single turn of the event loop may take long
            began = time.monotonic()
            extent = desktop.canvas.extent()
            extent.setXMinimum(extent.xMinimum() + (1 if step % 2 else -1))
            desktop.canvas.setExtent(extent)
            QApplication.processEvents()
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.02)
        desktop.facts["longest_pause_s"] = round(longest, 3)
        assert longest < 1.0, f"QGIS stood still for {longest:.1f} s"
        assert page.run.running, "the run ended before it could be cancelled"
        desktop.screenshot("running")

        began = time.monotonic()
        desktop.click(page.panel.cancel)
        desktop.wait_until(lambda: not page.run.running, 30, "the run stops")
        desktop.facts["cancel_took_s"] = round(time.monotonic() - began, 2)
        assert engine_processes() == [], "an engine still runs"
        assert desktop.groups() == []
        assert len(QgsProject.instance().mapLayers()) == layers_before
        left = [str(path) for path in (Path(folder) / "results").rglob("*")]
        assert left == [], left
        assert page.panel.run.isVisible() and page.panel.run.isEnabled()
        desktop.facts["message"] = [finding.text for finding in page.panel.outcome.findings]
        desktop.screenshot("cancelled")
