"""Ridgeline: roofs and land cover from an orthophoto and a surface model.

This folder is at once the QGIS plugin, the import package ``ridgeline`` and the repository. Nothing is imported here,
so that QGIS, the engine and the tests each load only what they use.
"""

from typing import Any


def classFactory(iface: Any) -> Any:
    """Return the plugin object for QGIS's interface ``iface``."""
    from .plugin.plugin import RidgelinePlugin

    return RidgelinePlugin(iface)
