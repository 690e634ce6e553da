"""The house rules about who may import whom, read from the source files (and, for torch, tried in a fresh process)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "timm", "torchvision", "torchmetrics", "safetensors"}
NOT_IN_QGIS = {"numpy", "rasterio", "scipy", "shapely", "pyogrio", "torch", "onnxruntime"}
MAY_USE_TORCH = ("engine/models/", "engine/training/", "engine/runtime/torch_predictor.py")
NEVER_TORCH = ("engine/models/__init__.py", "engine/models/package/")


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imports(path, top_level_only=False):
    """Return the modules that a file imports, as absolute names below ``ridgeline`` where they are relative."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    package = ["ridgeline", *path.relative_to(ROOT).parts[:-1]]
    found = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            # `from . import x` may name a module
            found |= {f"{module}.{alias.name}" for alias in node.names if node.module is None}
    return found


def ids(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def is_below(module, *packages):
    return any(module == package or module.startswith(package + ".") for package in packages)


ENGINE, PLUGIN, JOBS = sources("engine"), sources("plugin"), sources("engine/jobs")


def test_the_rules_see_the_whole_house():
    assert len(ENGINE) > 20
    assert len(JOBS) > 4


def test_imports_are_resolved_as_python_does(tmp_path):
    assert "ridgeline.engine.jobs.inputs" in imports(ROOT / "engine" / "raster" / "source.py")
    assert "ridgeline.engine.raster.grid" in imports(ROOT / "engine" / "raster" / "aligned.py")


@pytest.mark.parametrize("path", PLUGIN, ids=ids(PLUGIN))
def test_the_plugin_imports_only_the_jobs_of_the_engine(path):
    strange = {name for name in imports(path) if is_below(name, "ridgeline.engine", "engine")}
    assert not {name for name in strange if not is_below(name, "ridgeline.engine.jobs")}
    assert not {name for name in imports(path) if name.split(".")[0] in NOT_IN_QGIS}


@pytest.mark.parametrize("path", ENGINE, ids=ids(ENGINE))
def test_the_engine_knows_neither_qgis_nor_the_plugin(path):
    names = imports(path)
    assert not {
        name for name in names if is_below(name, "qgis", "PyQt5", "PyQt6", "ridgeline.plugin", "plugin", "engine")
    }


@pytest.mark.parametrize("path", JOBS, ids=ids(JOBS))
def test_jobs_need_the_standard_library_alone(path):
    outside = {name for name in imports(path) if not is_below(name, "ridgeline.engine.jobs")}
    assert not {name for name in outside if name.split(".")[0] not in {*sys.stdlib_module_names, "__future__"}}


@pytest.mark.parametrize("path", [*JOBS, *PLUGIN], ids=ids([*JOBS, *PLUGIN]))
def test_what_runs_in_qgis_is_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))


@pytest.mark.parametrize("path", ENGINE, ids=ids(ENGINE))
def test_torch_stays_in_its_rooms(path):
    name = path.relative_to(ROOT).as_posix()
    if name.startswith(MAY_USE_TORCH) and not name.startswith(NEVER_TORCH):
        return
    assert not {module for module in imports(path) if module.split(".")[0] in HEAVY}


def test_inference_runs_where_torch_is_not_installed():
    """Import all that a run needs in a fresh process that cannot import torch."""
    rooms = ["jobs", "raster", "terrain", "vector", "runtime", "inference", "models/package", "commands"]
    modules = [
        ".".join(("ridgeline", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for room in rooms
        for path in sources(f"engine/{room}")
        if path.name != "torch_predictor.py" and "benchmark" not in path.name
    ]
    script = (
        "import importlib, sys\n"
        f"for name in {sorted(HEAVY)!r}: sys.modules[name] = None\n"
        f"for name in ['ridgeline.engine.cli', *{modules!r}]: importlib.import_module(name)\n"
        "print(len(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
