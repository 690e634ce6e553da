"""Dataclasses to and from plain JSON values, strictly: unknown keys and wrong types are errors that name the field."""

from __future__ import annotations

import dataclasses
import sys
import types
from enum import Enum
from functools import lru_cache
from typing import Any, Dict, Mapping, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ErrorCode, RidgelineError

PROTOCOL_VERSION = 1
"""Version of jobs and events; plugin and engine of different versions refuse each other."""

T = TypeVar("T")

_UNIONS = (Union, getattr(types, "UnionType", Union))  # X | None is of another kind than Optional[X] (3.10 to 3.13)


def to_dict(value: Any) -> Any:
    """Return ``value`` (dataclass, tuple, enum, JSON value) as plain JSON values, without the fields that are None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: to_dict(item) for name, item in fields if item is not None}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): to_dict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_dict(item) for item in value]
    return value


def from_dict(kind: Type[T], data: Any, where: str = "") -> T:
    """Return an instance of the dataclass ``kind`` made from JSON values.

    Args:
        kind: a dataclass whose fields are JSON types, tuples, enums, Optional, or other such dataclasses.
        data: what ``json.load`` gave.
        where: prefix for the field names in error messages.

    Raises:
        RidgelineError: (BAD_JOB) naming the field that is unknown, missing or of a wrong type.
    """
    where = where or kind.__name__
    if not isinstance(data, Mapping):
        raise _bad(where, f"must be an object, not {_name_of(data)}")
    hints = _hints(kind)  # type: ignore[arg-type]
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(str(key) for key in data if key not in names)
    if unknown:
        raise _bad(f"{where}.{unknown[0]}", f"is not known; known are: {', '.join(sorted(names))}")
    values: Dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in data:
            values[field.name] = _decode(hints[field.name], data[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _bad(f"{where}.{field.name}", "is missing")
    try:
        return kind(**values)
    except ValueError as fault:  # a dataclass may check itself in __post_init__
        raise _bad(where, str(fault)) from fault


def check_texts(data: Any) -> None:
    """Refuse JSON values with texts that nothing can be called: no file, CRS or class name holds such characters.

    Raises:
        RidgelineError: (BAD_JOB) naming the text.
    """
    if isinstance(data, str):
        if "\0" in data or any("\ud800" <= character <= "\udfff" for character in data):
            raise RidgelineError(
                ErrorCode.BAD_JOB,
                f"The text {data[:60]!a} holds a character that is none.",
                "Correct the text and try again.",
            )
    elif isinstance(data, Mapping):
        for key, item in data.items():
            check_texts(key)
            check_texts(item)
    elif isinstance(data, (list, tuple)):
        for item in data:
            check_texts(item)


@lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    return get_type_hints(kind, vars(sys.modules[kind.__module__]))


def _decode(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    origin, args = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        if value is None and type(None) in args:
            return None
        choices = [arg for arg in args if arg is not type(None)]
        if len(choices) == 1:
            return _decode(choices[0], value, where)
        for choice in choices:
            try:
                return _decode(choice, value, where)
            except RidgelineError:
                continue
        raise _bad(where, f"has a type that does not fit: {_name_of(value)}")
    if origin in (tuple, list):
        return _decode_sequence(origin, args, value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _bad(where, f"must be an object, not {_name_of(value)}")
        return {str(key): _decode(args[1], item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)  # type: ignore[arg-type]
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in hint)
            raise _bad(where, f"is {value!r}; known are: {known}") from None
    return _decode_plain(hint, value, where)


def _decode_sequence(origin: Any, args: Any, value: Any, where: str) -> Any:
    if not isinstance(value, (list, tuple)):
        raise _bad(where, f"must be a list, not {_name_of(value)}")
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(value) != len(args):
            raise _bad(where, f"must have {len(args)} values, not {len(value)}")
        return tuple(_decode(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, value)))
    return origin(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))


def _decode_plain(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _bad(where, "is too large a number") from None
    if isinstance(value, hint) and not (hint in (int, float) and isinstance(value, bool)):
        return value
    raise _bad(where, f"must be {hint.__name__}, not {_name_of(value)}")


def _name_of(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def _bad(where: str, what: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_JOB, f"The field {where} {what}.", "Correct the field and try again.")
