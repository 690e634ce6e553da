"""A training whose engine is killed says so, and Resume goes on from its last validation."""

import json
import os
import signal
from pathlib import Path

from desktop import engine_processes
from journey_finetune import labelled_page


def journey(desktop):
    page = labelled_page(desktop).finetune
    page.minutes.setValue(5)
    desktop.click(page.panel.start)
    desktop.wait_until(lambda: len(page.view.curve.points) >= 2 or not page.run.running, 240, "a second validation")
    assert page.run.running, [finding.text for finding in page.outcome.findings]
    reached = [point[0] for point in page.view.curve.points]
    os.kill(engine_processes()[0], signal.SIGKILL)
    desktop.wait_until(lambda: not page.run.running, 30, "the training notices")
    message = " ".join(finding.text for finding in page.outcome.findings)
    desktop.facts["message"] = message
    assert message and "Traceback" not in message and len(message) < 600, message
    assert "last validation" in message and "region" not in message and "Advanced" not in message, message
    assert engine_processes() == []
    assert page.panel.resume.isVisible() and page.panel.discard.isVisible()
    desktop.screenshot("killed")

    desktop.click(page.panel.resume)
    desktop.wait_until(
        lambda: (page.view.curve.points and page.view.curve.points[-1][0] > reached[-1]) or not page.run.running,
        240,
        "a validation beyond those that were there",
    )
    assert page.run.running, [finding.text for finding in page.outcome.findings]
    shown = [point[0] for point in page.view.curve.points]
    desktop.facts["steps"] = {"before": reached, "after": shown}
    assert shown[: len(reached)] == reached, "the curve lost what was known before"
    desktop.click(page.panel.finish)
    desktop.wait_until(lambda: not page.run.running, 180, "the training ends")
    desktop.facts["result"] = [finding.text for finding in page.outcome.findings]
    desktop.screenshot("resumed")

    model = Path(os.environ["RIDGELINE_MODELS"]) / "my-roofs"
    assert (model / "model.json").is_file(), desktop.facts["result"]
    steps = [entry["step"] for entry in json.loads((model / "training.json").read_text())["history"]]
    assert steps[: len(reached)] == reached and steps == sorted(set(steps)), "the training began anew"
    assert not page.panel.resume.isVisible() and engine_processes() == []
