"""Where the plugin's own files lie."""

from configparser import ConfigParser
from pathlib import Path

PLUGIN_ROOT = Path(__file__).resolve().parent.parent
"""The folder that QGIS loads as the plugin; the engine's code lies in it too."""

RESOURCES = PLUGIN_ROOT / "resources"
ENGINE_MAIN = PLUGIN_ROOT / "engine" / "__main__.py"
REQUIREMENTS = RESOURCES / "requirements"
SAMPLES = RESOURCES / "samples"


def icon_path(name: str) -> str:
    """Return the path of the SVG icon ``name``."""
    return str(RESOURCES / "icons" / f"{name}.svg")


def plugin_version() -> str:
    """Return the version that ``metadata.txt`` states."""
    parser = ConfigParser(interpolation=None)
    parser.read(PLUGIN_ROOT / "metadata.txt", encoding="utf-8")
    return parser.get("general", "version", fallback="0")
