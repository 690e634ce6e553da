"""QGIS on Qt 6, as far as widgets need it: the real ``qgis.PyQt``, turned to PyQt6, and stand-ins for the rest.

``qgis.PyQt`` of the Qt 5 build is a filled-in template; with the version replaced it is a Qt 6 build's. Classes of
``qgis.core`` and ``qgis.gui`` are stood in for by Qt's own widgets, or by objects that take anything: what is tested is
our use of Qt, not QGIS.
"""

import shutil
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

WIDGETS = {
    "QgsDockWidget": "QDockWidget",
    "QgsCollapsibleGroupBox": "QGroupBox",
    "QgsMapLayerComboBox": "QComboBox",
    "QgsRasterBandComboBox": "QComboBox",
    "QgsScrollArea": "QScrollArea",
    "QgsFilterLineEdit": "QLineEdit",
}
"""Widgets of QGIS, and the Qt widget that each is built on."""


def install(shim: Path, folder: Path) -> None:
    """Make ``qgis`` importable: ``shim`` is the folder ``qgis/PyQt`` of some QGIS, ``folder`` takes the turned copy."""
    target = folder / "qgis" / "PyQt"
    shutil.copytree(shim, target, ignore=shutil.ignore_patterns("__pycache__"))
    for file in target.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("PyQt5", "PyQt6").replace("if 5 == 6", "if 6 == 6"), encoding="utf-8")
    package = types.ModuleType("qgis")
    package.__path__ = [str(folder / "qgis")]
    sys.modules["qgis"] = package
    for name in ("core", "gui", "utils"):
        module = _StandIn(f"qgis.{name}")
        sys.modules[f"qgis.{name}"] = module
        setattr(package, name, module)


class _StandIn(types.ModuleType):
    """A module in which every name is there."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = _make(name, self.__name__)
        setattr(self, name, made)
        return made


class _Anything(type):
    """Type of the stand-ins: every attribute of the class is there, too."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        value = MagicMock(name=f"{cls.__name__}.{name}")
        setattr(cls, name, value)
        return value


def _make(name, module):
    if module == "qgis.gui":
        from PyQt6 import QtCore, QtWidgets

        base = getattr(QtWidgets, WIDGETS.get(name, "QWidget"))
        if "Tool" in name or name == "QgsRubberBand":
            base = QtCore.QObject

        def init(self, *arguments, **_named):
            parents = [item for item in arguments if isinstance(item, QtCore.QObject)]
            texts = [item for item in arguments if isinstance(item, str)]
            takes_text = base in (QtWidgets.QDockWidget, QtWidgets.QGroupBox)
            base.__init__(self, *(texts[:1] if takes_text else []), *parents[:1])

        def missing(self, attribute):
            if attribute.startswith("__"):
                raise AttributeError(attribute)
            return MagicMock(name=f"{name}.{attribute}")

        kind = type(base)
        meta = type(f"{name}Meta", (_AnythingWidget, kind), {})
        return meta(name, (base,), {"__init__": init, "__getattr__": missing})
    if name in ("QgsTask", "QgsProcessingFeedback"):
        from PyQt6 import QtCore

        return type(name, (QtCore.QObject,), {"__init__": lambda self, *_: QtCore.QObject.__init__(self)})
    if name == "QgsSettings":
        return _Settings
    return _Anything(name, (MagicMock,), {})


class _AnythingWidget:
    """Mixed into the type of a widget's stand-in: attributes of the class that Qt's widget lacks are there."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=f"{cls.__name__}.{name}")


class _Settings:
    """Settings that remember nothing."""

    def value(self, key, default=None, **_options):
        return default

    def setValue(self, key, value):
        return None

    def remove(self, key):
        return None
