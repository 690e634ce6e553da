"""How much the plugin adds to QGIS's start: `/usr/bin/python3 tools/startup.py`; the median of several fresh processes.

Measures import, ``classFactory`` and ``initProcessing`` as QGIS does them, in a QGIS without a screen, with QGIS's own
modules loaded before.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 7
PROGRAM = f"""
import sys, time, warnings
warnings.simplefilter("ignore")
from importlib.util import module_from_spec, spec_from_file_location
from qgis.core import QgsApplication
import qgis.gui, qgis.utils
app = QgsApplication([], False)
app.initQgis()
sys.path.append(QgsApplication.pkgDataPath() + "/python/plugins")
import processing
began = time.perf_counter()
spec = spec_from_file_location("ridgeline", {str(ROOT / "__init__.py")!r}, submodule_search_locations=[{str(ROOT)!r}])
module = module_from_spec(spec)
sys.modules["ridgeline"] = module
spec.loader.exec_module(module)
plugin = module.classFactory(None)
plugin.initProcessing()
print("took", (time.perf_counter() - began) * 1000, flush=True)
import os
os._exit(0)
"""


def main() -> int:
    """Measure and print."""
    variables = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    times = []
    for _ in range(ROUNDS):
        answer = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=False
        )
        line = next((line for line in answer.stdout.splitlines() if line.startswith("took ")), None)
        if line is None:
            sys.exit(answer.stderr)
        times.append(float(line.split()[1]))
    middle = statistics.median(times)
    print(f"start of the plugin: median {middle:.0f} ms, from {min(times):.0f} to {max(times):.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
