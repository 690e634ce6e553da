"""A store that forgets what was not used for longest once it holds too many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByteCache(Generic[T]):
    """Values by key, with a bound on their size. Not for several threads at once.

    Args:
        limit: bytes that it may hold; a single value larger than this is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self.used = 0
        """Bytes held now."""

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._items

    def get(self, key: Hashable) -> T | None:
        """Return the value, which now counts as used, or None."""
        found = self._items.get(key)
        if found is None:
            return None
        self._items.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep a value of ``size`` bytes; forget others for it."""
        old = self._items.pop(key, None)
        if old is not None:
            self.used -= old[1]
        if size > self._limit:
            return
        self._items[key] = (value, size)
        self.used += size
        while self.used > self._limit:
            _, (_, gone) = self._items.popitem(last=False)
            self.used -= gone

    def forget(self, which: Callable[[Hashable], bool]) -> None:
        """Forget the values whose keys are meant."""
        for key in [key for key in self._items if which(key)]:
            self.used -= self._items.pop(key)[1]


class CachePart(Generic[T]):
    """One user's values in a store that several share: their bound is one, their keys are their own."""

    def __init__(self, cache: ByteCache[T]) -> None:
        self.cache = cache
        self._owner = object()

    def __contains__(self, key: Hashable) -> bool:
        return (self._owner, key) in self.cache

    def get(self, key: Hashable) -> T | None:
        """Return the value, which now counts as used, or None."""
        return self.cache.get((self._owner, key))

    def put(self, key: Hashable, value: T, size: int) -> None:
        """Keep a value of ``size`` bytes; forget others for it, whoever they belong to."""
        self.cache.put((self._owner, key), value, size)

    def clear(self) -> None:
        """Forget all of this user's values."""
        self.cache.forget(lambda key: isinstance(key, tuple) and key[0] is self._owner)
