"""The main job inside QGIS, on real ground, from a machine with nothing: `make demo`.

Sets the engine up as the plugin does for users, runs ``ridgeline:segment`` in a headless QGIS on the sample area with
the default model, draws the map of the results, and prints what was found. All of it lands in out/demo/.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from qgis_home import ROOT, environment, make_home, qgis_process

OUT = ROOT / "out" / "demo"
SAMPLES = ROOT / "resources" / "samples"
SAMPLE = "herault"
NOISE = ("QStandardPaths: XDG_RUNTIME_DIR", "<string>:1: DeprecationWarning")
"""Beginnings of lines that QGIS writes whatever happens."""


def run_algorithm(name: str, parameters: dict[str, str], variables: dict[str, str], log: Path) -> dict[str, Any]:
    """Run an algorithm by ``qgis_process`` and return its outputs; its talk goes to ``log``."""
    command = [qgis_process(), "--json", "run", name]
    command += [f"--{key}={value}" for key, value in parameters.items()]
    with log.open("w", encoding="utf-8") as stream:
        answer = subprocess.run(
            command, env=variables, stdout=subprocess.PIPE, stderr=stream, text=True, encoding="utf-8", check=False
        )
    start = answer.stdout.find("{")
    if answer.returncode != 0 or start < 0:
        log.open("a", encoding="utf-8").write(answer.stdout)
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        told = [line for line in dict.fromkeys(said) if not line.startswith(NOISE)][-8:]
        sys.exit("\n".join([f"{name} failed (exit status {answer.returncode}):", *told, f"All it said: {log}"]))
    outputs: dict[str, Any] = json.loads(answer.stdout[start:])["results"]
    return outputs


def summary_lines(outputs: dict[str, Any]) -> list[str]:
    """Return what was found, as lines for people."""
    summary = json.loads(outputs["SUMMARY"])
    roofs = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in summary["by_roof_class"].items())
    lines = [f"  buildings: {summary['buildings']}" + (f" (roofs: {roofs})" if roofs else "")]
    return [*lines, f"  on a grid of {summary['grid']}"]


def main() -> int:
    """Run the demonstration."""
    began = time.monotonic()
    OUT.mkdir(parents=True, exist_ok=True)
    engine_home = Path(os.environ.get("RIDGELINE_ENGINE_DIR") or ROOT / ".cache" / "engine")
    variables = environment(make_home(ROOT / ".cache" / "qgis-demo"), engine_home)
    variables["QT_QPA_PLATFORM"] = "offscreen"
    print("Setting up the engine …", flush=True)
    state = run_algorithm("ridgeline:enginesetup", {"ACTION": "setup"}, variables, OUT / "setup.log")
    print(f"  {state['SENTENCE']}")
    print("Segmenting the sample area inside QGIS …", flush=True)
    parameters = {
        "RGB": str(SAMPLES / f"{SAMPLE}_rgb.tif"),
        "DSM": str(SAMPLES / f"{SAMPLE}_dsm.tif"),
        "KEEP_HEIGHTS": "true",
        "OVERWRITE": "true",
        "OUTPUT": str(OUT / "results"),
        **dict(item.split("=", 1) for item in sys.argv[1:]),
    }
    outputs = run_algorithm("ridgeline:segment", parameters, variables, OUT / "segment.log")
    print("\n".join(summary_lines(outputs)))
    print("Drawing the map …", flush=True)
    picture = OUT / "map.png"
    command = [
        "/usr/bin/python3",
        str(ROOT / "tools" / "draw_map.py"),
        parameters["RGB"],
        outputs["OUTPUT"],
        str(picture),
    ]
    drawn = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if drawn.returncode != 0:
        sys.exit(f"The map could not be drawn:\n{drawn.stderr}")
    print(f"Done in {time.monotonic() - began:.0f} s.")
    print(f"  results: {Path(outputs['OUTPUT']).relative_to(ROOT)}")
    print(f"  map:     {picture.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
