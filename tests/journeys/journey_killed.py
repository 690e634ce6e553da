"""An engine that is killed from outside gives a readable message, and Resume goes on where it was."""

import os
import signal
import tempfile

from desktop import engine_processes
from journey_cancel import start_long_run


def journey(desktop):
    with tempfile.TemporaryDirectory() as folder:
        page = start_long_run(desktop, folder).segment
        desktop.wait_until(
            lambda: page.panel.progress.value() > 300 or not page.run.running, 120, "a third of the run is done"
        )
        os.kill(engine_processes()[0], signal.SIGKILL)
        desktop.wait_until(lambda: not page.run.running, 30, "the run notices")
        message = " ".join(finding.text for finding in page.panel.outcome.findings)
        desktop.facts["message"] = message
        assert message and "Traceback" not in message and len(message) < 600, message
        assert desktop.groups() == [] and engine_processes() == []
        assert page.panel.resume.isVisible() and page.panel.discard.isVisible()
        desktop.screenshot("killed")

        desktop.click(page.panel.resume)
        desktop.settle(0.5)
        assert page.run.running
        desktop.wait_until(
            lambda: page.panel.progress.value() > 0 and page.panel.progress.maximum() > 0, 60, "it goes on"
        )
        desktop.facts["resumed_at_percent"] = page.panel.progress.value() / 10
        desktop.wait_until(lambda: not page.run.running, 240, "the resumed run ends")
        assert len(desktop.groups()) == 1, [finding.text for finding in page.panel.outcome.findings]
        assert desktop.facts["resumed_at_percent"] >= 15, "the resumed run began anew"
        assert engine_processes() == []
        desktop.redraw()
        desktop.screenshot("resumed")
