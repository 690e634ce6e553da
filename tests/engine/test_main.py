"""The engine's start: the code that runs is that of the folder that asked, whatever else is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import ridgeline

ROOT = Path(__file__).resolve().parents[2]


def test_the_folder_that_asks_is_mounted_though_another_one_is_installed(tmp_path):
    folder = tmp_path / "a plugin called otherwise é"
    (folder / "engine").mkdir(parents=True)
    shutil.copy2(ROOT / "engine" / "__main__.py", folder / "engine")
    (folder / "__init__.py").write_text("")
    (folder / "engine" / "__init__.py").write_text("")
    (folder / "engine" / "cli.py").write_text("def main():\n    print(ascii(__file__))\n    return 7\n")
    command = [sys.executable, "-I", str(folder / "engine" / "__main__.py"), "selftest"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (7, ascii(str(folder / "engine" / "cli.py"))), done.stderr
    assert not Path(ridgeline.__file__).is_relative_to(tmp_path)
