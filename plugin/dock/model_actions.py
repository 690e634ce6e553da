"""What the Models page does with models: asks what must be asked, works in the background, says how it ended."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, List

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QDialog, QFileDialog, QMessageBox

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.models import ImportModelJob
from ..i18n import tr
from ..layers.results import add_run, result_kinds
from ..paths import SAMPLES
from .logic import library, words
from .logic.background import BackgroundWork
from .logic.checks import Finding, Weight
from .logic.models import BrokenModel, ModelInfo


class ModelActions(QObject):
    """Runs one action at a time; every end is told."""

    working = pyqtSignal(str)
    """An action has begun, in words; empty: none is at work any more."""
    progressed = pyqtSignal(float, str)
    told = pyqtSignal(object)
    """How an action ended: a list of findings."""
    library_changed = pyqtSignal(str)
    """A model was added, of this name, or (empty) removed."""
    about_to_change = pyqtSignal()
    """A model's files are about to be replaced or deleted: whoever has them open lets them go."""

    def __init__(self, iface: Any, parent: Any) -> None:
        super().__init__(parent)
        self._iface = iface
        self._window = parent
        self._then: Callable[[Any], None] = lambda _value: None
        self._download: Any = None
        self.work = BackgroundWork(self)
        self.work.progressed.connect(self.progressed)
        self.work.succeeded.connect(self._on_success)
        self.work.failed.connect(self._on_failure)
        self.work.cancelled.connect(lambda: self._end(Weight.TELLS, tr("Cancelled.")))

    def cancel(self) -> None:
        """Stop what runs."""
        self.work.cancel()
        if self._download is not None:
            self._download.cancel()

    def release(self) -> None:
        """Stop what runs, for good."""
        self.cancel()

    # bring -------------------------------------------------------------------------------------------------------

    def ask_file(self) -> None:
        """Ask for a file and import it."""
        kinds = tr("Models") + " (*.zip *.onnx *.safetensors)"
        path, _kind = QFileDialog.getOpenFileName(self._window, tr("Import a model"), "", kinds)
        if path:
            self.import_path(path)

    def ask_folder(self) -> None:
        """Ask for a model's folder and import it."""
        path = QFileDialog.getExistingDirectory(self._window, tr("Import a model's folder"))
        if path:
            self.import_path(path)

    def import_path(self, path: str) -> None:
        """Import a package's folder or zip, a network or a checkpoint; ask for what a bare network does not say."""
        if not path.lower().endswith(".onnx"):
            self.import_job(ImportModelJob(path))
            return
        self._start(
            tr("Looking at the network"),
            lambda work: library.probe_network(work, path),
            lambda facts: self._on_probed(path, facts),
        )

    def import_job(self, job: ImportModelJob) -> None:
        """Import, asking first before a model of the same name is replaced."""

        def run(work: BackgroundWork) -> Any:
            try:
                return library.import_model(work, job)
            except RidgelineError as fault:
                if fault.code is ErrorCode.OUTPUT_EXISTS and not job.replace:
                    return fault  # a question, not an end
                raise

        if job.replace:
            self.about_to_change.emit()
        self._start(tr("Importing the model"), run, lambda answer: self._on_imported(job, answer))

    def _on_probed(self, path: str, facts: Any) -> None:
        if facts.get("deepness"):
            self.import_job(ImportModelJob(path))
            return
        from .widgets.network_form import NetworkFormDialog

        dialog = NetworkFormDialog(facts, Path(path).name, self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.import_job(ImportModelJob(path, form=dialog.form()))
        else:
            self._end(Weight.TELLS, tr("Nothing was imported."))
        dialog.deleteLater()

    def _on_imported(self, job: ImportModelJob, answer: Any) -> None:
        if isinstance(answer, RidgelineError):
            question = tr("{fault} Replace it?", fault=answer.message)
            if self._agreed(tr("Import a model"), question):
                self.import_job(replace(job, replace=True))
            else:
                self._end(Weight.TELLS, tr("Nothing was imported."))
            return
        name = str(answer.get("name", ""))
        self.library_changed.emit(name)
        self._end(Weight.DONE, tr("“{name}” is in your library now.", name=answer.get("title") or name))

    # download ------------------------------------------------------------------------------------------------------

    def ask_download(self) -> None:
        """Let the user choose a model of the catalogue, or name an address, and bring it."""
        from .widgets.download_dialog import DownloadDialog

        dialog = DownloadDialog(self._window)
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.order is not None:
            self.download(dialog.order)
        dialog.release()
        dialog.deleteLater()

    def download(self, order: Any) -> None:
        """Download a file and import it."""
        from ..net.download import Download, downloads_folder

        self._download = Download(order, downloads_folder(), self)
        self._download.progressed.connect(
            lambda done, total: self.progressed.emit(
                100 * done / total if total else 0.0,
                tr("Downloading: {done} of {total}", done=words.size(done), total=words.size(total))
                if total
                else tr("Downloading: {done}", done=words.size(done)),
            )
        )
        self._download.succeeded.connect(self._on_downloaded)
        self._download.failed.connect(self._on_download_failed)
        self.working.emit(tr("Downloading …"))
        self._download.start()

    def _on_downloaded(self, path: str) -> None:
        order, self._download = self._download.order, None
        if path.lower().endswith(".onnx"):
            self.import_path(path)
        else:
            self.import_job(ImportModelJob(path, sha256=order.sha256 or None))

    def _on_download_failed(self, fault: RidgelineError) -> None:
        self._download = None
        weight = Weight.TELLS if fault.code is ErrorCode.CANCELLED else Weight.STOPS
        self._end(weight, fault.message, fault.hint)

    # the rest --------------------------------------------------------------------------------------------------------

    def ask_export(self, model: Any) -> None:
        """Ask where to, and write the model as a zip."""
        if not isinstance(model, ModelInfo):
            return
        start = str(Path.home() / f"{model.name}-{model.version}.zip")
        path, _kind = QFileDialog.getSaveFileName(self._window, tr("Export as zip"), start, "zip (*.zip)")
        if path:
            self.export_to(model, path if path.lower().endswith(".zip") else f"{path}.zip")

    def export_to(self, model: ModelInfo, path: str) -> None:
        """Write the model as a zip."""
        self._start(
            tr("Writing the zip"),
            lambda work: library.export_model(work, model.name, path),
            lambda written: self._end(Weight.DONE, tr("Written: {path}", path=written)),
        )

    def ask_remove(self, model: Any) -> None:
        """Ask, and remove the model from the user's library."""
        name, label = name_of(model)
        question = tr("Delete “{name}” from your library? Results made with it stay.", name=label)
        if name and self._agreed(tr("Remove a model"), question):
            self.remove(name, label)

    def remove(self, name: str, label: str) -> None:
        """Remove the model from the user's library."""

        def done(_path: Any) -> None:
            self.library_changed.emit("")
            self._end(Weight.TELLS, tr("“{name}” was removed.", name=label))

        self.about_to_change.emit()
        self._start(tr("Removing the model"), lambda work: library.remove_model(work, name), done)

    def verify(self, model: Any) -> None:
        """Check a model and say what is wrong with it."""
        name, label = name_of(model)

        def done(faults: List[str]) -> None:
            if faults:
                self._finish([Finding(Weight.STOPS, fault) for fault in faults])
            else:
                self._end(Weight.DONE, tr("“{name}” is in order: files, hashes, fields, and it runs.", name=label))

        if name:
            self._start(tr("Checking the model"), lambda work: library.verify_model(work, name), done)

    def try_on_sample(self, model: Any) -> None:
        """Run a model over the sample area and show what it gives."""
        if isinstance(model, ModelInfo):
            self._start(
                tr("Running the model on the sample"),
                lambda work: library.try_model(work, model.name),
                lambda answer: self._on_tried(model, answer),
            )

    def _on_tried(self, model: ModelInfo, answer: Any) -> None:
        outputs, summary = answer["outputs"], answer["summary"]
        added = add_run(outputs, tr("Sample area: {model}", model=model.label))
        group = QgsProject.instance().layerTreeRoot().findGroup(added.group)
        layers = list(added.layers.values())
        known = {kind.name for kind in result_kinds()}
        others = [(key, path) for key, path in sorted(outputs.items()) if key not in known and path.endswith(".tif")]
        for name, path in [*others, (tr("Sample picture"), str(next(SAMPLES.glob("*_rgb.tif"), "")))]:
            layer = QgsRasterLayer(path, name)
            if layer.isValid():
                QgsProject.instance().addMapLayer(layer, False)
                group.addLayer(layer)
                layers.append(layer)
        if layers:
            self._zoom_to(layers[-1])
        texts = [tr("Done: the results lie on the map as “{group}”.", group=added.group)]
        if isinstance(summary.get("buildings"), int):
            texts.append(
                tr("{n} buildings in {time}.", n=summary["buildings"], time=words.duration(summary["seconds"]))
            )
        self._end(Weight.DONE, *texts)

    def _zoom_to(self, layer: Any) -> None:
        canvas = self._iface.mapCanvas()
        canvas.setExtent(canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent()))
        canvas.refresh()

    # background ------------------------------------------------------------------------------------------------------

    def _start(self, title: str, work: Callable[[BackgroundWork], Any], then: Callable[[Any], None]) -> None:
        if self.work.running:
            return
        self._then = then
        self.working.emit(f"{title} …")
        self.work.start(title, work)

    def _on_success(self, value: Any) -> None:
        self._then(value)

    def _on_failure(self, reason: str) -> None:
        self._finish([Finding(Weight.STOPS, line) for line in reason.split("\n") if line])

    def _end(self, weight: Weight, *texts: str) -> None:
        self._finish([Finding(weight, text) for text in texts if text])

    def _finish(self, findings: "List[Finding]") -> None:
        self.working.emit("")
        self.told.emit(findings)

    def _agreed(self, title: str, question: str) -> bool:
        box = QMessageBox(self._window)
        box.setWindowTitle(title)
        box.setTextFormat(Qt.TextFormat.PlainText)  # names come from models
        box.setText(question)
        box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel)
        return bool(box.exec() == QMessageBox.StandardButton.Yes)


def name_of(model: Any) -> "tuple[str, str]":
    """Return a model's name for the engine, and the one for people."""
    if isinstance(model, ModelInfo):
        return model.name, model.label
    return (model.folder.name, model.folder.name) if isinstance(model, BrokenModel) else ("", "")
