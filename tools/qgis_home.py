"""A QGIS profile of our own, with this folder as its plugin: the user's settings are left alone."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def make_home(folder: Path) -> Path:
    """Make (or refresh) a folder for ``--profiles-path`` and return it."""
    profile = folder / "profiles" / "default"
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "ridgeline"
    if link.is_symlink():
        link.unlink()
    link.symlink_to(ROOT, target_is_directory=True)
    for settings in (profile / "QGIS" / "QGIS3.ini", profile / "QGIS" / "QGIS4.ini"):
        settings.parent.mkdir(parents=True, exist_ok=True)
        if not settings.exists():
            settings.write_text("[PythonPlugins]\nridgeline=true\nprocessing=true\n", encoding="utf-8")
    return folder


def environment(home: Path, engine_home: Path) -> "dict[str, str]":
    """Return the variables with which QGIS uses the profile in ``home`` and keeps the engine in ``engine_home``."""
    variables = {**os.environ, "QGIS_CUSTOM_CONFIG_PATH": str(home), "RIDGELINE_ENGINE_DIR": str(engine_home)}
    # a Python environment that is active must not leak into QGIS
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        variables.pop(name, None)
    return variables


def qgis_process() -> str:
    """Return the program ``qgis_process``; Debian's wrapper of 3.22 fails, so the program behind it comes first."""
    for name in ("qgis_process.bin", "qgis_process"):
        found = shutil.which(name)
        if found:
            return found
    sys.exit("qgis_process was not found: install QGIS.")
