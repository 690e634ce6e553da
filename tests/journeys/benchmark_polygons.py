"""How long QGIS takes to open, style and draw 100,000 building polygons of a run: ``make benchmark-polygons``.

The file is written by ``ridgeline benchmark scale --only polygons-100k``. Prints one line a step.
"""

import argparse
import os
import sys
import time
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WIDTH, HEIGHT = 1600, 900
CLOSE_M = 400.0
"""Width of the close view in metres."""


def mount() -> None:
    """Make the repository importable as ``ridgeline``, whatever its folder is called."""
    spec = spec_from_file_location("ridgeline", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = module_from_spec(spec)
    sys.modules["ridgeline"] = module
    spec.loader.exec_module(module)


@contextmanager
def timed(what: str):
    """Print how long the block took."""
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.2f} s", flush=True)


def main() -> int:
    """Measure and print; return 1 if the layer cannot be opened, styled or drawn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("file", type=Path, help="buildings.gpkg")
    path = parser.parse_args().file

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from qgis.core import QgsApplication, QgsMapRendererParallelJob, QgsMapSettings, QgsProject, QgsRectangle
    from qgis.PyQt.QtCore import QSize

    mount()
    app = QgsApplication([], False)
    app.initQgis()
    from ridgeline.plugin.layers.results import add_run, store_style
    from ridgeline.plugin.layers.summary import count_buildings

    def draw(layer, extent) -> bool:
        settings = QgsMapSettings()
        settings.setLayers([layer])
        settings.setDestinationCrs(layer.crs())
        settings.setOutputSize(QSize(WIDTH, HEIGHT))
        settings.setExtent(extent)
        job = QgsMapRendererParallelJob(settings)
        job.start()
        job.waitForFinished()
        image = job.renderedImage()
        colours = {image.pixel(x, y) for x in range(0, WIDTH, 40) for y in range(0, HEIGHT, 40)}
        return not job.errors() and len(colours) > 3

    with timed("open, style and add to the layer tree"):
        added = add_run({"buildings": str(path)}, "many", QgsProject.instance())
    layer = added.layers.get("buildings")
    if layer is None:
        print("the layer cannot be opened")
        return 1
    print(f"{layer.featureCount()} polygons, {layer.renderer().type()}")
    with timed("store the style in the file"):
        stored = store_style(layer)
    with timed("count by roof class"):
        classes = count_buildings(layer)
    with timed("draw all of it"):
        all_drawn = draw(layer, layer.extent())
    centre = layer.extent().center()
    half = CLOSE_M / 2
    near = QgsRectangle(centre.x() - half, centre.y() - half, centre.x() + half, centre.y() + half)
    with timed(f"draw {CLOSE_M:.0f} m of it"):
        near_drawn = draw(layer, near)
    ok = stored and len(classes) > 1 and all_drawn and near_drawn
    QgsProject.instance().clear()
    del layer, added
    app.exitQgis()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
