"""Shows events to people: a progress bar with rate and time left, warnings and faults as sentences."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, TextIO

from ..jobs import Error, Event, Progress, Result, Warn

_PLAIN_INTERVAL_S = 10.0


class ProgressBar:
    """Writes events as text.

    On a terminal the bar is redrawn in place; in a log file a line is written every ten seconds.

    Args:
        err: for progress, warnings and faults; None: standard error.
        out: for the result; None: standard output.
    """

    def __init__(self, err: TextIO | None = None, out: TextIO | None = None) -> None:
        self._err = err or sys.stderr
        self._out = out or sys.stdout
        self._live = self._err.isatty()
        self._shown = 0
        self._phase = ""
        self._began = 0.0
        self._first = 0.0
        self._last_line = 0.0

    def show(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Warn):
            self._line(f"Warning: {event.message}")
        elif isinstance(event, Error):
            self._line(f"ridgeline: {event.message}")
            if event.hint:
                self._line(f"  {event.hint}")
        elif isinstance(event, Result):
            self._wipe()
            for line in summary_lines(event):
                print(line, file=self._out, flush=True)

    def __call__(self, event: Event) -> None:
        """Show an event: a bar can stand where a feedback wants something to call."""
        self.show(event)

    def close(self) -> None:
        """Take the bar away."""
        self._wipe()

    def _progress(self, event: Progress) -> None:
        now = time.monotonic()
        if event.phase != self._phase:
            self._phase, self._began, self._first, self._last_line = event.phase, now, event.done, now
        text = progress_text(event, event.done - self._first, now - self._began)
        say = (event.detail or {}).get("say")
        if say:  # a sentence for people, such as which device computes
            self._line(str(say))
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            text = text[:width]
            self._err.write("\r" + text.ljust(self._shown))
            self._err.flush()
            self._shown = len(text)
        elif now - self._last_line >= _PLAIN_INTERVAL_S:
            self._last_line = now
            print(text, file=self._err, flush=True)

    def _line(self, text: str) -> None:
        self._wipe()
        print(text, file=self._err, flush=True)

    def _wipe(self) -> None:
        if self._live and self._shown:
            self._err.write("\r" + " " * self._shown + "\r")
            self._err.flush()
        self._shown = 0


def progress_text(event: Progress, gained: float, seconds: float) -> str:
    """Return ``computing [#####-----]  50 %  120/240 tiles  3.1 tiles/s  39 s left``."""
    share = min(max(event.done / event.total, 0.0), 1.0) if event.total > 0 else 1.0
    filled = round(share * 24)
    parts = [
        f"{event.phase} [{'#' * filled}{'-' * (24 - filled)}] {share * 100:3.0f} %",
        f"{event.done:g}/{event.total:g} {event.unit}",
    ]
    if gained > 0 and seconds > 1:
        parts.append(f"{gained / seconds:.3g} {event.unit}/s")
    if event.eta_s is not None:
        parts.append(f"{duration_text(event.eta_s)} left")
    return "  ".join(parts)


def duration_text(seconds: float) -> str:
    """Return ``39 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def summary_lines(result: Result) -> list[str]:
    """Return the result as lines: the summary's plain values, then the files."""
    lines = [f"{key.replace('_', ' ')}: {_value_text(value)}" for key, value in result.summary.items()]
    return lines + [f"{name}: {path}" for name, path in result.outputs.items()]


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_value_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
