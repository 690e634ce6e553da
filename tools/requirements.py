"""Pin and hash what the engine needs, from pyproject.toml, for Python 3.11 to 3.13 on Linux, Windows and macOS.

Writes resources/requirements/{inference,inference-gpu,train,installer}.txt. The files name no index and no host, so
that they hold for any mirror of the Python Package Index.
"""

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
HEADER = "# Made by `make requirements` from pyproject.toml; do not edit.\n"


def needed() -> dict[str, list[str]]:
    """Return the requirements of each list, as pyproject.toml states them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base, extras = project["dependencies"], project["optional-dependencies"]
    gpu = [
        item.replace("onnxruntime", GPU_RUNTIME, 1) + "; sys_platform != 'darwin'"
        if item.startswith("onnxruntime")
        else item
        for item in base
    ]
    return {"inference": base, "inference-gpu": gpu, "train": [*base, *extras["train"]], "installer": ["uv>=0.5"]}


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
    return 0


if __name__ == "__main__":
    sys.exit(main())
