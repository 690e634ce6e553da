"""What the feet of the pages share that run a job: a bar, a line that says what is done, and how the last one ended."""

from typing import Optional

from qgis.PyQt.QtWidgets import QProgressBar, QPushButton, QWidget

from ...i18n import tr
from .notes import Notes, wrapped


class WorkPanel(QWidget):
    """Shows one state at a time: idle, running or stopping; sub-classes add the buttons.

    Args:
        outcome: where it is said how the last job ended.
    """

    def __init__(self, outcome: Notes, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.outcome = outcome
        self.status = wrapped()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.cancel = QPushButton(tr("Cancel"))
        self._running = False

    def show_resting(self) -> None:
        """Hide what only a running job has."""
        self._running = False
        for widget in (self.progress, self.status, self.cancel):
            widget.hide()

    def show_starting(self) -> None:
        """Show the bar and *Cancel*, and forget how the last job ended."""
        self._running = True
        self.outcome.show_findings(())
        self.progress.setRange(0, 0)
        self.cancel.setEnabled(True)
        for widget in (self.progress, self.status, self.cancel):
            widget.show()
        self.status.setText(tr("Starting the engine …"))

    def show_stopping(self) -> None:
        """Say that the job is being stopped."""
        self._running = False
        self.cancel.setEnabled(False)
        self.progress.setRange(0, 0)
        self.status.setText(tr("Stopping …"))

    def say(self, text: str) -> None:
        """Show what is done now and how long it will take."""
        if self._running and text:
            self.status.setText(text)

    def show_progress(self, percent: float) -> None:
        """Move the bar."""
        if self._running and percent > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(percent * 10))
