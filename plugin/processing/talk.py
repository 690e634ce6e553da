"""Passes what the engine says on to Processing: bar, text with time left, warnings, log."""

import math
import time
from typing import Any, Dict, Optional

from ...engine.jobs import NEWS, Progress, Started, Warn
from ..engine_link.run_job import Listener
from ..i18n import tr

_TEXT_EVERY_S = 1.0


class FeedbackListener(Listener):
    """Tells a QgsProcessingFeedback how a job goes.

    Args:
        feedback: of the algorithm.
        shares: share of each phase in the whole, in the order in which phases come; empty: each phase is the whole.
    """

    def __init__(self, feedback: Any, shares: Optional[Dict[str, float]] = None) -> None:
        self._feedback = feedback
        self._shares = dict(shares or {})
        self._percent = 0.0
        self._phase = ""
        self._last_text = 0.0
        self.warnings: list[str] = []
        self.log = ""

    def started(self, event: Started) -> None:
        """Say that the engine has begun."""
        self._feedback.setProgressText(tr("The engine is starting …"))

    def progress(self, event: Progress) -> None:
        """Move the bar and say the phase with the time left."""
        part = min(1.0, event.done / event.total) if event.total > 0 else 0.0
        self._percent = max(self._percent, self._overall(event.phase, part)) if self._shares else 100 * part
        self._feedback.setProgress(self._percent)
        said = str((event.detail or {}).get("say", ""))
        if said:
            self._feedback.pushInfo(said)
        now = time.monotonic()
        if event.phase != self._phase or now - self._last_text >= _TEXT_EVERY_S:
            self._phase, self._last_text = event.phase, now
            self._feedback.setProgressText(progress_text(event))

    def warning(self, event: Warn) -> None:
        """Show a warning; what is news rather than a fault as such."""
        self.warnings.append(event.message)
        if event.code in NEWS:
            self._feedback.pushInfo(event.message)
        else:
            push_warning(self._feedback, event.message)

    def silent(self, seconds: float) -> None:
        """Say that nothing has been heard for a while."""
        push_warning(
            self._feedback,
            tr("Nothing has been heard from the engine for {time}. It may still be at work; Cancel ends it.",
               time=time_text(seconds)),
        )  # fmt: skip

    def finished_log(self, log: str) -> None:
        """Keep the engine's log and write it where QGIS keeps logs."""
        self.log = log
        for line in log.splitlines():
            self._feedback.pushDebugInfo(line)

    def _overall(self, phase: str, part: float) -> float:
        total, before = sum(self._shares.values()), 0.0
        for name, share in self._shares.items():
            if name == phase:
                return 100 * (before + share * part) / total
            before += share
        return self._percent


def progress_text(event: Progress) -> str:
    """Return a progress event in words, such as “computing: 12 of 40 tiles, 2 min left”."""
    phase = event.phase[:1].upper() + event.phase[1:]
    if event.total <= 1:
        return phase
    text = tr("{phase}: {done} of {total} {unit}",
              phase=phase, done=f"{event.done:.0f}", total=f"{event.total:.0f}", unit=event.unit)  # fmt: skip
    if event.eta_s is None or not math.isfinite(event.eta_s) or event.done >= event.total:
        return text
    return tr("{text}, {time} left", text=text, time=time_text(event.eta_s))


def time_text(seconds: float) -> str:
    """Return a duration roundly."""
    if seconds < 90:
        return tr("{n} s", n=max(1, round(seconds)))
    if seconds < 5400:
        return tr("{n} min", n=round(seconds / 60))
    return tr("{h} h {m} min", h=int(seconds // 3600), m=int(seconds % 3600 // 60))


def push_warning(feedback: Any, text: str) -> None:
    """Show a warning, which stops nothing."""
    feedback.pushWarning(text)
