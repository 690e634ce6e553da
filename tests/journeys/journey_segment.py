"""From an engine that is not set up to styled roofs on the map, by clicks alone."""

import json
import os
from pathlib import Path

from desktop import DSM, RGB, cut_off
from qgis.core import QgsProject


def journey(desktop):
    plugin = desktop.load_plugin()
    assert desktop.window.findChild(object, "RidgelineDock") is None, "the dock opens by itself"
    dock = desktop.open_dock(320)
    desktop.facts["dock_width"] = dock.width()
    assert dock.width() <= 320
    page = dock.segment
    assert page.banner.isVisible(), "nothing says that the engine is not set up"
    assert not page.panel.run.isEnabled()
    desktop.screenshot("01_empty")

    desktop.click(page.banner.button)
    assert dock.tabs.currentWidget() is dock.engine
    desktop.screenshot("02_engine")
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    assert "used from now on" in dock.engine.outcome.findings[0].text, dock.engine.outcome.findings
    desktop.screenshot("03_engine_ready")
    desktop.click(dock.engine.check)
    desktop.wait_until(lambda: not dock.engine.status_run.running, 120, "the engine is checked")
    desktop.facts["check"] = [finding.text for finding in dock.engine.outcome.findings]
    assert dock.engine.outcome.findings[0].weight.value == "done", desktop.facts["check"]
    desktop.screenshot("03_engine_checked")

    dock.tabs.setCurrentWidget(page)
    rgb = desktop.add_raster(RGB, "herault_ortho")
    dsm = desktop.add_raster(DSM, "herault_dsm")
    desktop.show(rgb)
    desktop.wait_until(page.panel.run.isEnabled, 5, lambda: f"the run is possible: {page.notes.findings}")
    assert page.rgb.currentLayer() is rgb and page.dsm.currentLayer() is dsm, "the layers are not guessed"
    assert not page.banner.isVisible()

    page.region.mode.setCurrentIndex(page.region.mode.findData("drawn"))
    desktop.settle(0.3)
    assert not page.panel.run.isEnabled(), "no region is drawn yet"
    desktop.screenshot("04_draw")
    desktop.click(page.region.rectangle)
    extent = rgb.extent()
    corners = [
        desktop.pixel(extent.xMinimum() + extent.width() * share, extent.yMaximum() - extent.height() * share)
        for share in (0.02, 0.98)
    ]
    desktop.drag(*corners)
    desktop.wait_until(page.panel.run.isEnabled, 5, lambda: f"the drawn region is taken: {page.notes.findings}")
    desktop.facts["sentence"] = page.sentence.text()
    desktop.facts["tiles"] = page.forecast.tiles
    desktop.facts["cut_off"] = cut_off(page)
    assert desktop.facts["cut_off"] == []
    desktop.screenshot("05_ready")

    desktop.click(page.panel.run)
    assert page.run.running and page.panel.cancel.isVisible()
    desktop.settle(1.5)
    desktop.screenshot("06_running")
    desktop.wait_until(lambda: not page.run.running, 180, "the run ends")
    stopped = [finding.text for finding in page.panel.outcome.findings]
    assert page.summary.isVisible(), stopped
    desktop.facts["summary"] = page.summary.label.text()
    desktop.redraw()
    desktop.screenshot("07_results")

    groups = desktop.groups()
    assert len(groups) == 1, groups
    layers = {layer.customProperty("ridgeline/result"): layer for layer in QgsProject.instance().mapLayers().values()}
    assert {"buildings", "roof_class", "land_cover", "confidence"} <= set(layers), sorted(map(str, layers))
    buildings = layers["buildings"]
    assert buildings.renderer().type() == "categorizedSymbol"
    assert buildings.renderer().classAttribute() == "roof_class"
    assert buildings.featureCount() > 0
    desktop.facts["buildings"] = buildings.featureCount()
    assert buildings.attributeAlias(buildings.fields().indexOf("area_m2")).startswith("Area")
    assert buildings.listStylesInDatabase()[0] >= 1, "the style is not stored in the GeoPackage"
    for name in ("roof_class", "land_cover"):
        assert layers[name].renderer().type() == "paletted", name
    assert layers["confidence"].renderer().type() == "singlebandpseudocolor"
    folder = Path(buildings.source().split("|")[0]).parent
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    desktop.facts["record_keys"] = sorted(record)

    page.region.mode.setCurrentIndex(page.region.mode.findData("canvas"))
    desktop.settle(0.3)
    desktop.facts["sentence_second"] = page.sentence.text()
    assert page.forecast.seconds is not None, "the machine's speed was not learned"
    desktop.click(page.panel.again)
    desktop.wait_until(lambda: not page.run.running, 180, "the second run ends")
    assert len(desktop.groups()) == 2, desktop.groups()
    del plugin
