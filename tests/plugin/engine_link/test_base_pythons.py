"""Interpreters are found by their places on each system; QGIS itself is never started."""

import json
import os
import sys

import pytest

from ridgeline.plugin.engine_link import base_pythons
from ridgeline.plugin.engine_link.base_pythons import candidates, find_base_pythons, probe, python_of
from ridgeline.plugin.engine_link.run_tool import ToolRun


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return str(path)


def test_windows_finds_osgeo4ws_python_and_not_qgis(tmp_path):
    root = tmp_path / "OSGeo4W räum"
    python = touch(root / "apps" / "Python312" / "python.exe")
    for name in ("bin/qgis-ltr-bin.exe", "apps/Python312/pythonw.txt", "bin/qgis_process-qgis.bat"):
        touch(root / name)
    own = touch(tmp_path / "Local" / "Programs" / "Python" / "Python311" / "python.exe")
    touch(tmp_path / "Local" / "Microsoft" / "WindowsApps" / "python.exe")
    environment = {"LOCALAPPDATA": str(tmp_path / "Local"), "PATH": str(tmp_path / "Local/Microsoft/WindowsApps")}
    found = candidates("win32", environment, str(root / "apps" / "Python312"), [str(root)])
    assert found == [python, own]


def test_macos_finds_the_python_in_the_bundle_and_not_qgis(tmp_path):
    app = tmp_path / "Applications" / "QGIS.app"
    python = touch(app / "Contents" / "MacOS" / "bin" / "python3")
    touch(app / "Contents" / "MacOS" / "QGIS")
    found = candidates("darwin", {}, str(app / "Contents" / "Frameworks"), [str(app)])
    assert python in found
    assert not [path for path in found if path.endswith("QGIS")]


def test_linux_finds_the_systems_python():
    found = candidates("linux", {}, "/usr")
    assert "/usr/bin/python3" in found or "/bin/python3" in found


def test_sys_executable_is_never_a_candidate_when_it_is_qgis(tmp_path, monkeypatch):
    qgis = touch(tmp_path / "bin" / "qgis-bin.exe")
    monkeypatch.setattr(sys, "executable", qgis)
    for platform in ("win32", "darwin", "linux"):
        assert qgis not in candidates(platform, {}, str(tmp_path), [str(tmp_path)])


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ({"version": [3, 12], "bits": 64, "venv": True, "free_threaded": False}, True),
        ({"version": [3, 9], "bits": 64, "venv": True, "free_threaded": False}, False),
        ({"version": [3, 14], "bits": 64, "venv": True, "free_threaded": False}, False),
        ({"version": [3, 12], "bits": 32, "venv": True, "free_threaded": False}, False),
        ({"version": [3, 13], "bits": 64, "venv": True, "free_threaded": True}, False),
    ],
)
def test_only_fitting_pythons_fit(answer, fits):
    def run(command, environment, **options):
        assert command[1] == "-I"
        return ToolRun(0, "a banner\n" + json.dumps(answer))

    assert probe("python", {}, run).fits == fits


def test_programs_that_do_not_answer_are_left_out():
    answers = {
        "broken": ToolRun(1, "boom"),
        "mute": ToolRun(0, ""),
        "odd": ToolRun(0, "[1, 2]"),
        "hangs": ToolRun(None, ""),
    }
    assert find_base_pythons(list(answers), {}, lambda command, *_, **__: answers[command[0]]) == []
    assert probe("/no/such/python", dict(os.environ)) is None


def test_those_that_fit_and_have_venv_come_first():
    def run(command, environment, **options):
        version, venv = {"a": ([3, 9], True), "b": ([3, 12], False), "c": ([3, 11], True)}[command[0]]
        return ToolRun(0, json.dumps({"version": version, "bits": 64, "venv": venv, "free_threaded": False}))

    assert [item.path for item in find_base_pythons(["a", "b", "c"], {}, run)] == ["c", "b", "a"]


def test_the_systems_own_python_is_probed_for_real():
    found = probe("/usr/bin/python3", {"PATH": "/usr/bin"})
    assert found is not None and found.version >= (3, 9)


def test_the_interpreter_of_an_environment_is_where_each_system_puts_it(tmp_path):
    assert python_of(tmp_path, "win32") == tmp_path / "Scripts" / "python.exe"
    assert python_of(tmp_path, "darwin") == tmp_path / "bin" / "python"
    assert base_pythons.ENGINE_VERSIONS == ((3, 13), (3, 12), (3, 11))
