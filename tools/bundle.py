"""Build an offline bundle: a folder of wheels for machines without a network: `make bundle`.

For this system and Python by default; ``--system windows --python 3.12`` and the like make one for another. The
folder holds the pinned list, so that the plugin can tell whether bundle and plugin belong together.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "resources" / "requirements"
PLATFORMS = {
    "linux": ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux_2_27_x86_64", "manylinux_2_28_x86_64"),
    "windows": ("win_amd64",),
    "macos": ("macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_13_0_arm64", "macosx_14_0_arm64"),
}


def download(listed: Path, target: Path, system: str, python: str) -> None:
    """Download the wheels of a list; none is built."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    command += ["--no-deps", "--dest", str(target), "--requirement", str(listed)]
    if system:
        for platform in PLATFORMS[system]:
            command += ["--platform", platform]
        command += ["--python-version", python, "--implementation", "cp"]
    subprocess.run(command, check=True)


def main() -> int:
    """Build the bundle."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", dest="which", default="inference", choices=("inference", "inference-gpu", "train"))
    parser.add_argument("--system", default="", choices=("", *PLATFORMS), help="default: this one")
    parser.add_argument("--python", default="3.12", help="with --system: version of Python")
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "bundle")
    args = parser.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    for name in (args.which, "installer"):
        download(LISTS / f"{name}.txt", args.out, args.system, args.python)
    shutil.copy(LISTS / f"{args.which}.txt", args.out)
    wheels = list(args.out.glob("*.whl"))
    size = sum(file.stat().st_size for file in wheels) / 1e6
    print(f"{args.out}: {len(wheels)} wheels, {size:.0f} MB. Copy the folder, and choose it on the Engine page.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
