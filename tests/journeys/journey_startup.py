"""What the plugin adds to QGIS's start: seconds to load and start it, and the modules that came with it."""

import sys
import time

import qgis.utils


def journey(desktop):
    qgis.utils.updateAvailablePlugins()
    before = set(sys.modules)
    began, busy = time.perf_counter(), time.thread_time()
    assert qgis.utils.loadPlugin("ridgeline")
    assert qgis.utils.startPlugin("ridgeline")
    waited, computed = time.perf_counter() - began, time.thread_time() - busy
    new = {name.split(".")[0] for name in set(sys.modules) - before}
    strange = sorted(
        name
        for name in new
        if name not in sys.stdlib_module_names and name not in ("qgis", "ridgeline", "processing", "PyQt5", "PyQt6")
    )
    desktop.facts.update(wall_s=waited, processor_s=computed, third_party=strange)
    assert strange == [], strange
