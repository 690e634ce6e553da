"""Where engine and plugin both look for the user's own things."""

import os
import sys
from pathlib import Path
from typing import Mapping


def data_home(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the user's data of Ridgeline: the same for every QGIS profile and version."""
    if platform == "win32":
        base = environment.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        found = environment.get("XDG_DATA_HOME", "")
        base = found if os.path.isabs(found) else str(Path.home() / ".local" / "share")
    return Path(base) / "ridgeline"


def user_models(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the user's own models: ``RIDGELINE_MODELS``, else one in the user's data."""
    named = environment.get("RIDGELINE_MODELS")
    return Path(named).expanduser() if named else data_home(environment=environment) / "models"
