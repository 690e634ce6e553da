"""Every name of Qt that the plugin uses is in Qt 6, as it is spelled: scoped enums, moved classes, removed calls."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "plugin").rglob("*.py"))
REMOVED = {"exec_", "desktop", "buttonClicked[int]"}


def qt_names(tree):
    """Return what the file imports from ``qgis.PyQt``: local name to object."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                try:
                    value = getattr(module, alias.name)
                except AttributeError:
                    value = importlib.import_module(f"{node.module}.{alias.name}")
                found[alias.asname or alias.name] = value
    return found


def chain(node):
    """Return ``["Qt", "AlignmentFlag", "AlignLeft"]`` for such an expression, or None."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_name_of_qt_is_there(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    known = qt_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names = chain(node)
            if names and names[0] in known:
                value = known[names[0]]
                for name in names[1:]:
                    assert hasattr(value, name), f"line {node.lineno}: {'.'.join(names)}"
                    value = getattr(value, name)
            assert node.attr not in REMOVED, f"line {node.lineno}: {node.attr}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_can_be_imported(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    name = ".".join(("ridgeline", *(parts[:-1] if parts[-1] == "__init__" else parts)))
    importlib.import_module(name)
