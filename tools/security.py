"""Bandit and detect-secrets exactly as the plugin repository runs them, over the files of the zip: `security.py ZIP`.

The repository's scanner (QGIS-Plugins-Website, `security_scanner.py` and `data/bandit_rules.json`) runs Bandit with the
rules that its administrators enabled, and detect-secrets with all detectors but that of addresses. A single finding of
either blocks a version, also of a rule that is called a warning there. So nothing at all may be found here; what is no
fault is said to be none beside the line, with the rule and the reason (`# nosec B603: …`).
"""

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

RULES = (
    "B101 B102 B103 B104 B105 B106 B107 B108 B110 B111 B112 B113 B201 B202 B301 B302 B303 B304 B305 B306 B307 B308 "
    "B310 B311 B312 B313 B314 B315 B316 B317 B318 B319 B320 B321 B323 B324 B401 B402 B403 B405 B406 B407 B408 B409 "
    "B412 B413 B501 B502 B503 B504 B505 B506 B507 B508 B509 B601 B602 B603 B604 B605 B606 B607 B608 B609 B610 B611 "
    "B612 B613 B614 B615 B701 B702 B703 B704"
).split()
"""The rules enabled there, critical ones and warnings."""
_SUPPRESSION = re.compile(r"#\s*nosec\b(?P<why>.*)")
_JUSTIFIED = re.compile(r"(?: B\d{3})+: \w.+")


def run(*command: str) -> str:
    """Return what a tool prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def bandit_findings(folder: Path) -> "list[str]":
    """Return what Bandit finds below a folder, a line each.

    Raises:
        ValueError: if Bandit gives no report.
    """
    known = run(sys.executable, "-m", "bandit", "--help")
    rules = [rule for rule in RULES if rule in known]  # some are of other versions of Bandit
    report = json.loads(
        run(sys.executable, "-m", "bandit", "-q", "-r", str(folder), "-f", "json", "-t", ",".join(rules))
    )
    faults = [f"bandit could not read {item['filename']}: {item['reason']}" for item in report["errors"]]
    return faults + [
        f"{item['test_id']} {Path(item['filename']).relative_to(folder)}:{item['line_number']} {item['issue_text']}"
        for item in report["results"]
    ]


def secrets(folder: Path) -> "list[str]":
    """Return what detect-secrets takes for a secret below a folder, a line each.

    Raises:
        ValueError: if detect-secrets gives no report.
    """
    options = ["--all-files", "--exclude-files", r"metadata\.txt", "--disable-plugin", "IPPublicDetector"]
    report = json.loads(run(sys.executable, "-m", "detect_secrets", "-C", str(folder), "scan", *options, "."))
    return [
        f"secret? {file}:{item['line_number']} {item['type']}"
        for file, items in report["results"].items()
        for item in items
    ]


def bare_suppressions(folder: Path) -> "list[str]":
    """Return the lines below a folder that silence Bandit without naming the rule and the reason."""
    found = []
    for file in sorted(folder.rglob("*.py")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            silenced = _SUPPRESSION.search(line)
            if silenced and not _JUSTIFIED.fullmatch(silenced["why"]):
                found.append(f"no reason given: {file.relative_to(folder)}:{number} {line.strip()}")
    return found


def main() -> int:
    """Unpack, scan, tell."""
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(sys.argv[1]) as archive:
        folder = Path(scratch)
        archive.extractall(folder)  # our own zip
        unsafe, hidden, bare = bandit_findings(folder), secrets(folder), bare_suppressions(folder)
    for line in (*unsafe, *hidden, *bare):
        print(line, file=sys.stderr)
    print(f"Bandit: {len(unsafe)} findings; detect-secrets: {len(hidden)}; suppressions without a reason: {len(bare)}")
    return 1 if unsafe or hidden or bare else 0


if __name__ == "__main__":
    sys.exit(main())
