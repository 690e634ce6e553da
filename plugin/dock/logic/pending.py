"""Runs that have begun and not ended, kept in QGIS's settings so that they can be resumed after a crash of QGIS.

Each is one entry of the setting ``ridgeline/pending`` (JSON: its folder → what it takes to run it again). While a run
is at work, its window holds a lock file in the folder, so that no other window takes it for an interrupted run.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsReferencedGeometry,
    QgsSettings,
)
from qgis.PyQt.QtCore import QLockFile

KEY = "ridgeline/pending"
LOCK = ".ridgeline-window.lock"


@dataclass(frozen=True)
class Pending:
    """A run that has begun: its folder, its group's title, and its parameters as plain JSON values."""

    folder: Path
    title: str
    parameters: Dict[str, Any]


def note(pending: Pending) -> None:
    """Remember a run."""
    entries = _entries()
    entries[str(pending.folder)] = {"title": pending.title, "parameters": pending.parameters}
    _store(entries)


def forget(folder: Path) -> None:
    """Forget a run: it has ended, or what it left was deleted."""
    entries = _entries()
    if entries.pop(str(folder), None) is not None:
        _store(entries)


def interrupted() -> Optional[Pending]:
    """Return the newest run that no window works on and whose folder is still there; forget those that are gone."""
    found: List[Pending] = []
    entries = _entries()
    for name, entry in list(entries.items()):
        folder = Path(name)
        if not folder.is_dir() or not isinstance(entry, dict):
            del entries[name]
            continue
        lock = folder_lock(folder)
        if lock.tryLock(0):
            lock.unlock()
            found.append(Pending(folder, str(entry.get("title", "")), dict(entry.get("parameters") or {})))
    if len(entries) != len(_entries()):
        _store(entries)
    return found[-1] if found else None


def folder_lock(folder: Path) -> QLockFile:
    """Return the lock that a window holds while it runs something into ``folder``; a dead window's counts as free."""
    lock = QLockFile(str(folder / LOCK))
    lock.setStaleLockTime(0)
    return lock


def plain_parameters(parameters: Dict[str, Any]) -> Dict[str, Any]:
    """Return an algorithm's parameters as JSON values: layers by id and source, the region as text."""
    plain: Dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, QgsMapLayer):
            plain[name] = {
                "layer": value.id(),
                "source": value.source(),
                "provider": value.providerType(),
                "name": value.name(),
                "crs": value.crs().toWkt(),
            }
        elif isinstance(value, QgsReferencedGeometry):
            plain[name] = f"CRS={value.crs().authid() or value.crs().toWkt()};{value.asWkt(9)}"
        else:
            plain[name] = value
    return plain


def live_parameters(plain: Dict[str, Any]) -> Dict[str, Any]:
    """Return parameters for an algorithm: layers of the project, else layers opened anew as they were."""
    return {name: _layer_of(value) if isinstance(value, dict) else value for name, value in plain.items()}


def _layer_of(noted: Dict[str, Any]) -> Any:
    layer = QgsProject.instance().mapLayer(str(noted.get("layer")))
    if layer is not None:
        return layer
    source = str(noted.get("source"))
    layer = QgsRasterLayer(source, str(noted.get("name")), str(noted.get("provider")))
    if not layer.isValid():
        return source  # the algorithm says that it cannot be opened
    # the same name and CRS make it the same job, which is what the engine goes on with
    crs = QgsCoordinateReferenceSystem.fromWkt(str(noted.get("crs")))
    if crs.isValid():
        layer.setCrs(crs)
    return layer


def _entries() -> Dict[str, Any]:
    try:
        data = json.loads(str(QgsSettings().value(KEY, "") or "{}"))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _store(entries: Dict[str, Any]) -> None:
    settings = QgsSettings()
    if entries:
        settings.setValue(KEY, json.dumps(entries))
        settings.sync()  # a crash must not lose it
    else:
        settings.remove(KEY)
