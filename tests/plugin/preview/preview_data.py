"""What tests of the preview share."""

from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"


def alive(pid):
    """Whether a process runs (zombies do not)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "State:\tZ" not in status


class Answers:
    """Collects what a warm engine says."""

    def __init__(self, engine, qtbot):
        self.results, self.faults, self._qtbot = {}, {}, qtbot
        engine.answered.connect(lambda identity, result: self.results.update({identity: result}))
        engine.failed.connect(lambda identity, fault: self.faults.update({identity: fault}))

    def wait(self, identity, seconds=30):
        self._qtbot.waitUntil(lambda: identity in self.results or identity in self.faults, timeout=seconds * 1000)
        return self.results.get(identity) or self.faults.get(identity)
