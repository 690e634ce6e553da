"""The plugin's settings in QGIS: every key that is ever written, in one place.

Settings are those of the user's profile. What belongs to a project (chosen layers, options) is kept in the project.
"""

from typing import Optional

from qgis.core import QgsSettings

GROUP = "ridgeline"

ENGINE_HOME = "engine/home"
"""Folder in which the engine's environments are kept; empty: the platform's own place for such data."""
ENGINE_PYTHON = "engine/python"
"""A Python of the user's own that has the engine's libraries; empty: the environment that the plugin made."""
EXPORT_CAP_MB = "export/cap_mb"
"""Largest file, in megabytes, that is written for a layer which is no local file."""

CATALOGUE_URL = "models/catalogue"
"""Address of the catalogue of models; empty: the one that comes with the plugin."""


def read_setting(key: str, default: str = "") -> str:
    """Return a setting of the plugin as text."""
    value = QgsSettings().value(f"{GROUP}/{key}", default)
    return default if value is None else str(value)


def write_setting(key: str, value: Optional[str]) -> None:
    """Store a setting of the plugin; None or an empty text removes it."""
    settings = QgsSettings()
    if value:
        settings.setValue(f"{GROUP}/{key}", value)
    else:
        settings.remove(f"{GROUP}/{key}")
