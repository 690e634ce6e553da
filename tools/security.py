"""Bandit and detect-secrets as the plugin repository runs them, over the files of the zip: `security.py ZIP`.

The repository blocks a version for the findings listed first and for secrets (its docs_security and data/*_rules.json);
some others it shows as warnings, which are counted here. The hash of a model's file in `model.json` is no secret.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

BLOCKING = {
    "B102", "B202", "B301", "B302", "B307", "B323", "B501", "B506", "B602", "B604", "B605", "B615",
}  # fmt: skip
WARNINGS = {"B101", "B110", "B310", "B614"}
"""Shown as warnings there: assert, bare pass, urlopen, torch.load."""


def run(*command: str) -> str:
    """Return what a tool prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _is_model_hash(file: Path, line: int) -> bool:
    """Return whether a line of a ``model.json`` holds nothing but the SHA-256 of a file beside it."""
    if file.name != "model.json":
        return False
    text = file.read_text(encoding="utf-8").splitlines()[line - 1]
    hashes = {hashlib.sha256(other.read_bytes()).hexdigest() for other in file.parent.iterdir()}
    return any(f'"{item}"' in text for item in hashes)


def main() -> int:
    """Unpack, scan, tell."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(sys.argv[1]) as archive:
            archive.extractall(folder)  # our own zip
        bandit = json.loads(run(sys.executable, "-m", "bandit", "-q", "-r", folder, "-f", "json"))
        secrets = json.loads(run(sys.executable, "-m", "detect_secrets", "-C", folder, "scan", "--all-files", "."))
        hidden = [
            (file, item)
            for file, items in secrets["results"].items()
            for item in items
            if not _is_model_hash(Path(folder) / file, item["line_number"])
        ]
    findings = [
        (item["test_id"], f"{Path(item['filename']).relative_to(folder)}:{item['line_number']}", item["issue_text"])
        for item in bandit["results"]
    ]
    bad = [finding for finding in findings if finding[0] in BLOCKING]
    for rule, place, text in sorted(bad):
        print(f"{rule} {place} {text}", file=sys.stderr)
    warned = Counter(finding[0] for finding in findings if finding[0] in WARNINGS)
    for file, item in hidden:
        print(f"secret? {file}:{item['line_number']} {item['type']}", file=sys.stderr)
    told = ", ".join(f"{rule} {count}" for rule, count in sorted(warned.items())) or "none"
    print(f"blocked: {len(bad)} findings, {len(hidden)} secrets; warnings: {told}; notes: {len(findings) - len(bad)}")
    return 1 if bad or hidden else 0


if __name__ == "__main__":
    sys.exit(main())
