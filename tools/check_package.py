"""Check a plugin's zip against the rules of the QGIS plugin repository: `check_package.py ZIP`.

The rules are those of plugins.qgis.org (QGIS-Plugins-Website: validator, docs_publish, docs_security): size, one top
folder, required metadata, LICENSE, no compiled or executable files, imports that hold on Qt 6.
"""

import configparser
import io
import re
import sys
import zipfile
from pathlib import Path

MAX_BYTES = 25_000_000
REQUIRED = (
    "name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository",
)  # fmt: skip
DEPENDENCIES = ("onnxruntime", "rasterio", "numpy", "scipy", "shapely", "pyogrio")
_BAD_SUFFIXES = {
    ".pyc", ".pyo", ".exe", ".dll", ".so", ".dylib", ".bat", ".sh", ".ps1", ".cmd", ".whl", ".jar", ".msi", ".zip",
    ".pkl", ".pth", ".pt",
}  # fmt: skip
_BAD_FOLDERS = {"__pycache__", "__MACOSX", ".git", "tests", ".venv"}
_MAGIC = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_BAD_IMPORTS = re.compile(r"^\s*(?:from|import)\s+(PyQt[456]|PySide\d)\b", re.MULTILINE)


def check(path: Path) -> "list[str]":
    """Return what the repository would refuse; nothing if all is well."""
    problems = []
    if path.stat().st_size > MAX_BYTES:
        problems.append(f"the zip has {path.stat().st_size} bytes, more than {MAX_BYTES}")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        tops = {name.split("/")[0] for name in names}
        if len(tops) != 1 or not re.match(r"^[A-Za-z][A-Za-z0-9-_]+$", next(iter(tops), "")):
            return [*problems, f"there must be one top folder with a plain name, not {sorted(tops)}"]
        top = tops.pop()
        for needed in ("metadata.txt", "__init__.py", "LICENSE", "README.md"):
            if f"{top}/{needed}" not in names:
                problems.append(f"{needed} is missing")
        for name in names:
            problems += _check_file(name, archive.read(name))
        if f"{top}/metadata.txt" in names:
            problems += _check_metadata(archive.read(f"{top}/metadata.txt").decode("utf-8"), names, top)
    return problems


def _check_file(name: str, content: bytes) -> "list[str]":
    problems = []
    parts = name.split("/")
    if Path(name).suffix.lower() in _BAD_SUFFIXES or content.startswith(_MAGIC):
        problems.append(f"{name} looks like a program or compiled file")
    if _BAD_FOLDERS & set(parts) or any(part.startswith(".") for part in parts) or ".." in parts:
        problems.append(f"{name} lies in a folder that must not be in the zip")
    if name.endswith(".py") and _BAD_IMPORTS.search(content.decode("utf-8")):
        problems.append(f"{name} imports Qt past qgis.PyQt")
    return problems


def _check_metadata(text: str, names: "list[str]", top: str) -> "list[str]":
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_file(io.StringIO(text))
    general = dict(parser["general"]) if parser.has_section("general") else {}
    problems = [f"metadata.txt lacks {key}" for key in REQUIRED if not general.get(key, "").strip()]
    for key in ("tracker", "repository", "homepage"):
        if not re.match(r"^https?://\S+\.\S+$", general.get(key, "")):
            problems.append(f"metadata.txt: {key} is no address")
    if not re.match(r"^\d+\.\d+(\.\d+)?$", general.get("version", "")):
        problems.append("metadata.txt: version must be numbers with dots")
    if not re.match(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", general.get("email", "")):
        problems.append("metadata.txt: email is none")
    if not general.get("qgisMaximumVersion", "").startswith("4."):
        problems.append("metadata.txt: without qgisMaximumVersion=4.x QGIS 4 does not list the plugin")
    if "supportsQt6" in general:
        problems.append("metadata.txt: supportsQt6 is no longer read")
    for library in DEPENDENCIES:
        if library not in general.get("about", ""):
            problems.append(f"metadata.txt: about does not state the dependency {library}")
    if f"{top}/{general.get('icon', '')}" not in names:
        problems.append("metadata.txt: the icon is not in the zip")
    return problems


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print("\n".join(found) or "nothing to object")
    sys.exit(1 if found else 0)
