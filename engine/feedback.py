"""What every long piece of work is handed: say how far it is, warn, and ask whether to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .jobs import Cancelled, Event, Progress, Warn


def _ignore(_event: Event) -> None:
    """The sink of a feedback that nobody listens to."""


class Feedback:
    """Carries progress and warnings out of a job and the wish to cancel into it.

    Args:
        emit: receives every event; called from the thread that works.
        cancelled: asked often; True means that the user wants to stop.
        finish: asked often; True means that the user wants what there is by now (a training keeps its best so far).
        interval_s: at most one progress event in so many seconds (the last of a phase is always sent).
    """

    def __init__(
        self,
        emit: Callable[[Event], None] = _ignore,
        cancelled: Callable[[], bool] = lambda: False,
        finish: Callable[[], bool] = lambda: False,
        interval_s: float = 0.25,
    ) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._finish = finish
        self._interval_s = interval_s
        self._phase = ""
        self._phase_began = 0.0
        self._phase_done = 0.0
        self._last_sent = 0.0
        self.warnings: list[Warn] = []

    def progress(self, done: float, total: float, unit: str, phase: str, detail: dict[str, Any] | None = None) -> None:
        """Say that ``done`` of ``total`` ``unit`` of this phase are finished, and raise Cancelled if asked to stop."""
        now = time.monotonic()
        if phase != self._phase:
            self._phase, self._phase_began, self._phase_done, self._last_sent = phase, now, done, 0.0
        if detail is not None or done >= total or now - self._last_sent >= self._interval_s:
            self._last_sent = now
            gained, spent = done - self._phase_done, now - self._phase_began
            eta_s = spent / gained * (total - done) if gained > 0 and spent > 1 else None
            self._emit(Progress(done, total, unit, phase, eta_s, detail))
        self.check_cancelled()

    def warn(self, code: str, message: str) -> None:
        """Tell the user something that does not stop the job; the same warning is told once."""
        warning = Warn(code, message)
        if warning not in self.warnings:
            self.warnings.append(warning)
            self._emit(warning)

    def check_cancelled(self) -> None:
        """Raise Cancelled if the user wants to stop.

        Raises:
            Cancelled: if so.
        """
        if self._cancelled():
            raise Cancelled()

    def silent(self) -> Feedback:
        """Return a feedback that tells nobody, for a job inside this job; the wish to cancel still reaches it."""
        return Feedback(cancelled=self._cancelled, finish=self._finish)

    def asked_to_finish(self) -> bool:
        """Return whether the user wants the work to end early and keep what there is."""
        return self._finish()
