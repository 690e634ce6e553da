"""Every page at the narrowest width, with nothing cut off and no scroll bar sideways; one picture of each."""

import os

from desktop import DSM, RGB, cut_off
from qgis.core import QgsProject

WIDTH = 320


def look(desktop, dock, page, name):
    """Check one page as it is now, and take its picture."""
    dock.tabs.setCurrentWidget(page)
    desktop.set_dock_width(dock, WIDTH)
    desktop.settle(0.4)
    assert dock.width() <= WIDTH, f"{name}: the dock is {dock.width()} px wide"
    view, body = page.scroll.viewport(), page.scroll.widget()
    assert body.width() <= view.width(), f"{name}: {body.width()} px of content in {view.width()} px"
    assert not page.scroll.horizontalScrollBar().isVisible(), name
    faults = cut_off(page)
    assert faults == [], (name, faults)
    desktop.screenshot(name)
    desktop.screenshot(f"{name}_dock", dock)


def journey(desktop):
    desktop.load_plugin()
    dock = desktop.open_dock(WIDTH)
    segment = dock.segment
    look(desktop, dock, segment, "segment_empty")
    look(desktop, dock, dock.engine, "engine_missing")
    look(desktop, dock, dock.models, "models")
    dock.tabs.setCurrentWidget(dock.engine)
    dock.engine.training.setChecked(True)
    dock.engine.log.appendPlainText("[12:00:00] Looking for a Python\n$ /usr/bin/python3.11 -m venv engine-4f2a\n" * 8)
    dock.engine.log_box.setCollapsed(False)
    look(desktop, dock, dock.engine, "engine_log")
    dock.engine.log_box.setCollapsed(True)
    dock.engine.training.setChecked(False)

    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    look(desktop, dock, dock.engine, "engine_ready")
    rgb = desktop.add_raster(RGB, "a_rather_long_name_of_an_orthophoto_2023_20cm")
    dsm = desktop.add_raster(DSM, "an_equally_long_name_of_a_surface_model_dsm")
    desktop.show(rgb, 1.4)
    desktop.wait_until(segment.panel.run.isEnabled, 5, lambda: str(segment.notes.findings))
    look(desktop, dock, segment, "segment_ready")
    segment.region.mode.setCurrentIndex(2)
    desktop.settle(0.2)
    desktop.click(segment.region.polygon)
    look(desktop, dock, segment, "segment_drawing")
    segment.region.stop_drawing()
    segment.region.mode.setCurrentIndex(3)
    look(desktop, dock, segment, "segment_selected")
    segment.region.mode.setCurrentIndex(1)
    segment.rgb.setLayer(dsm)
    segment.dsm.setLayer(rgb)
    look(desktop, dock, segment, "segment_swapped")
    segment.rgb.setLayer(rgb)
    segment.dsm.setLayer(dsm)
    segment.advanced.setCollapsed(False)
    desktop.settle(0.3)
    look(desktop, dock, segment, "segment_advanced")
    segment.scroll.verticalScrollBar().setValue(segment.scroll.verticalScrollBar().maximum())
    look(desktop, dock, segment, "segment_advanced_end")
    QgsProject.instance().clear()
