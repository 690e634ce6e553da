"""A thread that helps where it can start, and is not missed where it cannot.

Where memory is short, a new thread may die before its first step. Python's own ``Thread.start`` (seen in 3.11) waits
for that step without end, and so does every pool that is built on it. Whoever uses this one does the work alone then.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable


class Beside:
    """Does work in a thread of its own, if there is one.

    Args:
        work: what is done once; it takes care of its own faults.
    """

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._turn = threading.Lock()
        self._begun = self._over = False
        self._done = threading.Event()
        try:
            _thread.start_new_thread(self._run, ())
        except (RuntimeError, MemoryError):  # no thread is to be had
            pass

    def join(self) -> None:
        """Wait until the work has ended; what has not begun by now never does."""
        with self._turn:
            self._over, begun = True, self._begun
        if begun:
            self._done.wait()

    def _run(self) -> None:
        with self._turn:
            if self._over:
                return
            self._begun = True
        try:
            self._work()
        finally:
            self._done.set()
