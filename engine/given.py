"""Take a value that may be None by its type and cannot be here, by what was checked before."""

from __future__ import annotations

from typing import TypeVar

_Value = TypeVar("_Value")


def given(value: _Value | None) -> _Value:
    """Return ``value``.

    Raises:
        ValueError: if it is None after all: a fault of the program, which must not go on with it.
    """
    if value is None:
        raise ValueError("a value that this step needs was not given")
    return value
