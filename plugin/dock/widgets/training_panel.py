"""The foot of the Fine-tune page: check, fine-tune, progress with time left, two ways to stop, and how it ended."""

from typing import Iterable, Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from ...i18n import tr
from ..logic.checks import Finding
from .notes import Notes
from .work_panel import WorkPanel


class TrainingPanel(WorkPanel):
    """Checks, trains, and ends a training in two ways.

    Args:
        outcome: where findings are shown; it belongs to the page, whose scrolling part has room for many.
    """

    check_asked = pyqtSignal()
    start_asked = pyqtSignal()
    resume_asked = pyqtSignal()
    discard_asked = pyqtSignal()
    finish_asked = pyqtSignal()
    cancel_asked = pyqtSignal()
    found = pyqtSignal()
    """There are findings, which may lie out of sight."""

    def __init__(self, outcome: Notes, parent: Optional[QWidget] = None) -> None:
        super().__init__(outcome, parent)
        self.check = QPushButton(tr("Check"))
        self.check.setToolTip(
            tr("Look at the labels, and show on the map which teach and which are kept apart to try the model on.")
        )
        self.start = QPushButton(tr("Fine-tune"))
        self.start.setDefault(True)
        self.resume = QPushButton(tr("Resume"))
        self.resume.setToolTip(tr("Go on from the last validation."))
        self.discard = QPushButton(tr("Discard"))
        self.discard.setToolTip(tr("Delete what the training has left."))
        self.finish = QPushButton(tr("Stop (keep the best)"))
        self.finish.setToolTip(tr("End now, with the model that validated best so far."))
        self.cancel.setToolTip(tr("End now and keep nothing."))
        buttons = QGridLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        for number, button in enumerate((self.check, self.start, self.resume, self.discard, self.finish, self.cancel)):
            buttons.addWidget(button, number // 2, number % 2)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.status)
        rows.addWidget(self.progress)
        rows.addLayout(buttons)
        for button, signal in (
            (self.check, self.check_asked),
            (self.start, self.start_asked),
            (self.resume, self.resume_asked),
            (self.discard, self.discard_asked),
            (self.finish, self.finish_asked),
            (self.cancel, self.cancel_asked),
        ):
            button.clicked.connect(signal)
        self.show_idle()

    def show_idle(self, resume: bool = False) -> None:
        """Offer *Check* and *Fine-tune*, and *Resume* where there is a training to go on with."""
        self.show_resting()
        self.finish.hide()
        self.check.show()
        self.start.show()
        self.resume.setVisible(resume)
        self.discard.setVisible(resume)

    def show_running(self, training: bool) -> None:
        """Show the progress bar and the ways to stop; a check has nothing to keep."""
        self.show_starting()
        for button in (self.check, self.start, self.resume, self.discard):
            button.hide()
        self.cancel.setText(tr("Cancel (discard)") if training else tr("Cancel"))
        self.finish.setEnabled(True)
        self.finish.setVisible(training)

    def show_finishing(self) -> None:
        """Say that the best model is being kept; it can still be discarded."""
        self.finish.setEnabled(False)
        self.status.setText(tr("Keeping the best model …"))

    def show_stopping(self) -> None:
        """Say that the work is being stopped."""
        super().show_stopping()
        self.finish.setEnabled(False)

    def show_findings(self, findings: Iterable[Finding]) -> None:
        """Show what was found, or how it ended."""
        listed = list(findings)
        self.outcome.show_findings(listed)
        if listed:
            self.found.emit()
