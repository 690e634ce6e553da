"""Start the command from the plugin's own folder: ``python -I FOLDER/engine/__main__.py segment --job job.json``.

The folder is mounted under the import name ``ridgeline`` whatever it is called on disk, so that the code that runs is
always the code of the plugin that asked, even where another version is installed.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def _mount() -> None:
    root = Path(__file__).resolve().parent.parent
    spec = spec_from_file_location("ridgeline", root / "__init__.py", submodule_search_locations=[str(root)])
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} is not the folder of Ridgeline")
    module = module_from_spec(spec)
    sys.modules["ridgeline"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    if __package__ in (None, ""):
        _mount()
    from ridgeline.engine.cli import main

    sys.exit(main())
