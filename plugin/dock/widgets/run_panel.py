"""The foot of the Segment page: run, cancel, progress with time left, and how the last run ended."""

from typing import Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ...i18n import tr
from ..logic.checks import Finding, Weight
from .notes import Notes, wrapped


class RunPanel(QWidget):
    """Shows one state at a time: idle, running, stopping; the outcome of the last run stays until the next."""

    run_asked = pyqtSignal()
    again_asked = pyqtSignal()
    resume_asked = pyqtSignal()
    discard_asked = pyqtSignal()
    cancel_asked = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._running = False
        self.outcome = Notes()
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(False)
        self.status = wrapped()
        self.run = QPushButton(tr("Run"))
        self.run.setDefault(True)
        self.again = QPushButton(tr("Run again here"))
        self.again.setToolTip(tr("The same settings as the last run, on what the map shows now."))
        self.resume = QPushButton(tr("Resume"))
        self.resume.setToolTip(tr("Go on where the run stopped: what was finished is not computed again."))
        self.discard = QPushButton(tr("Discard"))
        self.discard.setToolTip(tr("Delete what the stopped run has left."))
        self.cancel = QPushButton(tr("Cancel"))
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        for button in (self.run, self.again, self.resume, self.discard, self.cancel):
            buttons.addWidget(button, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        for widget in (self.outcome, self.status, self.progress):
            rows.addWidget(widget)
        rows.addLayout(buttons)
        self.run.clicked.connect(self.run_asked)
        self.again.clicked.connect(self.again_asked)
        self.resume.clicked.connect(self.resume_asked)
        self.discard.clicked.connect(self.discard_asked)
        self.cancel.clicked.connect(self.cancel_asked)
        self.show_idle()

    def show_idle(self, again: bool = False, resume: bool = False) -> None:
        """Offer *Run*, and *Run again here* or *Resume* where there is a run to do so with."""
        self._running = False
        for widget in (self.progress, self.status, self.cancel):
            widget.hide()
        self.run.show()
        self.again.setVisible(again and not resume)
        self.resume.setVisible(resume)
        self.discard.setVisible(resume)

    def show_running(self) -> None:
        """Show the progress bar and *Cancel*."""
        self._running = True
        self.outcome.show_findings(())
        for button in (self.run, self.again, self.resume, self.discard):
            button.hide()
        self.progress.setRange(0, 0)
        self.cancel.setEnabled(True)
        for widget in (self.progress, self.status, self.cancel):
            widget.show()
        self.status.setText(tr("Starting the engine …"))

    def show_stopping(self) -> None:
        """Say that the run is being stopped."""
        self.cancel.setEnabled(False)
        self._running = False
        self.progress.setRange(0, 0)
        self.status.setText(tr("Stopping …"))

    def say(self, text: str) -> None:
        """Show what the run does now and how long it will take."""
        if self._running and text:
            self.status.setText(text)

    def show_progress(self, percent: float) -> None:
        """Move the bar."""
        if self._running and percent > 0:
            self.progress.setRange(0, 1000)
            self.progress.setValue(round(percent * 10))

    def show_outcome(self, weight: Weight, *texts: str) -> None:
        """Show how the run ended, a sentence a line."""
        self.outcome.show_findings(Finding(weight, text) for text in texts if text)
