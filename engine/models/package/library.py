"""Where models live: those shipped with Ridgeline, and the user's own folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ...jobs import ErrorCode, RidgelineError
from ...jobs.places import user_models
from .load import ModelPackage, load_package

LIBRARY_ONLY = "RIDGELINE_LIBRARY_ONLY"
"""A variable that is set where models may come from the library only: QGIS sets it for the engines that it starts."""
SHIPPED = Path(__file__).resolve().parents[3] / "resources" / "models"


@dataclass(frozen=True)
class LibraryEntry:
    """One model of the library.

    Attributes:
        name: name of its folder, which is the model's name.
        folder: where it lies.
        origin: ``shipped``, ``user`` or, outside the library, ``folder``.
        package: the model; None if it cannot be read.
        fault: why it cannot be read.
        size_bytes: of all its files.
    """

    name: str
    folder: Path
    origin: str
    package: ModelPackage | None
    fault: RidgelineError | None
    size_bytes: int


def list_models() -> list[LibraryEntry]:
    """Return all models, the shipped ones first, each group by name; damaged ones with their fault."""
    entries: list[LibraryEntry] = []
    for origin, root in (("shipped", SHIPPED), ("user", user_models())):
        for folder in sorted(root.iterdir()) if root.is_dir() else []:
            shadowed = any(entry.name == folder.name for entry in entries)
            if folder.is_dir() and not folder.name.startswith(".") and not shadowed:
                entries.append(_entry(folder, origin))
    return entries


def find_model(name_or_folder: str) -> ModelPackage:
    """Return the model of that name in the library, or the one in that folder.

    A shipped model goes before a user's of the same name, so that no imported file takes its place unseen. Only who
    types a command may name a folder elsewhere: an engine that QGIS started (``LIBRARY_ONLY``) loads what went through
    an import.

    Raises:
        RidgelineError: (BAD_MODEL) if there is none, it is damaged, or it must not be loaded from there.
    """
    if is_name(name_or_folder):
        for root in (SHIPPED, user_models()):
            folder = root / name_or_folder
            if os.path.isfile(folder / "model.json"):
                return load_package(folder)
    folder = Path(os.path.expanduser(name_or_folder))
    if os.path.isdir(folder):
        if os.environ.get(LIBRARY_ONLY) and not _in_library(folder):
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The model in {str(folder)!r} is not in the library.",
                "Import it on the Models page, and choose it by its name.",
            )
        return load_package(folder)
    known = [entry.name for entry in list_models()]
    raise RidgelineError(
        ErrorCode.BAD_MODEL,
        f"There is no model {name_or_folder!r}.",
        f"Known models: {', '.join(known)}." if known else "Import one with `ridgeline models import`.",
    )


def entry_of(name_or_folder: str) -> LibraryEntry:
    """Return the library's entry of a model; a folder elsewhere has the origin ``folder``.

    Raises:
        RidgelineError: (BAD_MODEL) if there is no such model.
    """
    wanted = Path(name_or_folder).expanduser().resolve()
    for entry in list_models():
        if name_or_folder == entry.name or wanted == entry.folder.resolve():
            return entry
    package = find_model(name_or_folder)
    return LibraryEntry(package.spec.name, package.folder, "folder", package, None, folder_size(package.folder))


def is_name(text: str) -> bool:
    """Return whether a text can be a model's name, and not a path."""
    return bool(text) and not text.startswith(".") and not any(sign in text for sign in "/\\:\0")


def folder_size(folder: Path) -> int:
    """Return the size of all files of a folder in bytes."""
    return sum(item.stat().st_size for item in folder.rglob("*") if item.is_file() and not item.is_symlink())


def _in_library(folder: Path) -> bool:
    """Return whether a folder lies directly in the library, links followed."""
    return folder.resolve().parent in (SHIPPED.resolve(), user_models().resolve())


def _entry(folder: Path, origin: str) -> LibraryEntry:
    package, fault = None, None
    try:
        package = load_package(folder)
        if package.spec.name != folder.name:
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The folder {folder.name!r} holds a model that calls itself {package.spec.name!r}.",
                "Rename the folder, or import the model again.",
            )
    except RidgelineError as caught:
        package, fault = None, caught
    return LibraryEntry(folder.name, folder, origin, package, fault, folder_size(folder))
