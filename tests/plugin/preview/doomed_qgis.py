"""A QGIS without a window that keeps a warm engine: started by tests, which stop it, let it sleep or kill it.

Prints ``ready PID`` of the engine once it has answered; then answers each line of its input with the ``ok`` of another
request, so that a test sees whether it still works.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main(python: str, engine_main: str, hang_s: float) -> None:
    """Ask the engine once, and again for each line of the input."""
    spec = spec_from_file_location("ridgeline", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    sys.modules["ridgeline"] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    from qgis.core import QgsApplication
    from qgis.PyQt.QtCore import QEventLoop

    from ridgeline.engine.jobs.serve import LoadRequest, Scene
    from ridgeline.plugin.engine_link.engine import Engine
    from ridgeline.plugin.preview.warm_engine import WarmEngine

    app = QgsApplication([], False)
    engine = WarmEngine(engine=lambda: Engine(python, engine_main), hang_s=hang_s)
    loop = QEventLoop()
    said = []
    engine.answered.connect(lambda _identity, _result: (said.append("ok"), loop.quit()))
    engine.failed.connect(lambda _identity, fault: (said.append(fault.message), loop.quit()))
    engine.ask(LoadRequest(Scene(None, None, "m")))
    loop.exec()
    print("ready", engine.pid, flush=True)
    for _line in sys.stdin:
        engine.ask(LoadRequest(Scene(None, None, "m")))
        loop.exec()
        print(said[-1], flush=True)
    app.aboutToQuit.emit()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
