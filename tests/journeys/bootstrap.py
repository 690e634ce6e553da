"""Runs inside the real QGIS (``qgis --code bootstrap.py``): loads the plugin, runs one journey, writes what happened.

An uncaught exception in such a script would hang QGIS, so everything is caught, told, and the process left.
"""

import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path

from qgis.PyQt.QtCore import QTimer

OUT = Path(os.environ["RIDGELINE_JOURNEY_OUT"])
NAME = os.environ["RIDGELINE_JOURNEY"]
# where a journey that never ends stood shortly before it is given up
_STACKS = (OUT / "stacks.txt").open("w")
faulthandler.dump_traceback_later(max(10.0, float(os.environ["RIDGELINE_JOURNEY_TIMEOUT"]) - 40), file=_STACKS)
sys.path.insert(0, os.environ["RIDGELINE_JOURNEY_SCRIPTS"])


def _leave(result):
    (OUT / "result.json").write_text(json.dumps(result, indent=2, default=str), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if result["ok"] else 1)


def _run():
    result = {"journey": NAME, "ok": False}
    try:
        from desktop import Desktop

        module = __import__(f"journey_{NAME}")
        desktop = Desktop(OUT)
        result["facts"] = desktop.facts
        module.journey(desktop)
        result["ok"] = True
    except BaseException:
        result["fault"] = traceback.format_exc()
        try:
            desktop.screenshot("fault")
        except Exception as fault:
            result["no_screenshot"] = str(fault)
    _leave(result)


QTimer.singleShot(1500, _run)
