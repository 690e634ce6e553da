"""The warm engine as the rest of the plugin sees it: ask, and be told; started on demand, again whenever it ended."""

import shutil
import tempfile
import threading
from typing import Any, Callable, Optional, Set

from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...engine.jobs import RidgelineError
from ...engine.jobs.serve import ServeRequest
from ..engine_link.engine import Engine, ready_engine
from ..engine_link.host import proxy_variables
from .session import HANG_S, IDLE_S, Session


class WarmEngine(QObject):
    """Answers requests by signals, which arrive in the thread of this object; no call ever waits.

    Args:
        engine: finds the engine that is set up; may raise RidgelineError.
        hang_s: seconds of silence after which an engine that owes an answer is ended.
        idle_s: seconds without a request after which it ends.
    """

    answered = pyqtSignal(str, object)
    """Id of the request, and its Result."""
    failed = pyqtSignal(str, object)
    """Id of the request, and a RidgelineError; a Cancelled if it was cancelled."""
    progressed = pyqtSignal(str, object)
    """Id of the request, and a Progress."""
    _lost = pyqtSignal(str, object)

    def __init__(
        self,
        parent: Optional[QObject] = None,
        engine: Optional[Callable[[], Engine]] = None,
        hang_s: float = HANG_S,
        idle_s: float = IDLE_S,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._hang_s, self._idle_s = hang_s, idle_s
        self._session: Optional[Session] = None
        self._count = 0
        self._closed = False
        self._once_more: Set[str] = set()
        self._lost.connect(self._on_lost)
        for end in (self.answered, self.failed):
            end.connect(lambda identity, _value: self._once_more.discard(identity))
        self._folder = tempfile.mkdtemp(prefix="ridgeline-preview-")

    @property
    def folder(self) -> str:
        """A temporary folder for pictures, removed with this object."""
        return self._folder

    @property
    def pid(self) -> Optional[int]:
        """Process id of the engine, None while none has started."""
        return None if self._session is None or self._session.over else self._session.pid

    def ask(self, request: ServeRequest) -> str:
        """Hand in a request and return its id; it ends as exactly one of ``answered`` and ``failed``."""
        self._count += 1
        identity = f"{type(request).__name__.lower()}-{self._count}"
        self._once_more.add(identity)
        self._hand_in(identity, request)
        return identity

    def cancel(self, identity: str) -> None:
        """Stop a request."""
        if self._session is not None:
            self._session.cancel(identity)

    def stop(self) -> None:
        """End the engine; the next request starts a new one."""
        self._once_more.clear()
        if self._session is not None:
            self._session.stop()
            self._session = None

    def shut_down(self, wait_s: float = 0.0) -> None:
        """End the engine for good and remove the pictures, at the latest after ``wait_s`` seconds behind our back."""
        self._closed = True
        session, self._session = self._session, None
        if session is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            return
        session.stop()
        tidy = threading.Thread(target=_tidy, args=(session, self._folder), name="ridgeline tidy", daemon=True)
        tidy.start()
        tidy.join(wait_s)

    def _hand_in(self, identity: str, request: ServeRequest) -> None:
        if self._session is None or not self._session.ask(identity, request):
            self._session = self._new_session()
            self._session.ask(identity, request)
            self._session.start()

    def _on_lost(self, identity: str, lost: Any) -> None:
        """Ask a new engine, once: the one that died had not begun, so that this request cannot be what killed it."""
        request, fault = lost
        if identity in self._once_more and not self._closed:
            self._once_more.discard(identity)
            self._hand_in(identity, request)
        else:
            self.failed.emit(identity, fault)

    def _new_session(self) -> Session:
        # looked up here, in the main thread: the proxy is asked of Qt; and told by whoever starts the engine
        variables = proxy_variables()
        find = self._engine or (lambda: ready_engine(variables))
        return Session(find, self._folder, self._tell, self._hang_s, self._idle_s)

    def _tell(self, what: str, identity: str, value: Any) -> None:
        """Pass on what a session says; called from its thread."""
        if self._closed:
            return
        signals = {"answered": self.answered, "failed": self.failed, "progressed": self.progressed, "lost": self._lost}
        try:
            signals[what].emit(identity, value)
        except RuntimeError:  # the object went while QGIS ends: nobody is left to be told
            self._closed = True


def _tidy(session: Session, folder: str) -> None:
    session.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


def is_cancelled(fault: RidgelineError) -> bool:
    """Return whether a request ended because it was cancelled."""
    return fault.code.value == "cancelled"
