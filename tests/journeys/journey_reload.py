"""Ten times loaded and unloaded, once in the middle of work: no dock, action, provider, tool or process is left."""

import os
import sys
import tempfile

from desktop import engine_processes
from journey_cancel import start_long_run
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QAction, QDockWidget


def traces(desktop):
    """Everything of ours that can be found in QGIS."""
    window = desktop.window
    found = [f"dock {dock.objectName()}" for dock in window.findChildren(QDockWidget, "RidgelineDock")]
    found += [
        f"action {action.text()}"
        for action in window.findChildren(QAction)
        if "ridgeline" in action.objectName().lower()
    ]
    menus = (desktop.iface.rasterMenu(), desktop.iface.pluginMenu(), desktop.iface.pluginHelpMenu())
    found += [f"menu {action.text()}" for menu in menus for action in menu.actions() if "Ridgeline" in action.text()]
    found += [f"provider {name}" for name in desktop.providers() if name == "ridgeline"]
    found += [f"process {number}" for number in engine_processes()]
    return found


def journey(desktop):
    path, variables = list(sys.path), dict(os.environ)
    assert traces(desktop) == [], traces(desktop)
    items_before = None
    for turn in range(9):
        desktop.load_plugin()
        assert "ridgeline" in desktop.providers()
        dock = desktop.open_dock()
        if turn % 2:
            dock.segment.region.mode.setCurrentIndex(2)
            desktop.click(dock.segment.region.rectangle)
        desktop.settle(0.2)
        desktop.unload_plugin()
        desktop.settle(0.3)
        assert traces(desktop) == [], f"after unloading {turn + 1} times: {traces(desktop)}"
        items = len(desktop.canvas.scene().items())
        items_before = items if items_before is None else items_before
        assert items == items_before, "something of ours is left on the map"
        QgsProject.instance().clear()
        desktop.canvas.refresh()  # a signal that is still connected would raise now
        desktop.settle(0.2)
    with tempfile.TemporaryDirectory() as folder:
        start_long_run(desktop, folder)
        desktop.unload_plugin()
        desktop.wait_until(lambda: traces(desktop) == [], 30, lambda: f"all is gone: {traces(desktop)}")
    desktop.facts["loaded"] = 10
    changed = {name for name in {*variables, *os.environ} if variables.get(name) != os.environ.get(name)}
    assert changed == set(), changed
    assert [entry for entry in sys.path if entry not in path] == [], "sys.path has grown"
    strange = [name for name in ("torch", "onnxruntime", "rasterio") if name in sys.modules]
    assert strange == [], strange
