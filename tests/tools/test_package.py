"""The plugin's zip: what is in it, and that every rule of the plugin repository is really checked."""

import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_package  # noqa: E402
import package  # noqa: E402


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    target = tmp_path_factory.mktemp("dist") / "ridgeline.zip"
    package.write(target)
    return target


def changed(built, tmp_path, edits):
    """Return a copy of the zip with files changed, added (text) or removed (None)."""
    target = tmp_path / "changed.zip"
    with zipfile.ZipFile(built) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            if name not in edits:
                archive.writestr(name, source.read(name))
        for name, content in edits.items():
            if content is not None:
                archive.writestr(name, content)
    return target


def metadata(built, old, new):
    with zipfile.ZipFile(built) as source:
        text = source.read("ridgeline/metadata.txt").decode("utf-8")
    assert old in text
    return {"ridgeline/metadata.txt": text.replace(old, new)}


def test_the_zip_obeys_every_rule(built):
    assert check_package.check(built) == []


def test_the_zip_holds_what_users_need_and_nothing_else(built):
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    for needed in (
        "__init__.py", "metadata.txt", "LICENSE", "plugin/plugin.py", "engine/__main__.py", "engine/jobs/segment.py",
        "resources/requirements/inference.txt", "resources/samples/herault_rgb.tif", "resources/styles/buildings.qml",
        "resources/icons/ridgeline.svg", "resources/samples/ATTRIBUTION.md",
    ):  # fmt: skip
        assert f"ridgeline/{needed}" in names
    assert not [name for name in names if "test" in name.split("/")[1] or name.endswith((".pyc", ".sh", ".xml"))]


def test_the_same_files_give_the_same_bytes(built, tmp_path):
    package.write(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == built.read_bytes()


@pytest.mark.parametrize(
    ("edits", "problem"),
    [
        ({"ridgeline/LICENSE": None}, "LICENSE is missing"),
        ({"ridgeline/plugin/x.pyc": "x"}, "compiled"),
        ({"ridgeline/plugin/tool.txt": b"\x7fELF\x02"}, "program"),
        ({"ridgeline/run.bat": "x"}, "program"),
        ({"ridgeline/tests/test_x.py": ""}, "must not be in the zip"),
        ({"ridgeline/plugin/__pycache__/x.py": ""}, "must not be in the zip"),
        ({"ridgeline/.env": "x"}, "must not be in the zip"),
        ({"other/x.py": ""}, "one top folder"),
        ({"ridgeline/plugin/y.py": "from PyQt5.QtCore import Qt\n"}, "past qgis.PyQt"),
        ({"ridgeline/resources/models/w.pth": "x"}, "compiled"),
    ],
)
def test_what_the_repository_refuses_is_found(built, tmp_path, edits, problem):
    assert any(problem in found for found in check_package.check(changed(built, tmp_path, edits)))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("qgisMaximumVersion=4.99", "", "QGIS 4"),
        ("version=0.1.0", "version=latest", "version"),
        ("tracker=https://", "tracker=", "tracker"),
        ("rasterio", "", "dependency rasterio"),
        ("server=False", "supportsQt6=True", "supportsQt6"),
        ("author=Ridgeline contributors", "author=", "lacks author"),
        ("icon=resources/icons/ridgeline.svg", "icon=no.svg", "icon"),
    ],
)
def test_faults_of_the_metadata_are_found(built, tmp_path, old, new, problem):
    edits = metadata(built, old, new)
    assert any(problem in found for found in check_package.check(changed(built, tmp_path, edits)))


def test_a_zip_that_is_too_large_is_found(built, monkeypatch):
    monkeypatch.setattr(check_package, "MAX_BYTES", 1000)
    assert any("more than 1000" in found for found in check_package.check(built))
