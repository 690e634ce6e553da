"""Work ahead in a thread of its own: reading, computing and writing overlap, with a bounded queue in between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")

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
