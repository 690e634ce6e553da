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
