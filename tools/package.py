"""Build the plugin's zip: `make package`. One top folder, only what users need, the same bytes from the same files."""

import sys
import zipfile
from pathlib import Path

from check_package import MAX_BYTES, check

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "dist" / "ridgeline.zip"
TOP = "ridgeline"
SINGLE = ("metadata.txt", "LICENSE", "README.md", "__init__.py", "pyproject.toml", "resources/catalogue.json")
FOLDERS = {
    "plugin": {".py"},
    "engine": {".py", ".json"},
    "resources/icons": {".svg"},
    "resources/styles": {".qml"},
    "resources/i18n": {".qm"},
    "resources/requirements": {".txt"},
    "resources/samples": {".tif", ".md"},
    "resources/models": {".json", ".onnx", ".data", ".md", ".safetensors"},
}
"""Folders of the zip, and the kinds of files taken from each."""
_STAMP = (2020, 1, 1, 0, 0, 0)


def files() -> "list[Path]":
    """Return the files of the zip, sorted."""
    found = [ROOT / name for name in SINGLE]
    for folder, kinds in FOLDERS.items():
        found += [file for file in (ROOT / folder).rglob("*") if file.is_file() and file.suffix in kinds]
    hidden = ("__pycache__", ".cache")
    return sorted(file for file in found if not any(part in hidden for part in file.relative_to(ROOT).parts))


def write(target: Path) -> None:
    """Write the zip."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files():
            entry = zipfile.ZipInfo(f"{TOP}/{file.relative_to(ROOT).as_posix()}", _STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())


def main() -> int:
    """Build and check."""
    write(TARGET)
    problems = check(TARGET)
    for problem in problems:
        print(f"not allowed: {problem}", file=sys.stderr)
    size = TARGET.stat().st_size
    print(f"{TARGET.relative_to(ROOT)}: {len(files())} files, {size / 1e6:.2f} MB of {MAX_BYTES / 1e6:.0f} MB")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
