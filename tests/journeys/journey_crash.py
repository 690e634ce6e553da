"""QGIS dies in the middle of a run; its engine goes with it."""

import os
import signal

from journey_cancel import start_long_run


def journey(desktop):
    page = start_long_run(desktop, os.environ["RIDGELINE_JOURNEY_WORK"]).segment
    desktop.wait_until(
        lambda: page.panel.progress.value() > 150 or not page.run.running, 120, "a part of the run is done"
    )
    assert page.run.running
    os.kill(os.getpid(), signal.SIGKILL)
