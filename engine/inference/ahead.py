"""Work in threads of their own: reading, computing and writing overlap, with bounded queues in between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, ParamSpec, Self, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_POLL_S = 0.1


class _End:
    """Marks the end of the items, or the fault that ended them."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault = fault


class Ahead(Generic[T]):
    """Iterates over ``items`` in a thread, at most ``depth`` items ahead of whoever takes them.

    Use it in a ``with`` block: at its end, however that comes, the thread is asked to stop and waited for. A fault in
    the thread is raised where the items are taken.

    Args:
        items: what to iterate over; its code runs in the thread.
        depth: how many items may wait.
        name: of the thread.
        poll: called every tenth of a second while waiting for an item; may raise.
    """

    def __init__(
        self, items: Iterable[T], depth: int = 2, name: str = "ahead", poll: Callable[[], None] = lambda: None
    ) -> None:
        self._items = items
        self._queue: queue.Queue[T | _End] = queue.Queue(depth)
        self._stop = threading.Event()
        self._poll = poll
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                if self._stop.is_set():
                    return
                self._poll()
                continue
            if isinstance(item, _End):
                if item.fault is not None:
                    raise item.fault
                return
            yield item

    def stop(self) -> None:
        """Ask the thread to stop, without waiting for it."""
        self._stop.set()

    def _work(self) -> None:
        end = _End()
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as fault:
            end = _End(fault)
        self._put(end)

    def _put(self, item: T | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


class Behind:
    """Does one piece of work at a time in a thread, behind whoever hands it over.

    Handing over waits until the piece before is done, and raises what it raised. Use it in a ``with`` block: at its end
    the thread is waited for.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True)

    def submit(self, work: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Hand a piece of work over, once the one before is done."""
        self.wait()
        self._last = self._pool.submit(work, *args, **kwargs)

    def wait(self) -> None:
        """Wait until all that was handed over is done, and raise what it raised."""
        last, self._last = self._last, None
        if last is not None:
            last.result()
