"""The Engine page: whether the engine is ready, and all that can be done about it; nothing happens by itself."""

import os
from pathlib import Path
from typing import Any, Callable, Optional

from qgis.core import QgsApplication
from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from ..engine_link.child_environment import child_environment
from ..engine_link.diagnostics import diagnostics
from ..engine_link.environment import EngineState, Readiness, engine_home, engine_state
from ..engine_link.host import qgis_folders
from ..engine_link.requirements import INFERENCE, TRAIN, requirement_set
from ..engine_link.setup import SetupListener, SetupOptions, remove, repair, set_up
from ..engine_link.verify import forget_existing_python, use_existing_python
from ..i18n import tr
from ..settings import ENGINE_HOME, read_setting, write_setting
from .logic import words
from .logic.background import BackgroundWork
from .logic.checks import Finding, Weight
from .logic.run import AlgorithmRun
from .widgets.notes import Notes, wrapped
from .widgets.page import Page, line, shrinkable

STATUS_ALGORITHM = "ridgeline:enginestatus"
_LOG_LINES = 2000


class EnginePage(Page):
    """Says how the engine stands in one sentence and offers what can be done about it."""

    about_to_change = pyqtSignal()
    """The engine's environment is about to be made, mended or removed."""
    ready_changed = pyqtSignal(bool)

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._last_error = ""
        self._state: Optional[EngineState] = None
        self.work = BackgroundWork(self)
        self.status_run = AlgorithmRun(self)

        self.state = Notes()
        self.about = wrapped()
        self.primary = QPushButton()
        self.training = QCheckBox(tr("Also for fine-tuning"))
        self.gpu = QCheckBox(tr("Use an NVIDIA graphics card, if any"))
        self.gpu.setChecked(True)
        self.gpu.setToolTip(tr("Takes the larger build for NVIDIA cards where one is found; else nothing changes."))
        for widget in (self.state, self.about, self.training, self.gpu, self.primary):
            self.content.addWidget(widget)
        self.outcome = Notes()
        self.phase = wrapped()
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.cancel = QPushButton(tr("Cancel"))
        for widget in (self.phase, self.progress, self.cancel, self.outcome):
            self.content.addWidget(widget)
        self.content.addWidget(line())
        self.content.addLayout(self._other_buttons())
        self.content.addLayout(self._folder_row())
        self.log_box = QgsCollapsibleGroupBox(tr("Log"))
        self.log_box.setSaveCollapsedState(False)
        self.log_box.setCollapsed(True)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_LOG_LINES)
        self.log.setMinimumHeight(160)
        self.log.setMinimumWidth(100)
        self.log.setAccessibleName(tr("Log"))
        form = QFormLayout(self.log_box)
        form.addRow(self.log)
        self.content.addWidget(self.log_box)
        self.content.addStretch(1)
        self._connect()
        self._show_working(False)

    def refresh(self) -> None:
        """Look at the engine again and say how it stands."""
        before, self._state = self._state, engine_state()
        state = self._state
        weight = Weight.DONE if state.ready else Weight.WARNS
        self.state.show_findings([Finding(weight, state.sentence)])
        self.about.setText(self._about(state))
        self.about.setVisible(bool(self.about.text()))
        made = bool(state.folder)
        self.primary.setText(_PRIMARY[state.readiness]())
        offers_setup = state.readiness in (Readiness.MISSING, Readiness.OUTDATED)
        self.training.setVisible(offers_setup or (state.ready and not state.can_train))
        self.training.setText(
            tr("Also for fine-tuning ({size} more)", size=words.size(1e6 * _extra_mb()))
            if offers_setup
            else tr("Add what fine-tuning needs ({size})", size=words.size(1e6 * _extra_mb()))
        )
        self.gpu.setVisible(offers_setup)
        self._show_primary()
        self.repair.setEnabled(made and not state.own)
        self.remove.setEnabled(made or state.own)
        self.remove.setText(tr("Forget this Python") if state.own else tr("Remove …"))
        self.check.setEnabled(state.ready)
        if before is None or before.ready != state.ready or before.python != state.python:
            self.ready_changed.emit(state.ready)

    def release(self) -> None:
        """Stop what runs."""
        self.work.cancel()
        self.status_run.cancel()

    def use_python(self, path: str) -> None:
        """Try a Python of the user's own, and use it from now on if it can run the engine."""
        environment = child_environment(os.environ, {}, qgis_folders())
        self._start(tr("Trying this Python"), lambda _work: use_existing_python(path, environment))

    def install_bundle(self, folder: str) -> None:
        """Set the engine up from a folder of wheels, without a network."""
        self._set_up(bundle=Path(folder))

    def start_check(self) -> None:
        """Run the engine's self-test."""
        if self.status_run.running or self.work.running:
            return
        self._show_working(True, tr("Checking the engine …"))
        self.progress.setRange(0, 0)
        self.status_run.start(STATUS_ALGORITHM, {"SELFTEST": True})

    def _other_buttons(self) -> QGridLayout:
        self.check = QPushButton(tr("Check"))
        self.check.setToolTip(
            tr("Tries the default model on a small sample, and says whether processor or graphics card computed it.")
        )
        self.existing = QPushButton(tr("Use an existing Python …"))
        self.existing.setToolTip(tr("Use a Python of your own that has the engine's libraries."))
        self.offline = QPushButton(tr("Install from an offline bundle …"))
        self.offline.setToolTip(tr("Install from a folder of packages made on another computer; needs no network."))
        self.repair = QPushButton(tr("Repair"))
        self.repair.setToolTip(tr("Installs the engine anew, with the same parts."))
        self.remove = QPushButton(tr("Remove …"))
        self.remove.setToolTip(tr("Deletes the engine. Models and results stay."))
        self.report = QPushButton(tr("Copy diagnostics"))
        self.report.setToolTip(tr("Copies a report for people who help, without your name and folders."))
        grid = QGridLayout()
        for number, button in enumerate((self.check, self.repair, self.report, self.remove)):
            grid.addWidget(shrinkable(button), number // 2, number % 2)
        for row, button in enumerate((self.existing, self.offline), 2):
            grid.addWidget(shrinkable(button), row, 0, 1, 2)
        return grid

    def _folder_row(self) -> QFormLayout:
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setDialogTitle(tr("Folder for the engine"))
        self.folder.setFilePath(read_setting(ENGINE_HOME))
        self.folder.lineEdit().setPlaceholderText(words.path(engine_home()))
        self.folder.setToolTip(
            tr("Where the engine is kept: outside the plugin, so that updates of the plugin keep it.")
        )
        form = QFormLayout()
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        form.addRow(tr("Keep the engine in"), self.folder)
        return form

    def _connect(self) -> None:
        self.primary.clicked.connect(self._on_primary)
        self.training.toggled.connect(self._show_primary)
        self.cancel.clicked.connect(self._on_cancel)
        self.check.clicked.connect(self.start_check)
        self.existing.clicked.connect(self._ask_python)
        self.offline.clicked.connect(self._ask_bundle)
        self.repair.clicked.connect(self._on_repair)
        self.remove.clicked.connect(self._on_remove)
        self.report.clicked.connect(self._on_report)
        self.folder.fileChanged.connect(self._on_folder)
        self.work.progressed.connect(self._on_progress)
        self.work.logged.connect(self.log.appendPlainText)
        self.work.succeeded.connect(self._on_success)
        self.work.failed.connect(self._on_failure)
        self.work.cancelled.connect(lambda: self._on_end(Weight.TELLS, tr("Cancelled.")))
        self.status_run.said.connect(self.log.appendPlainText)
        self.status_run.warned.connect(self.log.appendPlainText)
        self.status_run.progressed.connect(lambda percent: self._on_progress(percent, ""))
        self.status_run.succeeded.connect(self._on_checked)
        self.status_run.failed.connect(self._on_failure)
        self.status_run.cancelled.connect(lambda: self._on_end(Weight.TELLS, tr("Cancelled.")))

    def _about(self, state: EngineState) -> str:
        if state.readiness is Readiness.MISSING:
            return tr(
                "The engine computes in its own Python, outside QGIS, and changes nothing in QGIS."
                " Set up downloads its parts once; they take up to {size} of disk.",
                size=words.size(1e6 * requirement_set(INFERENCE, gpu=False).disk_mb),
            )
        if state.own:
            return state.python
        return ""

    def _show_primary(self) -> None:
        ready = self._state is not None and self._state.ready
        self.primary.setVisible(not ready or (self.training.isVisibleTo(self) and self.training.isChecked()))
        if ready:
            self.primary.setText(tr("Add"))

    def _on_primary(self) -> None:
        if self._state is not None and self._state.readiness is Readiness.BROKEN:
            if self._state.own:
                self._ask_python()
            else:
                self._on_repair()
        else:
            self._set_up()

    def _set_up(self, bundle: Optional[Path] = None) -> None:
        which = TRAIN if self.training.isChecked() else INFERENCE
        options = SetupOptions(which=which, gpu=self.gpu.isChecked(), bundle=bundle)
        self._start(tr("Setting up the engine"), lambda work: set_up(options, _Listener(work), work.is_cancelled))

    def _on_repair(self) -> None:
        options = SetupOptions(gpu=self.gpu.isChecked())
        self._start(tr("Repairing the engine"), lambda work: repair(options, _Listener(work), work.is_cancelled))

    def _on_remove(self) -> None:
        if self._state is not None and self._state.own:
            forget_existing_python()
            self._on_end(Weight.TELLS, tr("That Python is no longer used; it was not changed."))
            return
        question = tr("Remove the engine? Models and results stay, and it can be set up again any time.")
        buttons = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel
        if QMessageBox.question(self, tr("Remove the engine"), question, buttons) == QMessageBox.StandardButton.Yes:
            self._start(tr("Removing the engine"), lambda work: remove(work.is_cancelled))

    def _on_report(self) -> None:
        error = self._last_error
        log = self.log.toPlainText()
        self._start(tr("Writing the report"), lambda _work: _Report(diagnostics(error, log)))

    def _ask_python(self) -> None:
        path, _filter = QFileDialog.getOpenFileName(self, tr("Choose a Python program (python or python.exe)"))
        if path:
            self.use_python(path)

    def _ask_bundle(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Choose the folder of the offline bundle"))
        if folder:
            self.install_bundle(folder)

    def _on_folder(self, path: str) -> None:
        write_setting(ENGINE_HOME, path.strip() or None)
        self.folder.lineEdit().setPlaceholderText(words.path(engine_home()))
        self.refresh()

    def _start(self, title: str, work: Callable[[BackgroundWork], Any]) -> None:
        if self.work.running or self.status_run.running:
            return
        self._show_working(True, f"{title} …")
        self.progress.setRange(0, 0)
        self.about_to_change.emit()
        self.work.start(title, work)

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.phase.setText(tr("Stopping …"))
        self.work.cancel()
        self.status_run.cancel()

    def _on_progress(self, percent: float, phase: str) -> None:
        if percent > 0:
            self.progress.setRange(0, 100)
            self.progress.setValue(round(percent))
        if phase:
            self.phase.setText(phase)

    def _on_success(self, value: Any) -> None:
        if isinstance(value, _Report):
            QgsApplication.clipboard().setText(value)
            self._on_end(Weight.DONE, tr("The report was copied: paste it into your message."))
        elif isinstance(value, dict):
            self._on_end(Weight.DONE, tr("This Python can run the engine and is used from now on."))
        elif isinstance(value, EngineState):
            self.training.setChecked(False)
            self._on_end(Weight.DONE, tr("Done. Press Check to see it compute."))
        else:
            self._on_end(Weight.TELLS, tr("The engine was removed."))

    def _on_failure(self, reason: str) -> None:
        self._last_error = reason
        self.log.appendPlainText(reason)
        self._on_end(Weight.STOPS, reason)

    def _on_checked(self, results: Any) -> None:
        text = f"{tr('The engine works.')} {results.get('DEVICE') or ''}".strip()
        self.log.appendPlainText(text)
        self._on_end(Weight.DONE, text)

    def _on_end(self, weight: Weight, text: str) -> None:
        self._show_working(False)
        self.refresh()
        self.outcome.show_findings(Finding(weight, part) for part in text.split("\n") if part)

    def _show_working(self, working: bool, phase: str = "") -> None:
        self.phase.setText(phase)
        for widget in (self.phase, self.progress, self.cancel):
            widget.setVisible(working)
        self.cancel.setEnabled(True)
        if working:
            self.outcome.show_findings(())
        for widget in (self.primary, self.training, self.gpu, self.check, self.repair, self.remove,
                       self.existing, self.offline, self.report, self.folder):  # fmt: skip
            widget.setEnabled(not working)


class _Report(str):
    """A diagnostics report, told apart from other answers by its type."""


class _Listener(SetupListener):
    """Passes what a set-up says on to the page."""

    def __init__(self, work: BackgroundWork) -> None:
        self._work = work

    def progress(self, percent: float, phase: str) -> None:
        """The set-up has come further."""
        self._work.report(percent, phase)

    def log(self, line: str) -> None:
        """A line for the log."""
        self._work.log(line)


_PRIMARY = {
    Readiness.MISSING: lambda: tr("Set up"),
    Readiness.OUTDATED: lambda: tr("Update"),
    Readiness.BROKEN: lambda: tr("Repair"),
    Readiness.READY: lambda: tr("Add"),
}


def _extra_mb() -> int:
    return max(0, requirement_set(TRAIN, gpu=False).disk_mb - requirement_set(INFERENCE, gpu=False).disk_mb)
