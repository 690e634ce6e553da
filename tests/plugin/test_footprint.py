# ruff: noqa: E501  (a program as text)
"""What loading the plugin does to QGIS: little, and nothing that stays."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_FILES = sorted((ROOT / "plugin").rglob("*.py"))
THIRD_PARTY = {
    "numpy",
    "rasterio",
    "torch",
    "onnxruntime",
    "scipy",
    "shapely",
    "pyogrio",
    "requests",
    "osgeo",
    "PyQt5",
    "PyQt6",
}


def imported_modules(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_plugin_imports_qgis_the_standard_library_and_the_jobs_only(file):
    depth = len(file.relative_to(ROOT).parts)  # so many dots lead to the repository
    for level, name in imported_modules(file):
        if level == 0:
            assert name.split(".")[0] in {*sys.stdlib_module_names, "qgis", "processing"}, name
        elif level > depth:
            pytest.fail(f"{name} lies outside the plugin")
        elif level == depth:
            assert name.split(".")[:2] == ["engine", "jobs"], name


def test_loading_the_plugin_adds_no_third_party_module(tmp_path):
    program = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("ridgeline", {str(ROOT / "__init__.py")!r}, submodule_search_locations=[{str(ROOT)!r}])
import qgis.core, qgis.gui
before, path = set(sys.modules), list(sys.path)
module = importlib.util.module_from_spec(spec)
sys.modules["ridgeline"] = module
spec.loader.exec_module(module)
plugin = module.classFactory(None)
plugin.initProcessing()
added = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(sorted(added - set(sys.stdlib_module_names) - {{"ridgeline", "qgis", "PyQt5", "PyQt6"}}))
print(sys.path == path)
plugin.unload()
"""
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "PATH": "/usr/bin"},
    )
    assert answer.stdout.splitlines()[-2:] == ["[]", "True"], answer.stdout + answer.stderr


def test_unload_undoes_everything_ten_times(qgis_app, qgis_iface):
    from qgis.core import QgsApplication

    from ridgeline.plugin.plugin import RidgelinePlugin

    registry = QgsApplication.processingRegistry()
    before = {provider.id() for provider in registry.providers()}
    for _ in range(10):
        plugin = RidgelinePlugin(qgis_iface)
        plugin.initGui()
        assert registry.providerById("ridgeline") is not None
        plugin.unload()
        assert {provider.id() for provider in registry.providers()} == before


@pytest.mark.parametrize(
    "file",
    [*PLUGIN_FILES, *sorted((ROOT / "engine" / "jobs").glob("*.py"))],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_what_qgis_loads_is_written_for_python_3_9(file):
    ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))
