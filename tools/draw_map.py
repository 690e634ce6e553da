"""Draw the results of a run as QGIS shows them: `draw_map.py RGB RESULTS PICTURE`; headless, with QGIS's own Python."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter

ROOT = Path(__file__).resolve().parent.parent
TILE, GAP, TITLE, LEGEND = 620, 14, 40, 34


def mount() -> None:
    """Make the plugin importable as ``ridgeline``."""
    spec = spec_from_file_location("ridgeline", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = module_from_spec(spec)
    sys.modules["ridgeline"] = module
    spec.loader.exec_module(module)


def draw(layers: "list[Any]", extent: Any, crs: Any) -> QImage:
    """Return the picture of ``layers``, uppermost first."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(crs)
    settings.setExtent(extent)
    settings.setOutputSize(QSize(TILE, TILE))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def legend_of(layer: Any) -> "list[tuple[QColor, str]]":
    """Return colours and names of the classes that a layer shows."""
    if isinstance(layer, QgsVectorLayer):
        renderer = layer.renderer()
        if not isinstance(renderer, QgsCategorizedSymbolRenderer):
            return []
        there = layer.uniqueValues(layer.fields().indexOf(renderer.classAttribute()))
        return [(item.symbol().color(), item.label()) for item in renderer.categories() if item.value() in there]
    renderer = layer.renderer()
    if isinstance(renderer, QgsPalettedRasterRenderer):
        return [(item.color, item.label) for item in renderer.classes()]
    return []


def draw_legend(painter: QPainter, x: int, y: int, items: "list[tuple[QColor, str]]") -> None:
    """Draw colours and names in one line, small enough that all fit."""
    before = painter.font()
    while (width_of(painter, items) > TILE) and painter.font().pointSizeF() > 5:
        smaller = QFont(painter.font())
        smaller.setPointSizeF(smaller.pointSizeF() - 0.5)
        painter.setFont(smaller)
    for colour, name in items:
        painter.fillRect(x, y + 8, 14, 14, colour)
        painter.drawRect(x, y + 8, 14, 14)
        painter.drawText(x + 19, y + 21, name)
        x += width_of(painter, [(colour, name)])
    painter.setFont(before)


def width_of(painter: QPainter, items: "list[tuple[QColor, str]]") -> int:
    """Return how many pixels a legend takes."""
    return sum(painter.fontMetrics().horizontalAdvance(name) + 34 for _colour, name in items)


def main() -> None:
    """Draw four views: the picture, the buildings over it, and what else the run made."""
    rgb_path, folder, target = sys.argv[1:4]
    app = QgsApplication([], False)
    app.initQgis()
    mount()
    from ridgeline.plugin.layers.results import add_run, result_kinds

    rgb = QgsRasterLayer(rgb_path, "Orthophoto")
    QgsProject.instance().setCrs(rgb.crs())
    outputs = {kind.name: str(Path(folder) / kind.file) for kind in result_kinds()}
    layers = add_run(outputs, "Ridgeline").layers
    views = [("Orthophoto", [rgb])]
    for name, title, over in (
        ("buildings", "Buildings by roof class", [rgb]),
        ("land_cover", "Land cover", []),
        ("height_above_ground", "Height above ground", []),
        ("roof_class", "Roof class", [rgb]),
        ("confidence", "Confidence", []),
    ):
        if name in layers and len(views) < 4:
            views.append((title, [layers[name], *over]))
    columns = 2
    rows = (len(views) + 1) // columns
    sheet = QImage(columns * (TILE + GAP) + GAP, rows * (TILE + TITLE + LEGEND) + GAP, QImage.Format.Format_RGB32)
    sheet.fill(QColor("white"))
    painter = QPainter(sheet)
    for number, (title, shown) in enumerate(views):
        x, y = GAP + number % columns * (TILE + GAP), number // columns * (TILE + TITLE + LEGEND)
        painter.setFont(QFont("Open Sans", 15))
        painter.drawText(QRectF(x, y, TILE, TITLE), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.drawImage(x, y + TITLE, draw(shown, rgb.extent(), rgb.crs()))
        painter.setFont(QFont("Open Sans", 10))
        draw_legend(painter, x, y + TITLE + TILE, legend_of(shown[0]))
    painter.end()
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    saved = sheet.save(target)
    # layers that Python still holds make QGIS fall over while it shuts down, so it is left at once
    sys.stdout.flush()
    os._exit(0 if saved else 1)


if __name__ == "__main__":
    main()
