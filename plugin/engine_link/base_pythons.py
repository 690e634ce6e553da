"""Find a Python to build the engine's environment from, without ever starting QGIS itself.

``sys.executable`` is QGIS on Windows and macOS, so it is never started: interpreters are looked for by their places.
"""

import glob
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Mapping, Optional, Sequence, Tuple

from .run_tool import ToolRun, run_tool

ENGINE_VERSIONS = ((3, 13), (3, 12), (3, 11))
"""Pythons that the engine runs on, the best liked first."""
_OLDEST, _NEWEST = min(ENGINE_VERSIONS), max(ENGINE_VERSIONS)

_PROBE = (
    "import json, struct, sys, sysconfig, importlib.util as u;"
    "print(json.dumps({'version': sys.version_info[:2], 'bits': struct.calcsize('P') * 8, 'base': sys.base_prefix,"
    "'venv': bool(u.find_spec('venv') and u.find_spec('ensurepip')),"
    "'free_threaded': bool(sysconfig.get_config_var('Py_GIL_DISABLED'))}))"
)


@dataclass(frozen=True)
class BasePython:
    """An interpreter that was found.

    Attributes:
        path: the program.
        version: major and minor.
        has_venv: whether it can make an environment with pip by itself.
        fits: whether the engine runs on it: version, 64 bits, not free-threaded.
    """

    path: str
    version: Tuple[int, int]
    has_venv: bool
    fits: bool


def candidates(
    platform: str = sys.platform,
    environment: Mapping[str, str] = os.environ,
    python_home: str = sys.base_prefix,
    qgis_folders: Sequence[str] = (),
) -> List[str]:
    """Return the paths where interpreters may lie, best first; only files that exist, none twice.

    Args:
        platform: as ``sys.platform``.
        environment: QGIS's variables.
        python_home: the folder of the Python that QGIS runs.
        qgis_folders: QGIS's own folders.
    """
    if platform == "win32":
        found = _windows(environment, python_home, qgis_folders)
    elif platform == "darwin":
        found = _macos(python_home, qgis_folders)
    else:
        found = _linux(python_home)
    unique: List[str] = []
    for path in found:
        name = re.split(r"[\\/]", path)[-1].lower()
        if name.startswith("python") and os.path.isfile(path) and path not in unique:
            unique.append(path)
    return unique


def _versions() -> List[str]:
    return [f"{major}.{minor}" for major, minor in ENGINE_VERSIONS]


def _linux(python_home: str) -> List[str]:
    path = os.pathsep.join(["/usr/bin", "/usr/local/bin", os.environ.get("PATH", "")])
    names = [f"python{version}" for version in _versions()] + ["python3"]
    found = [shutil.which(name, path=path) or "" for name in names]
    return [f"{python_home}/bin/python3", *found]


def _macos(python_home: str, qgis_folders: Sequence[str]) -> List[str]:
    found: List[str] = []
    for version in _versions():
        found += [
            f"/Library/Frameworks/Python.framework/Versions/{version}/bin/python{version}",
            f"/opt/homebrew/bin/python{version}",
            f"/usr/local/bin/python{version}",
        ]
    for folder in qgis_folders:
        found += [f"{folder}/Contents/MacOS/bin/python3", f"{folder}/Contents/MacOS/python3"]
        found += sorted(glob.glob(f"{folder}/Contents/MacOS/python3.[0-9]*"))
    return [*found, f"{python_home}/bin/python3"]


def _windows(environment: Mapping[str, str], python_home: str, qgis_folders: Sequence[str]) -> List[str]:
    found: List[str] = []
    for folder in qgis_folders:
        found += sorted(glob.glob(os.path.join(folder, "apps", "Python3*", "python.exe")), reverse=True)
        found += sorted(glob.glob(os.path.join(folder, "bin", "python3.exe")))
    found.append(os.path.join(python_home, "python.exe"))
    for place in (environment.get("LOCALAPPDATA", ""), environment.get("ProgramFiles", "")):
        for major, minor in ENGINE_VERSIONS:
            if place:
                found.append(os.path.join(place, "Programs", "Python", f"Python{major}{minor}", "python.exe"))
                found.append(os.path.join(place, f"Python{major}{minor}", "python.exe"))
    # WindowsApps holds aliases that open the shop instead of running Python: PATH is left alone
    return found


def probe(path: str, environment: Mapping[str, str], run: Callable[..., ToolRun] = run_tool) -> Optional[BasePython]:
    """Start an interpreter, isolated, and return what it is; None if it does not run."""
    try:
        answer = run([path, "-I", "-c", _PROBE], environment, silence_s=30.0)
        data = json.loads(answer.output.strip().splitlines()[-1]) if answer.status == 0 else None
    except (OSError, ValueError, IndexError):
        return None
    if not isinstance(data, dict):
        return None
    version = (int(data["version"][0]), int(data["version"][1]))
    fits = _OLDEST <= version <= _NEWEST and data["bits"] == 64 and not data["free_threaded"]
    return BasePython(path, version, bool(data["venv"]), fits)


def find_base_pythons(
    paths: Sequence[str], environment: Mapping[str, str], run: Callable[..., ToolRun] = run_tool
) -> List[BasePython]:
    """Return the interpreters among ``paths`` that run, those that the engine can use first."""
    found = [item for item in (probe(path, environment, run) for path in paths) if item is not None]
    return sorted(found, key=lambda item: (not item.fits, not item.has_venv))


def python_of(folder: Path, platform: str = sys.platform) -> Path:
    """Return the interpreter of the environment in ``folder``."""
    return folder / "Scripts" / "python.exe" if platform == "win32" else folder / "bin" / "python"
