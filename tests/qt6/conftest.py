"""Run by `make test-qgis-matrix` in an environment with PyQt6; anywhere else there is nothing to collect."""

import os
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHIM = os.environ.get("RIDGELINE_PYQT_SHIM", "")
if not SHIM or find_spec("PyQt6") is None:
    collect_ignore_glob = ["*"]
else:
    import tempfile

    sys.path.insert(0, str(Path(__file__).parent))
    from stand_ins import install

    install(Path(SHIM), Path(tempfile.mkdtemp(prefix="ridgeline-qt6-")))
    spec = spec_from_file_location("ridgeline", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = module_from_spec(spec)
    sys.modules["ridgeline"] = module
    spec.loader.exec_module(module)
