"""The next QGIS offers to go on with the run that ended with the last one."""

import os
from pathlib import Path

from desktop import engine_processes


def journey(desktop):
    assert engine_processes() == [], "the engine outlived its QGIS"
    folder = Path(os.environ["RIDGELINE_JOURNEY_WORK"])
    desktop.load_plugin()
    dock = desktop.open_dock(320)
    page = dock.segment
    message = " ".join(finding.text for finding in page.panel.outcome.findings)
    desktop.facts["message"] = message
    assert "interrupted" in message and page.panel.resume.isVisible(), message
    desktop.screenshot("offered")
    desktop.click(page.panel.resume)
    desktop.wait_until(lambda: page.panel.progress.maximum() > 0 or not page.run.running, 60, "it goes on")
    desktop.facts["resumed_at_percent"] = page.panel.progress.value() / 10
    desktop.wait_until(lambda: not page.run.running, 240, "the resumed run ends")
    assert len(desktop.groups()) == 1, [finding.text for finding in page.panel.outcome.findings]
    left = [path.name for path in (folder / "results").rglob("*") if path.name.startswith(".")]
    assert left == [], left
