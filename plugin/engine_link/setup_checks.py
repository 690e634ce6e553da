"""What must hold before the engine is set up: a list of packages, a bundle that fits, a Python, space on the disk."""

import shutil
from pathlib import Path
from typing import Callable, List, Optional

from ...engine.jobs import ErrorCode, RidgelineError
from ..i18n import tr
from ..paths import plugin_version
from .base_pythons import BasePython
from .requirements import RequirementSet


def choose_requirements(
    lists: Callable[[str, bool], RequirementSet], which: str, gpu: bool, bundle: Optional[Path]
) -> RequirementSet:
    """Return the list to install.

    Args:
        lists: returns the list for a set and a build.
        which: ``inference`` or ``train``.
        gpu: whether there is an NVIDIA GPU to install for; a bundle without that build is taken as it is.
        bundle: offline bundle, if there is one.

    Raises:
        RidgelineError: if the list or the bundle is missing, or the bundle is another version's.
    """
    requirements = lists(which, gpu)
    if bundle is not None and requirements.gpu and not (bundle / requirements.file.name).is_file():
        requirements = lists(which, False)
    if not requirements.file.is_file():
        raise RidgelineError(
            ErrorCode.ENGINE_NOT_READY,
            tr("The list of packages {name} is missing in the plugin.", name=requirements.file.name),
            tr("Install the plugin again."),
        )
    if bundle is not None:
        _check_bundle(bundle, requirements)
    return requirements


def no_python(base: Optional[str], found: List[BasePython]) -> RidgelineError:
    """Return the error for a computer without a Python that the engine can use.

    Args:
        base: the interpreter that the user named, if any.
        found: interpreters that were found.
    """
    if base:
        sentence = tr("{path} is no 64-bit Python 3.11, 3.12 or 3.13.", path=base)
    elif found:
        names = ", ".join(sorted({f"{item.version[0]}.{item.version[1]}" for item in found}))
        sentence = tr("The engine needs Python 3.11, 3.12 or 3.13; only {names} was found.", names=names)
    else:
        sentence = tr("No Python was found to set up the engine with.")
    return RidgelineError(
        ErrorCode.ENGINE_NOT_READY,
        sentence,
        tr("Install 64-bit Python 3.12 from python.org (or python3-venv on Debian and Ubuntu), and set up again."),
    )


def check_disk(home: Path, needed_mb: int) -> None:
    """Check that the disk has space.

    Raises:
        RidgelineError: (DISK_FULL) with the figures, if it has not.
    """
    free_mb = shutil.disk_usage(home).free // 1_000_000
    if free_mb < needed_mb:
        raise RidgelineError(
            ErrorCode.DISK_FULL,
            tr(
                "The engine needs {needed} MB on the disk of {folder}, but only {free} MB are free.",
                needed=needed_mb,
                folder=home,
                free=free_mb,
            ),
            tr("Free some space, or choose a folder on another disk on the Engine page."),
        )


def _check_bundle(bundle: Path, requirements: RequirementSet) -> None:
    name = requirements.file.name
    theirs = bundle / name
    if not theirs.is_file() or not any(bundle.glob("*.whl")):
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            tr("The folder {folder} holds no offline bundle with {name}.", folder=bundle, name=name),
            tr("Choose the folder of a bundle: it holds {name} and files ending in .whl.", name=name),
        )
    if theirs.read_bytes().split() != requirements.file.read_bytes().split():
        raise RidgelineError(
            ErrorCode.ENGINE_NOT_READY,
            tr("The offline bundle was made for another version of the plugin."),
            tr("Make the bundle again with version {version}.", version=plugin_version()),
        )
