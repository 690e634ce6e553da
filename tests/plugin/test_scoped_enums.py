"""Enums of Qt are spelled as Qt 6 wants them, ``Qt.ItemDataRole.UserRole``; where only Qt 5 is at hand, too.

`tests/qt6` asks Qt 6 itself for every name; this finds the old spelling without it.
"""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# QVariant's types are no enum of Qt 6 any more; QGIS keeps them alive under their old names alone (QVariant.String)
FILES = sorted((ROOT / "plugin").rglob("*.py"))


def classes_of(tree):
    """Return what a file imports from ``qgis.PyQt``, by its local name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("qgis.PyQt."):
            module = importlib.import_module(node.module)
            found.update({item.asname or item.name: getattr(module, item.name) for item in node.names})
    return found


def unscoped(tree):
    """Return (line, text) of each value of an enum that is taken from its class and not from the enum."""
    classes = classes_of(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in classes:
            value = getattr(classes[node.value.id], node.attr, None)
            if isinstance(value, int) and type(value) not in (int, bool) and node.value.id != "QVariant":
                found.append((node.lineno, ast.unparse(node)))
    return found


def test_the_old_spelling_is_found(qgis_app):
    source = "from qgis.PyQt.QtCore import Qt\nold = Qt.UserRole\nnew = Qt.ItemDataRole.UserRole\n"
    assert unscoped(ast.parse(source)) == [(2, "Qt.UserRole")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_enum_is_scoped(file, qgis_app):
    assert unscoped(ast.parse(file.read_text(encoding="utf-8"))) == []
