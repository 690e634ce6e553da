"""The checks and trainings of the Fine-tune page: start, watch, stop, discard, go on, and what becomes of them."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from qgis.core import Qgis, QgsMessageLog, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...engine.jobs.places import user_models
from ..i18n import tr
from ..layers.split import style_split
from .logic.checks import Finding, Weight
from .logic.lesson import ALGORITHM, check_findings, lesson_parameters, model_folder, result_findings
from .logic.pending import folder_lock
from .logic.run import LOG_TAG, AlgorithmRun

BEGUN = "fine-tuning.json"
"""In the folder of a model that is not finished: the parameters of its training, so that it can go on."""
SPLIT_PROPERTY = "ridgeline/split"


class FinetuneRun(QObject):
    """Runs ``ridgeline:finetune`` for the page, one at a time."""

    model_made = pyqtSignal(str)
    """A new model of this name is on the shelf."""

    def __init__(self, panel: Any, view: Any, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._panel, self._view = panel, view
        self._folder: Optional[Path] = None
        self._name = ""
        self._checking = False
        self._lock: Any = None
        self._warnings: List[str] = []
        self.algorithm = AlgorithmRun(self)
        self.algorithm.progressed.connect(panel.show_progress)
        self.algorithm.said.connect(panel.say)
        self.algorithm.warned.connect(self._on_warning)
        self.algorithm.told.connect(view.tell)
        self.algorithm.succeeded.connect(self._on_success)
        self.algorithm.failed.connect(self._on_failure)
        self.algorithm.cancelled.connect(self._on_cancelled)
        panel.finish_asked.connect(self.finish)
        panel.cancel_asked.connect(self.cancel)
        panel.resume_asked.connect(self.resume)
        panel.discard_asked.connect(self.discard)
        self.offer_interrupted()

    @property
    def running(self) -> bool:
        """Whether a check or a training is at work."""
        return self.algorithm.running

    def check(self, page: Any) -> None:
        """Check the labels of the page and show their split on the map."""
        if not self.running:
            folder = Path(tempfile.mkdtemp(prefix="ridgeline-check-"))
            self._launch(folder, page.name.text().strip(), lesson_parameters(page, folder, True), True)

    def start(self, page: Any) -> None:
        """Start a training with what the page holds."""
        if not self.running:
            name = page.name.text().strip()
            folder = model_folder(name)
            self._launch(folder, name, lesson_parameters(page, folder, False), False)

    def resume(self) -> None:
        """Go on with the training that was broken off."""
        begun = self._begun()
        if begun is not None and not self.running:
            self._launch(begun, str(self._parameters(begun).get("NAME", "")), self._parameters(begun), False)

    def discard(self) -> None:
        """Delete what a training that was broken off has left."""
        begun = self._begun()
        if begun is not None and not self.running:
            shutil.rmtree(begun, ignore_errors=True)
        self._panel.outcome.show_findings(())
        self.offer_interrupted()

    def finish(self) -> None:
        """End the training with the best model that there is by now."""
        if self.running:
            self._panel.show_finishing()
            self.algorithm.finish()

    def cancel(self) -> None:
        """End the training and keep nothing."""
        if self.running:
            self._panel.show_stopping()
            self.algorithm.cancel()

    def release(self) -> None:
        """Stop what runs; a training can go on when the plugin is back."""
        self.algorithm.cancelled.disconnect(self._on_cancelled)
        self.algorithm.cancel()
        self._unlock()

    def offer_interrupted(self, why: Sequence[Finding] = ()) -> None:
        """Show the idle panel, with *Resume* where a training was broken off, and why it was."""
        begun = self._begun()
        self._panel.show_idle(resume=begun is not None)
        findings = list(why)
        if begun is not None:
            name = self._parameters(begun).get("NAME", begun.name)
            text = tr("The training of “{name}” was broken off. Resume goes on from its last validation.", name=name)
            findings.append(Finding(Weight.TELLS, text))
        if findings:
            self._panel.show_findings(findings)

    def _launch(self, folder: Path, name: str, parameters: Dict[str, Any], checking: bool) -> None:
        self._folder, self._name, self._checking, self._warnings = folder, name, checking, []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not checking:
                (folder / BEGUN).write_text(json.dumps(parameters), encoding="utf-8")
        except OSError as fault:
            text = tr("Nothing can be written to {folder} ({why}).", folder=folder, why=fault.strerror)
            self._panel.show_findings([Finding(Weight.STOPS, text)])
            return
        lock = folder_lock(folder)
        if not lock.tryLock(0):
            self._panel.show_findings([Finding(Weight.STOPS, tr("Another QGIS window is training this model."))])
            return
        self._lock = lock
        self._view.clear()
        self._panel.show_running(training=not checking)
        self.algorithm.start(ALGORITHM, parameters)

    def _on_warning(self, text: str) -> None:
        if text and text not in self._warnings:
            self._warnings.append(text)

    def _on_success(self, results: Dict[str, Any]) -> None:
        self._unlock()
        summary = json.loads(results.get("SUMMARY") or "{}")
        self._panel.show_idle()
        if self._checking:
            show_split(str(results.get("SPLIT", "")))
            self._panel.show_findings(_merged(self._warnings, check_findings(summary)))
            return
        if self._folder is not None:
            (self._folder / BEGUN).unlink(missing_ok=True)
        self._panel.show_findings(result_findings(summary, self._name))
        if self._folder is not None:
            self.model_made.emit(self._folder.name)

    def _on_failure(self, reason: str) -> None:
        self._unlock()
        QgsMessageLog.logMessage(reason, LOG_TAG, Qgis.MessageLevel.Critical)
        folder = self._folder
        if folder is not None and (self._checking or not _can_go_on(folder)):
            _remove_unfinished(folder)
        self.offer_interrupted([Finding(Weight.STOPS, line) for line in reason.split("\n") if line])

    def _on_cancelled(self) -> None:
        self._unlock()
        if self._folder is not None:
            _remove_unfinished(self._folder)
        self._view.clear()
        self._panel.show_idle()
        self._panel.show_findings([Finding(Weight.TELLS, tr("Cancelled. Nothing was kept."))])

    def _begun(self) -> Optional[Path]:
        """Return the folder of the newest training that was broken off and that no window works on."""
        shelf = user_models()
        found = sorted(shelf.glob(f"*/{BEGUN}"), key=lambda path: path.stat().st_mtime) if shelf.is_dir() else []
        for path in reversed(found):
            folder = path.parent
            if (folder / "model.json").exists() or not self._parameters(folder):
                continue
            lock = folder_lock(folder)
            if lock.tryLock(0):
                lock.unlock()
                return folder
        return None

    @staticmethod
    def _parameters(folder: Path) -> Dict[str, Any]:
        try:
            data = json.loads((folder / BEGUN).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.unlock()


def show_split(path: str) -> Optional[Any]:
    """Show which polygons teach and which validate, as a temporary layer that takes the place of the last one."""
    project = QgsProject.instance()
    old = [layer.id() for layer in project.mapLayers().values() if layer.customProperty(SPLIT_PROPERTY)]
    project.removeMapLayers(old)
    if not path or not Path(path).is_file():
        return None
    layer = QgsVectorLayer(path, tr("Training and validation (check)"), "ogr")
    if not layer.isValid():
        return None
    style_split(layer)
    layer.setCustomProperty(SPLIT_PROPERTY, True)
    project.addMapLayer(layer)
    return layer


def _merged(warnings: List[str], findings: List[Finding]) -> List[Finding]:
    """The findings, and before them what else the engine has warned of."""
    told = {finding.text for finding in findings}
    return [Finding(Weight.WARNS, text) for text in warnings if text not in told] + findings


def _can_go_on(folder: Path) -> bool:
    return any(folder.glob(".training/*/state.pt"))


def _remove_unfinished(folder: Path) -> None:
    """Delete a folder in which no model was finished."""
    if not (folder / "model.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
