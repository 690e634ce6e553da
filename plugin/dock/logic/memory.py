"""What the dock remembers: choices in the project, habits of the machine in QGIS's settings.

In the project (scope ``ridgeline``), all as text:

=======================  ==============================================================
``segment/rgb``          id of the RGB layer, ``none`` if chosen empty
``segment/dsm``          id of the DSM layer, ``none`` if chosen empty
``segment/rgb_bands``    three band numbers, comma-separated
``segment/dsm_band``     a band number
``segment/model``        name or folder of the model
``segment/region``       ``canvas``, ``layer``, ``drawn`` or ``selected``
``segment/region_layer`` id of the layer whose extent is the region
``segment/select_layer`` id of the polygon layer whose selection is the region
``segment/drawn_wkt``    the drawn region
``segment/drawn_crs``    its CRS, an authority code or WKT
``segment/gsd``          metres per pixel; ``0``: the model's own
``segment/device``       ``auto``, ``cpu`` or ``cuda``
``segment/looks``        looks at each place; ``0``: what the model advises
``segment/regularise``   ``1`` or ``0``
``segment/min_area``     square metres
``segment/min_confidence`` percent; negative: what the model advises
``segment/skip_empty``   ``1`` or ``0``
``segment/keep_heights`` ``1`` or ``0``
``segment/export_cap``   megabytes that may be written for an online layer
``segment/folder``       folder for results; empty: temporary
``dock/page``            name of the page that was open
=======================  ==============================================================

In QGIS's settings (group ``ridgeline``): ``speed/<model>/<inputs>/<device>`` (seconds per tile and to start, see
``speed.py``) and ``pending`` (runs that have begun and not ended, see ``pending.py``).
"""

import math
from typing import Any

from qgis.core import QgsProject

SCOPE = "ridgeline"
KEYS = (
    "segment/rgb",
    "segment/dsm",
    "segment/rgb_bands",
    "segment/dsm_band",
    "segment/model",
    "segment/region",
    "segment/region_layer",
    "segment/select_layer",
    "segment/drawn_wkt",
    "segment/drawn_crs",
    "segment/gsd",
    "segment/device",
    "segment/looks",
    "segment/regularise",
    "segment/min_area",
    "segment/min_confidence",
    "segment/skip_empty",
    "segment/keep_heights",
    "segment/export_cap",
    "segment/folder",
    "dock/page",
)


class ProjectMemory:
    """Reads and writes the keys above in a project."""

    def __init__(self, project: Any = None) -> None:
        self._project = project or QgsProject.instance()

    def read(self, key: str, default: str = "") -> str:
        """Return what is remembered under ``key``, else ``default``."""
        value, found = self._project.readEntry(SCOPE, _checked(key), default)
        return str(value) if found else default

    def read_float(self, key: str, default: float) -> float:
        """Return the number remembered under ``key``; ``default`` if there is none, or it is no number."""
        try:
            number = float(self.read(key))
        except ValueError:
            return default
        return number if math.isfinite(number) else default

    def read_bool(self, key: str, default: bool) -> bool:
        """Return the switch remembered under ``key``."""
        return self.read(key, "1" if default else "0") == "1"

    def write(self, key: str, value: Any) -> None:
        """Remember ``value`` under ``key``; the project is marked as changed only if the value is new."""
        text = ("1" if value else "0") if isinstance(value, bool) else str(value)
        stored, found = self._project.readEntry(SCOPE, _checked(key), "")
        if not found or stored != text:
            self._project.writeEntry(SCOPE, key, text)


def _checked(key: str) -> str:
    if key not in KEYS:
        raise KeyError(f"{key!r} is not in the list of remembered keys")
    return key
