"""Work that follows another: it runs in a thread of its own and takes rows as soon as they are finished."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..jobs import Cancelled

T = TypeVar("T")

_POLL_S = 0.1


class Follower(Generic[T]):
    """Does a piece of work behind the rows that are finished, in a thread.

    Use it in a ``with`` block: at its end, however that comes, the work is asked to stop and waited for.

    Args:
        work: what to do. It is handed this object and calls its `wait_for` and, often, its `check`.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Follower[T]], T], name: str) -> None:
        self._work = work
        self._rows = self._asked = 0
        self._over = False
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._future: Future[T] | None = None
        self.done = 0
        """Rows that the work is through with."""

    def __enter__(self) -> Self:
        self._future = self._pool.submit(self._work, self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        self._pool.shutdown(wait=True)

    def advance(self, rows: int) -> None:
        """Say that ``rows`` rows from the top are finished; raise what the work raised if it has failed already."""
        with self._changed:
            self._rows = rows
            self._changed.notify_all()
        if self._future is not None and self._future.done():
            self._future.result()

    def result(self, poll: Callable[[int], None]) -> T:
        """Wait for the work and return what it returns, or raise what it raises.

        Args:
            poll: called every tenth of a second with the rows that the work is through with; may raise.

        Raises:
            RuntimeError: if the work was never begun.
        """
        if self._future is None:
            raise RuntimeError("the work was never begun: use it in a with block")
        while not wait([self._future], timeout=_POLL_S).done:
            poll(self.done)
        return self._future.result()

    def wait_for(self, rows: int) -> None:
        """Return once ``rows`` rows from the top are finished; what was asked for before is done with.

        Raises:
            Cancelled: if they never will be, or nobody wants the result any more.
        """
        with self._changed:
            self.done, self._asked = self._asked, rows
            self._changed.wait_for(lambda: self._over or self._rows >= rows)
        self.check()

    def check(self) -> None:
        """Raise Cancelled if nobody wants the result any more.

        Raises:
            Cancelled: if so.
        """
        if self._over:
            raise Cancelled()
