"""Run one job in an engine of its own, from the thread of a Processing algorithm, until it ends one way or another."""

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional

from ...engine.jobs import (
    PROTOCOL_VERSION,
    Cancelled,
    Error,
    ErrorCode,
    Progress,
    Result,
    RidgelineError,
    Started,
    Warn,
    to_dict,
)
from ..i18n import tr
from .engine import Engine
from .exit_codes import explain_exit, last_words
from .process import KILL_AFTER_S, TERMINATE_AFTER_S, Ended, EngineProcess

SILENCE_S = 60.0
"""After so many seconds without a word from the engine, the user is told."""
LINGER_S = 10.0
"""How long an engine may take to end after its last word."""
_POLL_S = 0.1


class Listener:
    """What is told while a job runs; every method is called in the thread that runs it and may be left as it is."""

    def progress(self, event: Progress) -> None:
        """The job has come further."""

    def warning(self, event: Warn) -> None:
        """The user should know something that does not stop the job."""

    def started(self, event: Started) -> None:
        """The engine has taken the job."""

    def silent(self, seconds: float) -> None:
        """Nothing has been heard for so many seconds."""

    def finished_log(self, log: str) -> None:
        """The last lines of the engine's log, once it has ended."""


def run_job(
    engine: Engine,
    command: str,
    job: Any,
    listener: Optional[Listener] = None,
    cancelled: Callable[[], bool] = lambda: False,
    silence_s: float = SILENCE_S,
    terminate_after_s: float = TERMINATE_AFTER_S,
    kill_after_s: float = KILL_AFTER_S,
    finish: Callable[[], bool] = lambda: False,
) -> Result:
    """Run a job to its end and return its result.

    Args:
        engine: how engines are started.
        command: the engine's command, such as ``segment`` or ``models import``.
        job: the job's dataclass; None for a command that takes none.
        listener: is told how it goes.
        cancelled: asked ten times a second.
        silence_s: after how many seconds without a word the listener is told, again and again.
        terminate_after_s: how long a cancelled engine may take before it is terminated.
        kill_after_s: how long a terminated engine may take before it is killed.
        finish: asked as often: True once the user wants a training to end with the best that it has by now.

    Raises:
        Cancelled: if ``cancelled`` said so; nothing of the engine runs any more.
        RidgelineError: what the engine answered, or why it ended without an answer.
    """
    listener = listener or Listener()
    with tempfile.TemporaryDirectory(prefix="ridgeline-job-") as folder:
        arguments = command.split()
        if job is not None:
            job_file = Path(folder) / "job.json"
            job_file.write_text(_text_of(job), encoding="utf-8")
            os.chmod(job_file, 0o600)
            arguments += ["--job", str(job_file)]
        process = engine.start([*arguments, "--events"], folder)
        try:
            answer = _listen(process, listener, cancelled, silence_s, terminate_after_s, finish)
            grace_s = 0 if cancelled() and answer is None else LINGER_S
            status = process.end(grace_s, kill_after_s)
        finally:
            if process.is_running():
                process.end(0, kill_after_s)
            listener.finished_log(process.log)
    if cancelled():
        raise Cancelled()
    if isinstance(answer, Result):
        return answer
    if isinstance(answer, Error):
        raise Cancelled(answer.message) if answer.code is ErrorCode.CANCELLED else _fault_of(answer)
    sentence, hint = explain_exit(status, process.log, command)
    last = last_words(process.log)
    if last:
        hint = tr("{hint} Its last words were: {last}", hint=hint, last=last)
    raise RidgelineError(ErrorCode.ENGINE_DIED, sentence, hint)


def _text_of(job: Any) -> str:
    try:
        return json.dumps(to_dict(job), ensure_ascii=True, allow_nan=False)
    except ValueError as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            tr("One of the numbers is infinite or none at all."),
            tr("Look over the parameters: extent, pixel size and the numbers under Advanced."),
        ) from fault


def _listen(
    process: EngineProcess,
    listener: Listener,
    cancelled: Callable[[], bool],
    silence_s: float,
    terminate_after_s: float,
    finish: Callable[[], bool],
) -> Any:
    """Return the engine's last event, or None if it ended, or had to be given up, without one."""
    answer: Any = None
    stop_by: Optional[float] = None
    told_silent = process.last_heard
    finishing = False
    while True:
        now = time.monotonic()
        if stop_by is None and cancelled():
            process.cancel()
            stop_by = now + terminate_after_s
        if not finishing and finish():
            finishing = process.send({"finish": True})
        if stop_by is not None and now >= stop_by:
            return answer
        event = process.next_event(_POLL_S)
        if isinstance(event, Ended):
            return answer
        if event is None:
            told_silent = max(told_silent, process.last_heard)
            if now - process.last_heard > LINGER_S and (answer is not None or not process.is_running()):
                return answer  # something it started may still hold its output open
            if now - told_silent >= silence_s:
                told_silent = now
                listener.silent(now - process.last_heard)
        elif isinstance(event, Progress):
            listener.progress(event)
        elif isinstance(event, Warn):
            listener.warning(event)
        elif isinstance(event, Started):
            _check_protocol(event)
            listener.started(event)
        else:
            answer = event


def _check_protocol(event: Started) -> None:
    if event.protocol != PROTOCOL_VERSION:
        raise RidgelineError(
            ErrorCode.ENGINE_NOT_READY,
            tr(
                "The engine is of another version than this plugin (it speaks protocol {theirs}, not {ours}).",
                theirs=event.protocol,
                ours=PROTOCOL_VERSION,
            ),
            tr("Restart QGIS, so that plugin and engine are of one version."),
        )


def _fault_of(event: Error) -> RidgelineError:
    return RidgelineError(event.code, event.message, event.hint)
