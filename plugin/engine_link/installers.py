"""How packages get into the engine's environment: by uv where it can be had, else by venv and pip.

Both install only what the pinned list names, check every hash, and build nothing, so that no compiler is needed.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Mapping, Optional

from .base_pythons import BasePython, python_of
from .run_tool import ToolRun

Run = Callable[[List[str]], ToolRun]
"""Runs a command with the installer's variables, log and cancel."""

MANAGED_PYTHON = "3.12"


@dataclass(frozen=True)
class Uv:
    """The program uv.

    Attributes:
        program: its path.
        version: as it tells it.
    """

    program: str
    version: str

    def make(self, base: Optional[BasePython], folder: Path) -> List[str]:
        """Return the command that makes the environment; without a base Python uv fetches one of its own."""
        python = base.path if base else MANAGED_PYTHON
        preference = "only-system" if base else "managed"
        return [
            self.program, "venv", "--quiet", "--no-project",
            "--python-preference", preference, "--python", python, str(folder),
        ]  # fmt: skip

    def install(self, folder: Path, requirements: Path, wheels: Optional[Path], platform: str) -> List[str]:
        """Return the command that installs the list into the environment."""
        command = [self.program, "pip", "install", "--python", str(python_of(folder, platform))]
        command += ["--require-hashes", "--only-binary", ":all:", "--strict", "--requirement", str(requirements)]
        return command + (["--no-index", "--offline", "--find-links", str(wheels)] if wheels else [])


def make_command(base: BasePython, folder: Path) -> List[str]:
    """Return the command that makes an environment with pip by Python's own means."""
    return [base.path, "-I", "-m", "venv", "--copies" if os.name == "nt" else "--symlinks", str(folder)]


def pip_install_command(folder: Path, requirements: Path, wheels: Optional[Path], platform: str) -> List[str]:
    """Return the pip command that installs the list into the environment."""
    command = [str(python_of(folder, platform)), "-I", "-m", "pip", "install", "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-input", "--progress-bar", "off", "--no-warn-script-location"]
    command += ["--requirement", str(requirements)]
    return command + (["--no-index", "--find-links", str(wheels)] if wheels else [])


def find_uv(run: Run, environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Optional[Uv]:
    """Return the uv on PATH, or the one that was fetched before, or None."""
    name = "uv.exe" if platform == "win32" else "uv"
    places = [shutil.which("uv", path=environment.get("PATH")), str(uv_folder(home, platform) / name)]
    for place in places:
        if place and os.path.isfile(place):
            found = _uv_at(place, run)
            if found is not None:
                return found
    return None


def fetch_uv(
    run: Run, base: BasePython, home: Path, listed: Path, wheels: Optional[Path], platform: str = sys.platform
) -> Optional[Uv]:
    """Install uv into a small environment of its own and return it; None if that cannot be done here.

    It is only a quicker way: a Python without venv, a network without uv, or a policy that forbids its program leads to
    pip instead.

    Args:
        run: runs a command.
        base: the Python to make the small environment from; any version will do.
        home: the folder in which environments are kept.
        listed: the pinned and hashed list that holds uv alone.
        wheels: an offline bundle to take it from.
        platform: as ``sys.platform``.
    """
    if not listed.is_file() or (wheels is not None and not any(wheels.glob("uv-*.whl"))):
        return None
    folder = home / "installer"
    shutil.rmtree(folder, ignore_errors=True)
    if run(make_command(base, folder)).status != 0:
        return None
    if run(pip_install_command(folder, listed, wheels, platform)).status != 0:
        return None
    name = "uv.exe" if platform == "win32" else "uv"
    return _uv_at(str(uv_folder(home, platform) / name), run)


def uv_folder(home: Path, platform: str = sys.platform) -> Path:
    """Return the folder in which a fetched uv lies."""
    return home / "installer" / ("Scripts" if platform == "win32" else "bin")


def _uv_at(place: str, run: Run) -> Optional[Uv]:
    try:
        answer = run([place, "--version"])
    except OSError:
        return None
    words = answer.output.split()
    return Uv(place, " ".join(words[:2])) if answer.status == 0 and words[:1] == ["uv"] else None
