"""The page on threats names a test for every wall, and the tests are there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "resources" / "docs" / "threats.md"


def named_tests():
    """Return (file, test) for every test that the page names; ``::test`` alone is in the file named before."""
    found, file = [], ""
    for place, test in re.findall(r"`(tests/[\w/.]+\.py)?::(test_\w+)`", PAGE.read_text(encoding="utf-8")):
        file = place or file
        found.append((file, test))
    return found


def test_every_test_that_is_named_exists():
    named = named_tests()
    assert len(named) > 30
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert not missing


def test_every_row_says_what_holds_it():
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    bare = [
        row for row in rows if "| It could" not in row and "`" not in row.split("|")[3] and "not stopped" not in row
    ]
    assert len(rows) > 20 and not bare
