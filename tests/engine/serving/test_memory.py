"""What is freed goes back to the system, where the C library can be asked to."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ridgeline.engine.serving import memory


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


@pytest.mark.skipif(not sys.platform.startswith("linux") or memory._trim is None, reason="glibc only")
def test_holes_between_what_is_kept_go_back():
    chunk = 100_000  # small enough to come from the heap, which grows at its end only
    arrays = [np.ones(chunk, np.uint8) for _ in range(2000)]
    kept = arrays[::20]
    full = resident_mb()
    del arrays
    memory.give_back_memory()
    assert resident_mb() < full - 100 and all(array.all() for array in kept)


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _name: object())
    assert memory._find_trim() is None
