"""One piece of work in the background that is no algorithm: setting the engine up, removing it, writing a report."""

from typing import Any, Callable, Optional

from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ....engine.jobs import Cancelled, RidgelineError
from ...i18n import tr

Work = Callable[["BackgroundWork"], Any]
"""Does the work in a thread of its own; may call ``report``, ``log`` and ``is_cancelled`` of what it is handed."""


class BackgroundWork(QObject):
    """Runs one function at a time in QGIS's task manager; its signals arrive in the main thread."""

    progressed = pyqtSignal(float, str)
    logged = pyqtSignal(str)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(str)
    cancelled = pyqtSignal()

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._task: Optional[_Task] = None
        self._stop = False

    @property
    def running(self) -> bool:
        """Whether something is at work."""
        return self._task is not None

    def start(self, title: str, work: Work) -> None:
        """Start ``work``; its end comes as exactly one of ``succeeded``, ``failed`` and ``cancelled``."""
        if self._task is None:
            self._stop = False
            self._task = _Task(title, lambda: work(self), self._on_end)
            QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Ask the work to stop."""
        self._stop = True
        if self._task is not None:
            self._task.cancel()

    def is_cancelled(self) -> bool:
        """Whether the work is to stop; asked from its thread."""
        return self._stop

    def report(self, percent: float, phase: str) -> None:
        """Say how far the work is; called from its thread."""
        self.progressed.emit(percent, phase)

    def log(self, line: str) -> None:
        """Hand out a line of the log; called from its thread."""
        self.logged.emit(line)

    def _on_end(self, value: Any, fault: Optional[Exception]) -> None:
        self._task = None
        if fault is None:
            self.succeeded.emit(value)
        elif isinstance(fault, Cancelled):
            self.cancelled.emit()
        elif isinstance(fault, RidgelineError):
            self.failed.emit(f"{fault.message}\n{fault.hint}".strip())
        else:
            self.failed.emit(tr("Something unexpected happened: {fault}", fault=f"{type(fault).__name__}: {fault}"))


class _Task(QgsTask):
    """Carries the function into a thread and its answer back; an exception in ``run`` would end QGIS."""

    def __init__(self, title: str, work: Callable[[], Any], on_end: Callable[[Any, Optional[Exception]], None]) -> None:
        super().__init__(title, QgsTask.Flag.CanCancel)
        self._work = work
        self._on_end = on_end
        self._value: Any = None
        self._fault: Optional[Exception] = None

    def run(self) -> bool:
        """Do the work; in a thread."""
        try:
            self._value = self._work()
        except Exception as fault:  # told in `finished`
            self._fault = fault
        return self._fault is None

    def finished(self, _successful: bool) -> None:
        """Hand the answer over; in the main thread."""
        fault = self._fault
        if fault is None and self.isCanceled() and self._value is None:
            fault = Cancelled()
        self._on_end(self._value, fault)
