"""Work on many items, shared with processes of their own: the interpreter's lock lets one thread at a time compute.

Each helper is this very program, started with the command ``helper``. Items and results go over its pipes; it ends when
the pipe does, so also when this process is killed. A helper that is gone is no fault: what it had is done here.
"""

from __future__ import annotations

import os
import pickle  # nosec B403: between two processes of this program
import subprocess  # nosec B404: starts this very program, from a list
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, Self, TypeVar

from ..beside import Beside
from ..runtime.devices import usable_threads

T = TypeVar("T")
R = TypeVar("R")

_MAIN = Path(__file__).resolve().parents[1] / "__main__.py"
_WORTH = 100
"""Helpers are started once so many items have come: that takes each of them half a second of a processor."""
_AHEAD = 32
"""So many items may wait; more would only hold memory. Each process takes its share of them at a time."""
_MOST = 4
"""So many helpers at most: each holds some 100 MB."""
_POLL_S = 0.1
_GONE = (OSError, EOFError, ValueError, MemoryError, pickle.PickleError)
"""What the pipes of a helper raise that was killed, or that has no memory left."""


def helpers_of(threads: int | None = None) -> int:
    """Return how many helpers a run may have: one for each processor but the one that the run itself keeps busy.

    Args:
        threads: how many threads the user allows it; None: as many as there are processors. One wants no helper.
    """
    return min((threads or usable_threads()) - 1, _MOST)


class Crew(Generic[T, R]):
    """Does the same work on items, here and in helpers.

    Use it in a ``with`` block: at its end, however that comes, the helpers are ended.

    Args:
        work: from some items to their results, in their order; each depends on its item and nothing else, and work,
            items and results can be pickled.
        helpers: how many processes there may be beside this one.
        check: called before each few items that are worked on here, and while waiting; may raise.
    """

    def __init__(
        self, work: Callable[[list[T]], Iterable[R]], helpers: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self._work, self._check = work, check
        self._wanted = helpers
        self._at_a_time = _AHEAD // (helpers + 1)
        self._seen = 0
        self._waiting: deque[tuple[int, T]] = deque()
        self._results: dict[int, R] = {}
        self._over = False
        self._changed = threading.Condition()
        self._helpers: list[_Helper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        for helper in self._helpers:
            helper.end()

    def map(self, items: Iterable[T]) -> Iterator[R]:
        """Yield the result of each item, in their order; what ``work`` raises is raised here.

        Items are taken a few at a time, in the caller's thread.
        """
        source = enumerate(items)
        due = count = 0
        more = True
        while True:
            while more and len(self._waiting) < _AHEAD:
                item = next(source, None)
                if item is None:
                    more = False
                else:
                    count += 1
                    self._put(item)
            while due in self._results:
                yield self._results.pop(due)
                due += 1
            if due == count and not more:
                return
            self._check()
            self._do_some(due)

    def take(self) -> list[tuple[int, T]]:
        """Wait for items and return a few with their numbers; none once it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._waiting)
            return [] if self._over else self._next()

    def give(self, taken: list[tuple[int, T]], results: list[R]) -> None:
        """Hand in the results of items."""
        with self._changed:
            self._results.update(zip((number for number, _ in taken), results))
            self._changed.notify_all()

    def give_back(self, taken: list[tuple[int, T]]) -> None:
        """Hand items back without their results."""
        with self._changed:
            self._waiting.extendleft(reversed(taken))
            self._changed.notify_all()

    def _put(self, item: tuple[int, T]) -> None:
        with self._changed:
            self._waiting.append(item)
            self._changed.notify_all()
        self._seen += 1
        if self._seen == _WORTH:
            self._helpers = [_Helper(self, self._work) for _ in range(self._wanted)]

    def _do_some(self, due: int) -> None:
        """Work on the next items, or wait where all are under way."""
        with self._changed:
            if not self._waiting:
                self._changed.wait_for(lambda: self._waiting or due in self._results, timeout=_POLL_S)
                return
            taken = self._next()
        try:
            results = list(self._work([item for _, item in taken]))
        except Exception:
            if len(taken) == 1 and taken[0][0] == due:
                raise
            # what comes before the fault is handed out first: from here on one by one, each in its turn
            self._at_a_time = 1
            self.give_back(taken)
            with self._changed:
                self._changed.wait_for(
                    lambda: due in self._results or any(number == due for number, _ in self._waiting), timeout=_POLL_S
                )
            return
        self.give(taken, results)

    def _next(self) -> list[tuple[int, T]]:
        return [self._waiting.popleft() for _ in range(min(self._at_a_time, len(self._waiting)))]


class _Helper:
    """A process that works on items, and the thread that talks to it."""

    def __init__(self, crew: Crew[Any, Any], work: Callable[[list[Any]], Iterable[Any]]) -> None:
        self._crew, self._work = crew, work
        self._process: subprocess.Popen[bytes] | None = None
        self._over = False
        self._starting = threading.Lock()
        self._thread = Beside(self._talk)

    def end(self) -> None:
        """End the process at once."""
        with self._starting:
            self._over = True
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def _talk(self) -> None:
        taken: list[tuple[int, Any]] = []
        try:
            with self._start() as process:
                try:
                    to, back = process.stdin, process.stdout
                    _send(to, self._work)
                    _receive(back)  # it is ready
                    while taken := self._crew.take():
                        _send(to, [item for _, item in taken])
                        self._crew.give(taken, _receive(back))
                        taken = []
                finally:
                    process.kill()
        except _GONE:
            pass
        finally:
            self._crew.give_back(taken)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._over:
                raise EOFError
            self._process = subprocess.Popen(  # nosec B603: a list, no shell; this very program
                [sys.executable, "-I", str(_MAIN), "helper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what it cannot do is done, and told, here
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        return self._process


def help_out(to: IO[bytes], back: IO[bytes]) -> None:
    """Work for the process that started this one, until its pipe ends.

    Args:
        to: what it sends: the work, then lists of items.
        back: takes True once the work is known, then a list of results for each list of items.
    """
    try:
        work = _receive(to)
        _send(back, True)
        while True:
            _send(back, list(work(_receive(to))))
    except (EOFError, BrokenPipeError):
        return


def _send(pipe: IO[bytes] | None, what: object) -> None:
    if pipe is not None:
        pickle.dump(what, pipe, pickle.HIGHEST_PROTOCOL)
        pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    return None if pipe is None else pickle.load(pipe)  # nosec B301: from a process of this program
