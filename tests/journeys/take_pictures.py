"""Take the README's pictures anew: runs the journey ``pictures`` and copies what it took to ``resources/docs``.

The model is the one that the plugin ships; while there is none, the test model stands in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, engine_python, missing, run_journey

KEPT = ("engine", "models", "segment", "results")
LARGEST_BYTES = 300_000


def main() -> int:
    """Take them; return 1 and say why if it does not work."""
    lacking = missing()
    if lacking:
        print(f"the real desktop is needed: {lacking}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        out, shelf = Path(folder) / "out", Path(folder) / "models"
        shelf.mkdir()
        if not list((ROOT / "resources" / "models").glob("*/model.json")):
            maker = [str(engine_python()), "make_test_model.py", str(shelf / "journey-test")]
            subprocess.run(maker, cwd=Path(__file__).parent, check=True)
        outcome = run_journey(
            "pictures",
            out,
            screen="1140x700",
            timeout_s=600,
            variables={"RIDGELINE_MODELS": str(shelf), "RIDGELINE_ENGINE_DIR": ""},
        )
        if not outcome.ok:
            print(outcome.fault or outcome.log)
            return 1
        for name in KEPT:
            target = ROOT / "resources" / "docs" / f"{name}.png"
            shutil.copyfile(out / f"{name}.png", target)
            size = os.path.getsize(target)
            print(f"{target.relative_to(ROOT)}: {size / 1000:.0f} kB")
            if size > LARGEST_BYTES:
                print("  too large for the README")
                return 1
        print(outcome.facts["summary"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
