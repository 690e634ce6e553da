"""The README's pictures: the sample area from the empty page to styled roofs."""

import os

from desktop import DSM, RGB
from qgis.core import QgsProject


def journey(desktop):
    desktop.load_plugin()
    dock = desktop.open_dock(340)
    page = dock.segment
    dock.tabs.setCurrentWidget(dock.engine)
    desktop.settle(0.5)
    desktop.screenshot("engine", dock)
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 240, "the Python is tried")
    dock.tabs.setCurrentWidget(dock.models)
    desktop.settle(0.5)
    desktop.screenshot("models", dock)

    dock.tabs.setCurrentWidget(page)
    dsm = desktop.add_raster(DSM, "herault_dsm")
    rgb = desktop.add_raster(RGB, "herault_ortho")
    tree = QgsProject.instance().layerTreeRoot()
    for layer in (rgb, dsm):
        tree.findLayer(layer.id()).setExpanded(False)
    desktop.show(rgb, 1.02)
    page.region.mode.setCurrentIndex(page.region.mode.findData("layer"))
    page.region.layer.setLayer(rgb)
    desktop.wait_until(page.panel.run.isEnabled, 10, lambda: str(page.notes.findings))
    desktop.settle(1.5)  # the notes follow the region a moment later
    desktop.iface.messageBar().clearWidgets()
    desktop.settle(0.5)
    desktop.screenshot("segment")
    desktop.click(page.panel.run)
    desktop.wait_until(lambda: not page.run.running, 400, "the run ends")
    assert page.summary.isVisible(), [finding.text for finding in page.panel.outcome.findings]
    desktop.facts["summary"] = page.summary.label.text()
    desktop.redraw()
    desktop.iface.messageBar().clearWidgets()
    desktop.settle(0.5)
    desktop.screenshot("results")
    shown = {"roof_class": "roof_class", "land_cover": "land_cover", "confidence": "confidence"}
    nodes = {node.layer().customProperty("ridgeline/result"): node for node in tree.findLayers()}
    for kind, name in shown.items():
        for other in ("buildings", *shown):
            nodes[other].setItemVisibilityChecked(other == kind)
            nodes[other].setExpanded(other == kind)
        desktop.redraw()
        desktop.screenshot(f"results_{name}")
