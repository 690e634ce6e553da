"""The warm engine: takes requests as lines, answers with events, one piece of work at a time, the newest view first.

A thread reads the requests; the work happens in one other. A preview that is not wanted any more (a newer one came, it
was cancelled) stops at the next batch. A click goes before a preview: it is answered between two of its batches.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from .. import __version__
from ..feedback import Feedback
from ..jobs import Cancelled, Error, ErrorCode, Event, Result, RidgelineError, SegmentJob, Started
from ..jobs.serve import (
    BadRequestError,
    CancelRequest,
    LoadRequest,
    PreviewRequest,
    RoofRequest,
    ServeRequest,
    ShutdownRequest,
    request_from_line,
)
from .memory import give_back_memory
from .pictures import PictureFolder
from .preview import make_preview
from .roof import find_roof
from .scenes import Scenes

Emit = Callable[[Event], None]

_URGENT = (RoofRequest,)


@dataclass
class _Task:
    """A request on its way."""

    id: str
    request: ServeRequest
    cancelled: threading.Event = field(default_factory=threading.Event)


class Server:
    """Answers requests.

    Args:
        emit: takes every event, with the id of its request; called from the thread that works and the one that reads.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._scenes = Scenes()
        self._pictures = PictureFolder()
        self._waiting: deque[_Task] = deque()
        self._running: list[_Task] = []
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._count = 0

    def take(self, line: str) -> None:
        """Take one line of the input; called from the thread that reads."""
        if not line.strip():
            return
        try:
            identity, request = request_from_line(line)
        except BadRequestError as fault:
            self._emit(Error(fault.code, fault.message, fault.hint, fault.id))
            return
        if isinstance(request, ShutdownRequest):
            self.end()
            return
        with self._changed:
            if isinstance(request, CancelRequest):
                self._cancel(lambda task: task.id == request.target)
                return
            self._count += 1
            if isinstance(request, PreviewRequest):
                self._cancel(lambda task: isinstance(task.request, PreviewRequest))
            self._waiting.append(_Task(identity or f"request-{self._count}", request))
            self._changed.notify()

    def end(self) -> None:
        """Stop everything; ``run`` returns soon."""
        with self._changed:
            self._ending.set()
            self._cancel(lambda _task: True)
            self._changed.notify()

    def run(self) -> None:
        """Work until the end; called from the thread that works."""
        self._emit(Started("serve", engine=__version__))
        try:
            while (task := self._next()) is not None:
                self._answer(task)
                self._scenes.tidy()
                give_back_memory()
        finally:
            for task in self._waiting:
                self._emit(_error(Cancelled(), task.id))
            self._scenes.close()
            self._pictures.clear()

    def _cancel(self, which: Callable[[_Task], bool]) -> None:
        """Cancel requests; those that wait end at once. The lock is held."""
        for task in self._running:
            if which(task):
                task.cancelled.set()
        gone = [task for task in self._waiting if which(task)]
        for task in gone:
            self._waiting.remove(task)
            self._emit(_error(Cancelled(), task.id))

    def _next(self) -> _Task | None:
        with self._changed:
            while not self._waiting and not self._ending.is_set():
                self._changed.wait()
            if self._ending.is_set():
                return None
            return self._pop(lambda task: isinstance(task.request, _URGENT)) or self._waiting.popleft()

    def _pop(self, which: Callable[[_Task], bool]) -> _Task | None:
        found = next((task for task in self._waiting if which(task)), None)
        if found is not None:
            self._waiting.remove(found)
        return found

    def _answer(self, task: _Task) -> None:
        with self._changed:
            self._running.append(task)
        with _faults_told(self._emit, task.id):
            self._emit(Started(_kind_of(task.request), engine=__version__, id=task.id))
            self._emit(replace(self._work(task), id=task.id))
        with self._changed:
            self._running.remove(task)

    def _work(self, task: _Task) -> Result:
        request = task.request
        feedback = Feedback(lambda event: self._emit(replace(event, id=task.id)), lambda: self._stopped(task))
        feedback.check_cancelled()
        if isinstance(request, SegmentJob):
            from ..inference.runner import run_segment

            return run_segment(request, feedback)
        if not isinstance(request, (LoadRequest, PreviewRequest, RoofRequest)):
            raise TypeError(f"a {type(request).__name__} is nothing that the server can do")
        scene = self._scenes.open(request.scene, feedback)
        if isinstance(request, PreviewRequest):
            return make_preview(scene, request, _stem(task.id), self._pictures, feedback)
        if isinstance(request, RoofRequest):
            return find_roof(scene, request, feedback)
        grid = scene.setup.frame.grid
        summary = {
            "device": scene.report.sentence,
            "layers": [plane.name for plane in scene.mosaic.planes if plane.published],
            "crs": grid.crs.to_wkt(),
            "bounds": list(grid.bounds),
            "gsd_m": grid.gsd,
        }
        return Result({}, summary)

    def _stopped(self, task: _Task) -> bool:
        """Return whether to stop; before, answer a click that came in meanwhile."""
        if isinstance(task.request, PreviewRequest) and not task.cancelled.is_set():
            with self._changed:
                urgent = self._pop(lambda item: isinstance(item.request, _URGENT))
            if urgent is not None:
                self._answer(urgent)
        return task.cancelled.is_set()


def read_requests(lines: Iterator[str], server: Server) -> None:
    """Hand every line to the server; the end of the lines is the end of the engine."""
    try:
        for line in lines:
            server.take(line)
    except (OSError, ValueError) as fault:  # the pipe broke, or what came is no text
        print(f"The input of the engine ended: {fault}", file=sys.stderr)
    finally:
        server.end()


@contextmanager
def _faults_told(emit: Emit, id: str) -> Iterator[None]:
    """Turn every fault of a request into its error event: one bad request does not end the engine."""
    try:
        yield
    except RidgelineError as fault:
        emit(_error(fault, id))
    except MemoryError:
        emit(
            Error(
                ErrorCode.OUT_OF_MEMORY,
                "This computer has not enough free memory for the request.",
                "Close other programs, or zoom in.",
                id,
            )
        )
    except Exception as fault:
        traceback.print_exc(file=sys.stderr)
        reason = " ".join(f"{type(fault).__name__}: {fault}".split())
        emit(
            Error(
                ErrorCode.INTERNAL,
                f"Ridgeline met a fault of its own ({reason[:300].rstrip('.')}).",
                "Please report it with the log.",
                id,
            )
        )


def _error(fault: RidgelineError, id: str) -> Error:
    return Error(fault.code, fault.message, fault.hint, id)


def _kind_of(request: ServeRequest) -> str:
    return "segment" if isinstance(request, SegmentJob) else type(request).__name__.removesuffix("Request").lower()


def _stem(id: str) -> str:
    """Return a file's name made of a request's id."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in id)[:64] or "preview"
