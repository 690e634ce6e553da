"""Make, repair and remove the engine's environment; always because the user asked for it.

Steps: find a Python, get uv if it can be had, make the environment, install the pinned list, import everything, note
that it is whole. An environment without that note is never used, so a set-up that was broken off harms nothing.
"""

import os
import shutil
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, List, Optional

from ...engine.jobs import Cancelled, ErrorCode, RidgelineError
from ..i18n import tr
from ..paths import REQUIREMENTS, plugin_version
from .base_pythons import candidates, find_base_pythons, python_of
from .child_environment import child_environment, installer_environment
from .environment import (
    EngineState,
    Marker,
    engine_home,
    engine_state,
    environment_folder,
    made_environments,
    read_marker,
    write_marker,
)
from .faults import classify, setup_fault
from .gpu import nvidia_gpu
from .host import proxy_variables, qgis_folders
from .installers import MANAGED_PYTHON, Uv, fetch_uv, find_uv, make_command, pip_install_command
from .lock import InstallLock
from .requirements import INFERENCE, TRAIN, RequirementSet, requirement_set
from .run_tool import ToolRun, run_tool
from .setup_checks import check_disk, choose_requirements, no_python
from .verify import verify_python

LOG_NAME = "setup.log"


@dataclass(frozen=True)
class SetupOptions:
    """What the user asked for.

    Attributes:
        which: ``inference`` or ``train``.
        gpu: whether to take the build for NVIDIA GPUs where there is one.
        bundle: folder of an offline bundle; None: download.
        base: interpreter to build from; None: look for one.
    """

    which: str = INFERENCE
    gpu: bool = True
    bundle: Optional[Path] = None
    base: Optional[str] = None


class SetupListener:
    """Is told how a set-up goes, in the thread that does it; every method may be left as it is."""

    def progress(self, percent: float, phase: str) -> None:
        """The set-up has come further."""

    def log(self, line: str) -> None:
        """A line for the log."""


class _Work:
    """Carries log, cancel and variables through the steps of one set-up."""

    def __init__(self, listener: SetupListener, cancelled: Callable[[], bool], home: Path, platform: str) -> None:
        self.listener, self.cancelled, self.home, self.platform = listener, cancelled, home, platform
        extra = {**proxy_variables(), "UV_CACHE_DIR": str(home / "cache" / "uv")}
        extra["UV_PYTHON_INSTALL_DIR"] = str(home / "python")
        extra["PIP_CACHE_DIR"] = str(home / "cache" / "pip")
        self.environment: Dict[str, str] = child_environment(
            os.environ, installer_environment(os.environ, extra), qgis_folders(platform), platform
        )
        self._file = home / LOG_NAME

    def log(self, line: str) -> None:
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        self.listener.log(line)

    def run(self, command: List[str], log: Optional[Callable[[str], None]] = None) -> ToolRun:
        self.log("$ " + " ".join(command))
        return run_tool(command, self.environment, log or self.log, self.cancelled, platform=self.platform)

    def step(self, percent: float, phase: str) -> None:
        if self.cancelled():
            raise Cancelled()
        self.log(f"[{time.strftime('%H:%M:%S')}] {phase}")
        self.listener.progress(percent, phase)


def set_up(
    options: SetupOptions,
    listener: Optional[SetupListener] = None,
    cancelled: Callable[[], bool] = lambda: False,
    platform: str = sys.platform,
) -> EngineState:
    """Make the engine's environment and return how the engine stands then.

    A second window that sets up at the same time waits, and finds it done.

    Raises:
        Cancelled: if the user cancelled; the half-made environment is removed.
        RidgelineError: saying in one sentence what went wrong and what to do.
    """
    listener = listener or SetupListener()
    home = engine_home()

    def waiting(holder: str) -> None:
        listener.progress(0, tr("Waiting for another set-up to end ({holder})", holder=holder))

    with InstallLock(home, waiting, cancelled):
        (home / LOG_NAME).unlink(missing_ok=True)
        work = _Work(listener, cancelled, home, platform)
        gpu = nvidia_gpu(work.environment) if options.gpu else None
        if gpu:
            work.log(tr("GPU: {name}", name=gpu))
        requirements = choose_requirements(requirement_set, options.which, gpu is not None, options.bundle)
        state = engine_state(platform)
        if state.ready and not state.own and state.folder == str(environment_folder(requirements)):
            listener.progress(100, state.sentence)
            return state
        check_disk(home, requirements.disk_mb)
        try:
            folder = _make_whole(options, requirements, work)
        except RidgelineError as fault:
            if not requirements.gpu or fault.code is not ErrorCode.ENGINE_NOT_READY:
                raise
            work.log(tr("The packages for GPUs do not fit this computer: {fault}", fault=fault))
            work.log(tr("Taking those for the processor instead."))
            folder = _make_whole(options, requirement_set(options.which, gpu=False), work)
        for other in made_environments():
            if other != folder:
                work.log(tr("Removing the engine of the plugin's version before: {folder}", folder=other.name))
                shutil.rmtree(other, ignore_errors=True)
        shutil.rmtree(home / "cache", ignore_errors=True)
        listener.progress(100, tr("The engine is set up"))
        return engine_state(platform)


def repair(
    options: SetupOptions,
    listener: Optional[SetupListener] = None,
    cancelled: Callable[[], bool] = lambda: False,
    platform: str = sys.platform,
) -> EngineState:
    """Make the environment anew, with the set that it had.

    Raises:
        Cancelled: if the user cancelled.
        RidgelineError: saying what went wrong.
    """
    marker = engine_state(platform).marker
    if marker is not None and marker.which == TRAIN:
        options = replace(options, which=TRAIN)
    with InstallLock(engine_home(), cancelled=cancelled):
        for folder in made_environments():
            _remove_folder(folder)
    return set_up(options, listener, cancelled, platform)


def remove(cancelled: Callable[[], bool] = lambda: False) -> None:
    """Remove every environment that the plugin made, and what it kept for them.

    Raises:
        RidgelineError: if files are in use.
    """
    home = engine_home()
    if not home.is_dir():
        return
    with InstallLock(home, cancelled=cancelled):
        kept = [home / name for name in ("installer", "cache", "python")]
        for folder in [*made_environments(), *kept]:
            _remove_folder(folder)
        (home / LOG_NAME).unlink(missing_ok=True)


def _make_whole(options: SetupOptions, requirements: RequirementSet, work: _Work) -> Path:
    """Return the folder of the environment made for a list; nothing is left of one that could not be made."""
    folder = environment_folder(requirements)
    try:
        _make(options, requirements, folder, work)
    except BaseException:
        _remove_folder(folder)
        raise
    return folder


def _make(options: SetupOptions, requirements: RequirementSet, folder: Path, work: _Work) -> None:
    _remove_folder(folder)
    work.step(2, tr("Looking for a Python"))
    paths = [options.base] if options.base else candidates(work.platform, qgis_folders=qgis_folders(work.platform))
    found = find_base_pythons(paths, work.environment)
    base = next((item for item in found if item.fits), None)
    work.step(5, tr("Looking for the installer"))
    uv = find_uv(work.run, work.environment, work.home, work.platform)
    starter = next((item for item in found if item.has_venv), None)
    if uv is None and starter is not None:
        listed = REQUIREMENTS / "installer.txt"
        uv = fetch_uv(work.run, starter, work.home, listed, options.bundle, work.platform)
    if base is None and (uv is None or options.bundle is not None or options.base):
        raise no_python(options.base, found)
    work.step(10, tr("Making a Python for the engine"))
    made = work.run(uv.make(base, folder)) if uv else None
    if made is None or made.status != 0:
        if base is None or not base.has_venv:
            raise setup_fault(made.output if made else "no module named venv", tr("making a Python for the engine"))
        uv = None
        _remove_folder(folder)
        made = work.run(make_command(base, folder))
        if made.status != 0:
            raise setup_fault(made.output, tr("making a Python for the engine"))
    work.step(15, tr("Installing {count} packages", count=len(requirements.packages)))
    _install(uv, options, requirements, folder, work)
    work.step(92, tr("Trying the installed packages"))
    verify_python(str(python_of(folder, work.platform)), requirements.modules, work.environment, work.log)
    installer, source = (uv.version if uv else "pip"), (base.path if base else f"uv {MANAGED_PYTHON}")
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    note = Marker(requirements.key, requirements.which, requirements.gpu, installer, source, created, plugin_version())
    write_marker(folder, note)


def _install(uv: Optional[Uv], options: SetupOptions, requirements: RequirementSet, folder: Path, work: _Work) -> None:
    names = {name.lower().replace("_", "-") for name in requirements.packages}
    seen = set()

    def log(line: str) -> None:
        work.log(line)
        for word in line.replace("==", " ").replace("_", "-").lower().split():
            if word in names and word not in seen:
                seen.add(word)
                phase = tr("Installing {name}", name=word)
                work.listener.progress(15 + 75 * min(1.0, len(seen) / len(names)), phase)

    if uv is not None:
        command = uv.install(folder, requirements.file, options.bundle, work.platform)
    else:
        command = pip_install_command(folder, requirements.file, options.bundle, work.platform)
    answer = work.run(command, log)
    if answer.status is None:
        raise setup_fault(tr("timed out"), tr("installing the packages"))
    if answer.status != 0:
        raise setup_fault(answer.output, tr("installing the packages"))


def _remove_folder(folder: Path) -> None:
    if not folder.exists():
        return
    marker = read_marker(folder)
    try:
        (folder / "ridgeline-engine.json").unlink(missing_ok=True)  # first: a half-removed environment is never used
        shutil.rmtree(folder)
    except OSError as fault:
        known = classify(str(fault))
        raise RidgelineError(
            known.code if known else ErrorCode.OUTPUT_NOT_WRITABLE,
            tr("The engine's environment {folder} cannot be removed: {fault}.", folder=folder, fault=fault),
            tr("Close other QGIS windows and running jobs, and try again.")
            if marker
            else tr("Remove the folder by hand, and try again."),
        ) from fault
