"""The foot of the Segment page: run, cancel, progress with time left, and how the last run ended."""

from typing import Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ...i18n import tr
from ..logic.checks import Finding, Weight
from .notes import Notes
from .work_panel import WorkPanel


class RunPanel(WorkPanel):
    """Runs, resumes and cancels; the outcome of the last run stays until the next."""

    run_asked = pyqtSignal()
    again_asked = pyqtSignal()
    resume_asked = pyqtSignal()
    discard_asked = pyqtSignal()
    cancel_asked = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(Notes(), parent)
        self.run = QPushButton(tr("Run"))
        self.run.setDefault(True)
        self.again = QPushButton(tr("Run again here"))
        self.again.setToolTip(tr("The same settings as the last run, on what the map shows now."))
        self.resume = QPushButton(tr("Resume"))
        self.resume.setToolTip(tr("Go on where the run stopped: what was finished is not computed again."))
        self.discard = QPushButton(tr("Discard"))
        self.discard.setToolTip(tr("Delete what the stopped run has left."))
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
        self.show_resting()
        self.run.show()
        self.again.setVisible(again and not resume)
        self.resume.setVisible(resume)
        self.discard.setVisible(resume)

    def show_running(self) -> None:
        """Show the progress bar and *Cancel*."""
        self.show_starting()
        for button in (self.run, self.again, self.resume, self.discard):
            button.hide()

    def show_outcome(self, weight: Weight, *texts: str) -> None:
        """Show how the run ended, a sentence a line."""
        self.outcome.show_findings(Finding(weight, text) for text in texts if text)
