"""How long the map's user waits for the preview, measured in the real desktop: ``make benchmark-preview``.

The engine alone is measured by ``ridgeline benchmark preview``; here debouncing, pipes and drawing count, too.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from harness import missing, run_journey

FIRST_S, PAN_S, CLICK_S = 2.0, 0.5, 1.0
"""What is promised: the first result once the model is loaded, a pan by a third of the view (median), a click."""


def main() -> int:
    """Measure, print, and return 1 if the measurement failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    arguments = parser.parse_args()
    lacking = missing()
    if lacking:
        print(f"the real desktop is needed: {lacking}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_journey("preview_speed", Path(folder) / "out", screen="1600x1000", timeout_s=300)
    if not outcome.ok:
        print(outcome.fault or outcome.log)
        return 1
    facts = outcome.facts
    width, height, size = facts["view"]
    print(f"a view of {width} x {height} pixels of {size:.3g} m; loading took {facts['load_s']:.2f} s")
    print(
        f"first result {facts['first_result_s']:.2f} s ({FIRST_S:g} promised), all of it {facts['first_view_s']:.2f} s"
    )
    print(f"pan by a third {facts['pan_median_s']:.2f} s ({PAN_S:g} promised), worst {facts['pan_worst_s']:.2f} s")
    print(f"click on a roof {statistics.median(facts['clicks_s']):.2f} s ({CLICK_S:g} promised)")
    print(f"memory of QGIS {facts['qgis_mb'][0]} MB, after all pans {facts['qgis_mb'][1]} MB")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
