"""One life of a warm engine: from its start to its end, in threads of its own, so that nothing waits for it."""

import queue
import threading
import time
from typing import Any, Callable, Dict, Optional, Set

from ...engine.jobs import PROTOCOL_VERSION, Cancelled, Error, ErrorCode, Progress, Result, RidgelineError, Started
from ...engine.jobs.serve import CancelRequest, ServeRequest, ShutdownRequest, request_to_line
from ..engine_link.engine import Engine
from ..engine_link.exit_codes import explain_exit, last_words
from ..engine_link.process import Ended, EngineProcess
from ..i18n import tr

HANG_S = 120.0
"""An engine that owes an answer and has said nothing for so long is ended. Loading a model is its longest silence."""
IDLE_S = 900.0
"""An engine that nobody has asked for so long ends, to give its memory back."""
_POLL_S = 0.05
_LONGEST_STEP_S = 1.0
"""What a turn of the loop counts at most: time that the computer slept through is not the engine's silence."""
_END_S, _KILL_S = 2.0, 1.0

Tell = Callable[[str, str, Any], None]
"""Takes ``answered``, ``failed``, ``progressed`` or ``lost``, the id of the request and what there is to say; in any
thread. A request is lost, with itself and the fault, if the engine died before it began to work on it."""


class Session:
    """A warm engine that is being started, works, or has ended; it is never started twice.

    Args:
        engine: finds the engine; called in the session's thread, may raise RidgelineError.
        folder: working folder of the process.
        tell: told of all that comes back.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        folder: str,
        tell: Tell,
        hang_s: float = HANG_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._engine, self._folder, self._tell = engine, folder, tell
        self._hang_s, self._idle_s = hang_s, idle_s
        self._lock = threading.Lock()
        self._pending: Dict[str, ServeRequest] = {}
        self._begun: Set[str] = set()
        self._outbox: queue.Queue[Optional[str]] = queue.Queue()
        self._stop = threading.Event()
        self._over = False
        self._process: Optional[EngineProcess] = None
        self._thread = threading.Thread(target=self._run, name="ridgeline warm engine", daemon=True)

    def start(self) -> None:
        """Start the engine; requests may be handed in before, so that none can come too late."""
        self._thread.start()

    @property
    def pid(self) -> Optional[int]:
        """Process id of the engine, None before it has started."""
        return self._process.pid if self._process is not None else None

    @property
    def over(self) -> bool:
        """Whether it takes no requests any more."""
        return self._over

    def ask(self, identity: str, request: ServeRequest) -> bool:
        """Hand in a request; False if the session is over."""
        with self._lock:
            if self._over:
                return False
            self._pending[identity] = request
            self._outbox.put(request_to_line(identity, request))
        return True

    def cancel(self, identity: str) -> None:
        """Stop a request; it ends as cancelled."""
        with self._lock:
            if identity in self._pending and not self._over:
                self._outbox.put(request_to_line(f"cancel-{identity}", CancelRequest(identity)))

    def stop(self) -> None:
        """End the engine soon; what is pending ends as cancelled. Does not wait."""
        self._stop.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came. For tests and the end of QGIS."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        fault: RidgelineError = Cancelled()
        died = False
        try:
            self._process = process = self._engine().start(["serve"], self._folder)
            writer = threading.Thread(target=self._write, args=(process,), name="ridgeline requests", daemon=True)
            writer.start()
            try:
                fault = self._listen(process)
            finally:
                self._close()
                self._outbox.put(None)
                status = process.end(_END_S if self._stop.is_set() else 0, _KILL_S)
                writer.join(_END_S)
            died = fault.code is ErrorCode.ENGINE_DIED and not fault.message
            if died:
                fault = _death(status, process.log)
        except RidgelineError as caught:
            fault = caught
        except Exception as caught:  # told to whoever waits, in the main thread
            fault = RidgelineError(
                ErrorCode.INTERNAL,
                tr("The warm engine met a fault: {fault}.", fault=f"{type(caught).__name__}: {caught}"),
                tr("Try again; if it stays so, copy the diagnostics on the Engine page."),
            )
        for identity, request in self._close().items():
            if died and identity not in self._begun:
                self._tell("lost", identity, (request, fault))
            else:
                self._tell("failed", identity, fault)

    def _close(self) -> Dict[str, ServeRequest]:
        """Take no more requests, and return those without an answer."""
        with self._lock:
            self._over = True
            return dict(self._pending)

    def _listen(self, process: EngineProcess) -> RidgelineError:
        """Pass on what the engine says until its end, and return why it ended."""
        silence = idle = 0.0
        before = time.monotonic()
        while not self._stop.is_set():
            event = process.next_event(_POLL_S)
            now = time.monotonic()
            step, before = min(now - before, _LONGEST_STEP_S), now
            if isinstance(event, Ended) or (event is None and not process.is_running()):
                return RidgelineError(ErrorCode.ENGINE_DIED, "")
            if event is not None:
                silence = 0.0
                self._take(event)
            with self._lock:
                waits = bool(self._pending)
            idle = 0.0 if waits else idle + step
            silence = silence + step if waits else 0.0
            if silence > self._hang_s:
                return RidgelineError(
                    ErrorCode.ENGINE_DIED,
                    tr("The engine did not answer and was ended."),
                    tr("Move the map or click again: a new one is started."),
                )
            if idle > self._idle_s:
                return Cancelled()
        self._outbox.put(request_to_line("shutdown", ShutdownRequest()))
        return Cancelled()

    def _take(self, event: Any) -> None:
        if isinstance(event, Started) and event.id is None and event.protocol != PROTOCOL_VERSION:
            raise RidgelineError(
                ErrorCode.ENGINE_NOT_READY,
                tr("The engine is of another version than this plugin."),
                tr("Restart QGIS, so that plugin and engine are of one version."),
            )
        identity = event.id
        with self._lock:
            known = identity is not None and identity in self._pending
            if known and isinstance(event, (Result, Error)):
                del self._pending[identity]
            elif known:
                self._begun.add(identity)
        if not known:
            return  # the greeting, and answers to cancels
        if isinstance(event, Result):
            self._tell("answered", identity, event)
        elif isinstance(event, Error):
            cancelled = event.code is ErrorCode.CANCELLED
            fault = Cancelled(event.message) if cancelled else RidgelineError(event.code, event.message, event.hint)
            self._tell("failed", identity, fault)
        elif isinstance(event, Progress):
            self._tell("progressed", identity, event)

    def _write(self, process: EngineProcess) -> None:
        """Write requests as they come; in a thread of its own, because a pipe nobody reads from blocks."""
        while True:
            line = self._outbox.get()
            if line is None or not process.send_line(line):
                return


def _death(status: int, log: str) -> RidgelineError:
    sentence, _hint = explain_exit(status, log)
    last = last_words(log)
    hint = tr("Move the map or click again: a new one is started.")
    if last:
        hint = tr("{hint} Its last words were: {last}", hint=hint, last=last)
    return RidgelineError(ErrorCode.ENGINE_DIED, sentence, hint)
