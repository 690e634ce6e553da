"""Runs an algorithm of the toolbox in the background and says how it goes."""

from typing import Any, Dict, List, Optional

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsMessageLog,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...i18n import tr

LOG_TAG = "Ridgeline"


class RunFeedback(QgsProcessingFeedback):
    """Passes what an algorithm says, from its worker thread, on as signals."""

    said = pyqtSignal(str)
    """What it does now."""
    warned = pyqtSignal(str)
    failed = pyqtSignal(str)
    told = pyqtSignal(dict)
    """Numbers of a training, at every validation."""

    def __init__(self) -> None:
        super().__init__(False)
        self._finish = False

    def tell(self, detail: Dict[str, Any]) -> None:
        """Pass on the numbers of a training."""
        self.told.emit(detail)

    def ask_to_finish(self) -> None:
        """Ask for the best that there is by now."""
        self._finish = True

    def is_finish_asked(self) -> bool:
        """Return whether to end with the best that there is by now."""
        return self._finish

    def setProgressText(self, text: str) -> None:
        """Pass on what the algorithm does now."""
        super().setProgressText(text)
        self.said.emit(text)

    def pushWarning(self, warning: str) -> None:
        """Pass on something the user should know."""
        super().pushWarning(warning)
        self.warned.emit(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        """Pass on what went wrong."""
        super().reportError(error, fatalError)
        self.failed.emit(error)


class AlgorithmRun(QObject):
    """One run of an algorithm as a background task; lives until it is finished."""

    progressed = pyqtSignal(float)
    """Percent done."""
    said = pyqtSignal(str)
    warned = pyqtSignal(str)
    told = pyqtSignal(dict)
    """Numbers of a training, at every validation."""
    succeeded = pyqtSignal(dict)
    """What the algorithm returned."""
    failed = pyqtSignal(str)
    """Why, in a sentence."""
    cancelled = pyqtSignal()

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._task: Any = None
        self._context: Any = None
        self._feedback: Optional[RunFeedback] = None
        self._algorithm: Any = None
        self._errors: List[str] = []
        self._was_cancelled = False

    @property
    def running(self) -> bool:
        """Whether the algorithm is at work."""
        return self._task is not None

    def start(self, algorithm_id: str, parameters: Dict[str, Any]) -> None:
        """Start the algorithm; every way it ends comes as exactly one of the signals."""
        self._algorithm = QgsApplication.processingRegistry().createAlgorithmById(algorithm_id)
        if self._algorithm is None:
            self.failed.emit(tr("The toolbox has no algorithm “{id}”. Restart QGIS.", id=algorithm_id))
            return
        # QGIS keeps none of these alive for Python (QGIS issue 38583)
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._feedback = RunFeedback()
        self._context.setFeedback(self._feedback)
        valid, why = self._algorithm.checkParameterValues(parameters, self._context)
        if not valid:
            self._forget()
            self.failed.emit(why)
            return
        self._errors, self._was_cancelled = [], False
        self._feedback.progressChanged.connect(self.progressed)
        self._feedback.said.connect(self.said)
        self._feedback.warned.connect(self.warned)
        self._feedback.told.connect(self.told)
        self._feedback.failed.connect(self._note_error)
        self._task = QgsProcessingAlgRunnerTask(self._algorithm, parameters, self._context, self._feedback)
        if self._task.isCanceled():  # it could not be prepared, and would never say so
            self._on_executed(False, {})
            return
        self._task.executed.connect(self._on_executed)
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Ask the algorithm to stop; it ends with ``cancelled``."""
        if self._task is not None:
            self._was_cancelled = True
            self._feedback.cancel()  # type: ignore[union-attr]
            self._task.cancel()

    def finish(self) -> None:
        """Ask a training to end with the best that it has by now; it ends with ``succeeded``."""
        if self._feedback is not None:
            self._feedback.ask_to_finish()

    def _note_error(self, text: str) -> None:
        if text.strip() and text not in self._errors:
            self._errors.append(text.strip())

    def _on_executed(self, successful: bool, results: Dict[str, Any]) -> None:
        errors = list(self._errors)
        # a task that cannot be prepared cancels itself, too: then there is an error to tell
        stopped_elsewhere = self._feedback is not None and self._feedback.isCanceled() and not errors
        cancelled = self._was_cancelled or stopped_elsewhere
        self._forget()
        if successful and (results or not cancelled):
            self.succeeded.emit(dict(results))
        elif cancelled:
            self.cancelled.emit()
        else:
            self.failed.emit(reason_of(errors))

    def _forget(self) -> None:
        self._task = self._algorithm = self._context = self._feedback = None


def reason_of(errors: List[str]) -> str:
    """Return why a run failed, in words; a fault of the plugin itself becomes one sentence, the rest is logged."""
    text = "\n".join(errors)
    if not text:
        return tr("The run ended without saying why. View ▸ Panels ▸ Log Messages may say more.")
    if "Traceback (most recent call last)" not in text:
        return text
    QgsMessageLog.logMessage(text, LOG_TAG, Qgis.MessageLevel.Critical)
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    return tr(
        "Something unexpected went wrong: {fault}. Copy diagnostics on the Engine page says more.", fault=last[:200]
    )
