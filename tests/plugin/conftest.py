"""Fixtures for tests inside a real QGIS: the plugin's folder mounted as ``ridgeline``, settings and data set apart."""

import os
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if find_spec("qgis") is None:
    collect_ignore_glob = ["*"]  # the engine's environment has no QGIS: `make test-plugin` runs these


def _mount() -> None:
    """Make the repository importable as ``ridgeline``, whatever its folder is called, as QGIS and the engine do."""
    if "ridgeline" in sys.modules:
        return
    spec = spec_from_file_location("ridgeline", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    module = module_from_spec(spec)
    sys.modules["ridgeline"] = module
    spec.loader.exec_module(module)


_mount()


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch, tmp_path):
    """Keep the user's settings and environments out of tests, and tests out of them."""
    monkeypatch.delenv("RIDGELINE_ENGINE_PYTHON", raising=False)
    monkeypatch.setenv("RIDGELINE_ENGINE_DIR", str(tmp_path / "engine home é"))
    yield
    from qgis.core import QgsSettings

    settings = QgsSettings()
    settings.beginGroup("ridgeline")
    settings.remove("")
    settings.endGroup()


@pytest.fixture
def provider(qgis_app):
    """The registered provider of our algorithms."""
    from qgis.core import QgsApplication

    from ridgeline.plugin.processing.provider import RidgelineProvider

    item = RidgelineProvider()
    QgsApplication.processingRegistry().addProvider(item)
    yield item
    QgsApplication.processingRegistry().removeProvider(item)
