"""Pin and hash what the engine needs, from pyproject.toml, for Python 3.11 to 3.13 on Linux, Windows and macOS.

Writes resources/requirements/{inference,inference-gpu,train,installer}.txt. The files name no index and no host, so
that they hold for any mirror of the Python Package Index.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "resources" / "requirements"
# The CUDA and cuDNN libraries come as packages, so that only the driver must be on the computer.
GPU_RUNTIME = "onnxruntime-gpu[cuda,cudnn]"
INTEL_MAC = "sys_platform == 'darwin' and platform_machine == 'x86_64'"
NEW_MAC = "sys_platform == 'darwin' and platform_machine != 'x86_64'"
NO_MAC = "sys_platform != 'darwin'"
LIMITS = {
    "onnxruntime": ((INTEL_MAC, "<1.24"), (NEW_MAC, ">=1.24"), (NO_MAC, ">=1.24")),
    "rasterio": ((INTEL_MAC, "<1.4.4"), (NEW_MAC, ">=1.4.4,<1.5"), (NO_MAC, ">=1.4.4")),
}
"""Where newer releases have no wheels: none for Intel Macs, rasterio 1.5 none for macOS 14.

The ranges of systems must not overlap: else one version, the oldest, is taken for all."""
SYSTEMS = {
    "x86_64-manylinux_2_28": ("inference", "inference-gpu", "train"),
    "aarch64-manylinux_2_28": ("inference", "train"),
    "windows": ("inference", "inference-gpu", "train"),
    "aarch64-apple-darwin": ("inference", "train"),
    "x86_64-apple-darwin": ("inference",),
}
"""Systems on which the lists must be installable without a compiler, and which lists."""
PYTHONS = ("3.11", "3.12", "3.13")
MACOS = "14.0"
HEADER = "# Made by `make requirements` from pyproject.toml; do not edit.\n"


def needed() -> dict[str, list[str]]:
    """Return the requirements of each list, as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, extras = limited(project["dependencies"]), project["optional-dependencies"]
    gpu = [
        item.replace("onnxruntime", GPU_RUNTIME, 1)
        for item in base
        if not item.startswith("onnxruntime") or NO_MAC in item
    ]
    return {"inference": base, "inference-gpu": gpu, "train": [*base, *extras["train"]], "installer": ["uv>=0.5"]}


def limited(wanted: list[str]) -> list[str]:
    """Return ``wanted`` with a line for each system where systems have limits of their own."""
    lines = []
    for item in wanted:
        name = next((name for name in LIMITS if re.match(rf"{name}\b", item)), None)
        if name is None:
            lines.append(item)
        else:
            lines += [f"{item}{',' if more else ''}{more} ; {marker}" for marker, more in LIMITS[name]]
    return lines


def check_lists(uv: str) -> list[str]:
    """Return where a list cannot be installed from wheels alone; nothing is downloaded but the indexes."""
    problems = []
    for system, names in SYSTEMS.items():
        for name in names:
            for python in PYTHONS:
                command = [uv, "pip", "install", "--dry-run", "--quiet", "--no-build", "--require-hashes"]
                command += ["--python-platform", system, "--python-version", python, "--target", "unused"]
                answer = subprocess.run(
                    [*command, "--requirement", str(TARGET / f"{name}.txt")],
                    env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if answer.returncode != 0:
                    problems.append(f"{name} on {system}, Python {python}: {answer.stderr.strip()[-300:]}")
    return problems


def compile_list(uv: str, wanted: list[str], python: str) -> str:
    """Return the pinned and hashed list for ``wanted``, on every system."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.txt", Path(folder) / "out.txt"
        source.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", python, "--generate-hashes"]
        command += [
            "--no-header",
            "--no-annotate",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--only-binary",
            ":all:",
        ]
        subprocess.run([*command, str(source), "--output-file", str(target)], check=True)
        return target.read_text(encoding="utf-8")


def main() -> int:
    """Write all lists."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        print("uv is needed: install it by `make env`.", file=sys.stderr)
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, wanted in needed().items():
        # the installer runs on any Python that can be found, QGIS's own included
        text = compile_list(uv, wanted, "3.9" if name == "installer" else "3.11")
        (TARGET / f"{name}.txt").write_text(HEADER + text, encoding="utf-8")
        print(f"{name}.txt: {text.count('==')} packages")
    problems = check_lists(uv)
    print("\n".join(problems) or "Installable from wheels on every system that is listed.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
