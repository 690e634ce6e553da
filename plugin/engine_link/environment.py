"""Which Python the engine runs in, and whether it is ready; nothing is started or installed here.

Order: the variable RIDGELINE_ENGINE_PYTHON (for scripts and tests), the Python that the user chose, the environment
that the plugin made. Environments lie in one folder outside the plugin, so that an update of the plugin keeps them.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import List, Optional

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.places import data_home
from ..i18n import tr
from ..settings import ENGINE_HOME, ENGINE_PYTHON, read_setting
from .base_pythons import python_of
from .requirements import TRAIN, RequirementSet, all_sets

MARKER = "ridgeline-engine.json"
_HOME_VARIABLE, _PYTHON_VARIABLE = "RIDGELINE_ENGINE_DIR", "RIDGELINE_ENGINE_PYTHON"


class Readiness(str, Enum):
    """How far the engine is."""

    MISSING = "missing"
    """Nothing is set up."""
    OUTDATED = "outdated"
    """An environment is there, for another list of packages: the plugin was updated."""
    BROKEN = "broken"
    """An environment is there but not whole."""
    READY = "ready"


@dataclass(frozen=True)
class Marker:
    """What is noted in an environment once it is whole.

    Attributes:
        key: hash of the list of packages.
        which: ``inference`` or ``train``.
        gpu: whether it is the build for NVIDIA GPUs.
        installer: what installed it, with version.
        base: the Python it was made from.
        created: date and time, ISO 8601, UTC.
        plugin: version of the plugin that made it.
    """

    key: str
    which: str
    gpu: bool
    installer: str
    base: str
    created: str
    plugin: str


@dataclass(frozen=True)
class EngineState:
    """How the engine stands, for pages and algorithms.

    Attributes:
        readiness: how far it is.
        sentence: the same in one sentence.
        python: the interpreter; empty if there is none.
        folder: the environment's folder; empty for a Python of the user's own.
        own: whether it is a Python of the user's own.
        marker: what the environment notes of itself; None for a Python of the user's own.
    """

    readiness: Readiness
    sentence: str
    python: str = ""
    folder: str = ""
    own: bool = False
    marker: Optional[Marker] = None

    @property
    def ready(self) -> bool:
        """Whether jobs can run."""
        return self.readiness is Readiness.READY

    @property
    def can_train(self) -> bool:
        """Whether the training set is installed, as far as is known without starting the engine."""
        return self.own or (self.marker is not None and self.marker.which == TRAIN)


def engine_home() -> Path:
    """Return the folder of all environments: the variable's, the user's choice, else the platform's place."""
    chosen = os.environ.get(_HOME_VARIABLE) or read_setting(ENGINE_HOME)
    return Path(chosen).expanduser().absolute() if chosen else data_home()


def environment_folder(requirements: RequirementSet) -> Path:
    """Return the folder of the environment for a list of packages."""
    return engine_home() / f"engine-{requirements.key}"


def made_environments() -> List[Path]:
    """Return the folders of all environments that the plugin made, whole or not."""
    return sorted(folder for folder in engine_home().glob("engine-*") if folder.is_dir())


def read_marker(folder: Path) -> Optional[Marker]:
    """Return what an environment notes of itself, or None if it never became whole."""
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return Marker(**{name: data[name] for name in Marker.__dataclass_fields__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_marker(folder: Path, marker: Marker) -> None:
    """Note that the environment in ``folder`` is whole."""
    partial = folder / f"{MARKER}.part"
    partial.write_text(json.dumps(asdict(marker), indent=2), encoding="utf-8")
    os.replace(partial, folder / MARKER)


def engine_state(platform: str = sys.platform) -> EngineState:
    """Return how the engine stands; quick, for it only looks at files."""
    own = os.environ.get(_PYTHON_VARIABLE) or read_setting(ENGINE_PYTHON)
    if own:
        if os.path.isfile(own):
            return EngineState(Readiness.READY, tr("The engine runs in your own Python."), own, own=True)
        sentence = tr("Your own Python for the engine, {path}, is no longer there.", path=own)
        return EngineState(Readiness.BROKEN, sentence, own, own=True)
    sets = all_sets()
    for requirements in sets:
        folder = environment_folder(requirements)
        if folder.is_dir():
            state = _state_of(folder, platform)
            if state.ready:
                return state
    folders = made_environments()
    current = {environment_folder(requirements) for requirements in sets}
    for folder in folders:
        if folder not in current and read_marker(folder) is not None:
            sentence = tr("The plugin was updated, and its engine must be updated too.")
            return EngineState(Readiness.OUTDATED, sentence, folder=str(folder), marker=read_marker(folder))
    if folders:
        return _state_of(folders[0], platform)
    return EngineState(Readiness.MISSING, tr("The engine is not set up yet."))


def _state_of(folder: Path, platform: str) -> EngineState:
    marker, python = read_marker(folder), python_of(folder, platform)
    if marker is None or not python.is_file():
        sentence = tr("The engine's set-up is not complete.")
        return EngineState(Readiness.BROKEN, sentence, str(python), str(folder), marker=marker)
    if marker.which == TRAIN:
        sentence = tr("The engine is set up to use models and to teach them (fine-tuning).")
    elif marker.gpu:
        sentence = tr("The engine is set up to use models, with support for the graphics card.")
    else:
        sentence = tr("The engine is set up to use models.")
    return EngineState(Readiness.READY, sentence, str(python), str(folder), marker=marker)


def ready_python() -> str:
    """Return the interpreter that the engine runs in.

    Raises:
        RidgelineError: (ENGINE_NOT_READY) saying what is wrong, if it is not ready.
    """
    state = engine_state()
    if state.ready:
        return state.python
    hints = {
        Readiness.MISSING: tr("Open the Ridgeline panel and choose Set up on its Engine page."),
        Readiness.OUTDATED: tr("Choose Set up on the Engine page: only what has changed is downloaded."),
        Readiness.BROKEN: tr("Choose Repair on the Engine page."),
    }
    raise RidgelineError(ErrorCode.ENGINE_NOT_READY, state.sentence, hints[state.readiness])


def import_test(modules: List[str]) -> str:
    """Return a Python program that imports ``modules`` and prints their versions as one line of JSON."""
    return (
        "import importlib, json, sys\n"
        "out = {'python': sys.version.split()[0]}\n"
        f"for name in {modules!r}:\n"
        "    out[name] = str(getattr(importlib.import_module(name), '__version__', ''))\n"
        "print(json.dumps(out))\n"
    )
