"""What the engine says while it works: one JSON object a line on standard output."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Union

from .codec import PROTOCOL_VERSION, from_dict, to_dict
from .errors import ErrorCode, RidgelineError


@dataclass(frozen=True)
class Started:
    """The first event of a job."""

    job: str
    """Kind of the job, such as ``segment``."""
    protocol: int = PROTOCOL_VERSION
    engine: str = ""
    """Version of the engine."""
    id: Optional[str] = None
    """Which job this is, where one engine runs many."""


@dataclass(frozen=True)
class Progress:
    """How far the job is: ``done`` of ``total`` ``unit``; ``eta_s`` in seconds, None while it is not known."""

    done: float
    total: float
    unit: str
    phase: str
    eta_s: Optional[float] = None
    detail: Optional[Dict[str, Any]] = None
    """What the phase adds: losses of a training step, paths of pictures written."""
    id: Optional[str] = None


NEWS = ("raster_not_used", "surface_left_out")
"""Codes of warnings by which nothing is wrong: the user should know, and need do nothing."""


@dataclass(frozen=True)
class Warn:
    """Something the user should know, which does not stop the job."""

    code: str
    message: str
    id: Optional[str] = None


@dataclass(frozen=True)
class Result:
    """The job is done: files by name, and a summary for people."""

    outputs: Dict[str, str] = field(default_factory=dict)
    summary: Dict[str, Any] = field(default_factory=dict)
    id: Optional[str] = None


@dataclass(frozen=True)
class Error:
    """The job ended with a fault."""

    code: ErrorCode
    message: str
    hint: str = ""
    id: Optional[str] = None


Event = Union[Started, Progress, Warn, Result, Error]

_KINDS: Dict[str, Any] = {"started": Started, "progress": Progress, "warning": Warn, "result": Result, "error": Error}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def event_to_line(event: Event) -> str:
    """Return the event as one line of JSON, without the line's end.

    Non-finite numbers have no JSON and become null, so that a NaN loss never breaks the reader.
    """
    return json.dumps({"event": _NAMES[type(event)], **_finite(to_dict(event))}, ensure_ascii=True, allow_nan=False)


def event_from_line(line: str) -> Event:
    """Return the event that a line holds.

    Raises:
        RidgelineError: (BAD_JOB) if the line is no event.
    """
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise RidgelineError(ErrorCode.BAD_JOB, "A line of the engine is no JSON.", "Check the engine.") from fault
    kind = _KINDS.get(str(data.get("event"))) if isinstance(data, dict) else None
    if kind is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "A line of the engine is no event.", "Check the engine.")
    known = {item.name for item in dataclasses.fields(kind)}
    # an engine of a newer patch release may say more than this plugin knows: leave it unread
    event: Event = from_dict(kind, {key: value for key, value in data.items() if key in known}, data["event"])
    return event


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
