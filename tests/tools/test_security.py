"""What the plugin repository would block is found by our own check, and the shipped files are clean of it."""

import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("bandit", reason="Bandit comes with the development tools")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import package
import security


def test_nothing_that_is_shipped_would_be_blocked(tmp_path):
    package.write(tmp_path / "ridgeline.zip")
    with zipfile.ZipFile(tmp_path / "ridgeline.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert security.bandit_findings(tmp_path / "unpacked") == []
    assert security.secrets(tmp_path / "unpacked") == []
    assert security.bare_suppressions(tmp_path / "unpacked") == []


def test_rules_that_are_called_warnings_there_are_found_too(tmp_path):
    (tmp_path / "x.py").write_text("import pickle\nassert pickle\n", encoding="utf-8")
    assert [line.split()[0] for line in security.bandit_findings(tmp_path)] == ["B403", "B101"]


def test_a_file_that_bandit_cannot_read_is_told(tmp_path):
    (tmp_path / "x.py").write_text("def\n", encoding="utf-8")
    assert "could not read" in security.bandit_findings(tmp_path)[0]


def test_a_bare_hash_is_taken_for_a_secret_as_it_is_there(tmp_path):
    digits = "b64446e494d18f4d8395e30643b68ebe5acaa334734c9d8da09fb0649efbe3e1"
    (tmp_path / "model.json").write_text(f'{{"sha256": "{digits}"}}', encoding="utf-8")
    assert security.secrets(tmp_path) == ["secret? model.json:1 Hex High Entropy String"]


@pytest.mark.parametrize(
    ("line", "bare"),
    [
        ("x = 1  # nosec", True),
        ("x = 1  # nosec B603", True),
        ("x = 1  # nosec: fine", True),
        ("x = 1  # nosec B603: a list, no shell", False),
        ("x = 1", False),
    ],
)
def test_nothing_is_silenced_without_a_reason(tmp_path, line, bare):
    (tmp_path / "x.py").write_text(line + "\n", encoding="utf-8")
    assert bool(security.bare_suppressions(tmp_path)) == bare
