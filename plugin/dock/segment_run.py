"""The runs of the Segment page: start, cancel, resume, and what becomes of the results."""

import shutil
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Optional

from qgis.core import Qgis, QgsMessageLog, QgsProcessingUtils, QgsProject
from qgis.PyQt.QtCore import QObject

from ..i18n import tr
from ..layers.results import add_run, read_run, store_style
from ..layers.summary import summary_lines
from .logic import pending
from .logic.checks import Weight
from .logic.job import ALGORITHM, segment_parameters
from .logic.run import LOG_TAG, AlgorithmRun
from .logic.speed import key_of, remember

KEPT_AFTER_S = 60.0
"""A cancelled run that worked for less leaves nothing; one that worked for longer can be resumed or discarded."""


@dataclass(frozen=True)
class Started:
    """What is known of a run since its start."""

    parameters: Dict[str, Any]
    """As plain values: layers that went with their project are found again by their source."""
    folder: Path
    title: str
    speed_key: str
    work: float
    began: float


class SegmentRun(QObject):
    """Runs ``ridgeline:segment`` for the page, one at a time."""

    def __init__(self, iface: Any, panel: Any, summary: Any, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._panel = panel
        self._summary = summary
        self._now: Optional[Started] = None
        self._stopped: Optional[Started] = None
        self._warnings: List[str] = []
        self._first_progress = 0.0
        self._project_left = False
        self._lock: Any = None
        self._parameters: Dict[str, Any] = {}
        self.algorithm = AlgorithmRun(self)
        self.algorithm.progressed.connect(self._on_progress)
        self.algorithm.said.connect(panel.say)
        self.algorithm.warned.connect(self._on_warning)
        self.algorithm.succeeded.connect(self._on_success)
        self.algorithm.failed.connect(self._on_failure)
        self.algorithm.cancelled.connect(self._on_cancelled)
        panel.cancel_asked.connect(self.cancel)
        panel.resume_asked.connect(self.resume)
        panel.discard_asked.connect(self.discard)
        QgsProject.instance().cleared.connect(self._on_project_left)
        self._offer_interrupted()

    @property
    def running(self) -> bool:
        """Whether a run is at work."""
        return self.algorithm.running

    def start(self, page: Any) -> None:
        """Start a run with what the page holds."""
        if self.running:
            return
        page.refresh()
        if page.forecast is None:
            return
        page.remember()
        self._drop_stopped()
        inputs = page.inputs()
        now = datetime.now()
        base = page.advanced.folder.filePath().strip()
        root = Path(base) if base else Path(QgsProcessingUtils.tempFolder())
        folder = _free_folder(root / f"ridgeline_{now:%Y-%m-%d_%H%M%S}")
        self._launch(
            Started(
                parameters=pending.plain_parameters(segment_parameters(page, folder)),
                folder=folder,
                title=tr("{model}, {time}", model=inputs.model.label, time=f"{now:%Y-%m-%d %H:%M}"),
                speed_key=key_of(inputs.model.name, "+".join(sorted(inputs.kinds)), page.advanced.device.currentData()),
                work=page.forecast.work,
                began=time.monotonic(),
            )
        )

    def resume(self) -> None:
        """Run the stopped job again: the engine goes on where it was."""
        stopped, self._stopped = self._stopped, None
        if stopped is not None and not self.running:
            self._launch(replace(stopped, speed_key="", began=time.monotonic()))

    def discard(self) -> None:
        """Delete what the stopped run has left."""
        self._drop_stopped()
        self._panel.outcome.show_findings(())
        self._panel.show_idle()

    def cancel(self) -> None:
        """Stop the run."""
        if self.running:
            self._panel.show_stopping()
            self.algorithm.cancel()

    def release(self) -> None:
        """Stop the run, if any, and let go of the project."""
        QgsProject.instance().cleared.disconnect(self._on_project_left)
        self.algorithm.cancel()
        self._take_now()  # the run stays noted: it can be resumed when the plugin is back

    def _launch(self, started: Started) -> None:
        self._warnings, self._first_progress, self._project_left = [], 0.0, False
        self._summary.clear()
        try:
            started.folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            reason = tr("Nothing can be written to {folder} ({why}).", folder=started.folder, why=fault.strerror)
            self._panel.show_outcome(Weight.STOPS, reason, tr("Choose another folder under Advanced."))
            return
        lock = pending.folder_lock(started.folder)
        if not lock.tryLock(0):
            self._panel.show_outcome(Weight.STOPS, tr("Another QGIS window is at work on this run."))
            return
        self._now, self._lock = started, lock
        pending.note(pending.Pending(started.folder, started.title, started.parameters))
        self._panel.show_running()
        self._parameters = pending.live_parameters(started.parameters)  # layers live as long as Python holds them
        self.algorithm.start(ALGORITHM, self._parameters)

    def _take_now(self) -> Optional[Started]:
        """Return what has just ended, and give its folder free."""
        started, self._now = self._now, None
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.unlock()
        return started

    def _offer_interrupted(self) -> None:
        """Offer to go on with a run that ended with its QGIS."""
        found = pending.interrupted()
        if found is None:
            return
        self._stopped = Started(found.parameters, found.folder, found.title, "", 0, 0.0)
        text = tr("A run was interrupted ({title}). Resume goes on where it stopped.", title=found.title)
        self._panel.show_outcome(Weight.TELLS, text)
        self._panel.show_idle(resume=True)

    def _on_progress(self, percent: float) -> None:
        if not self._first_progress and percent > 0:
            self._first_progress = time.monotonic()
        self._panel.show_progress(percent)

    def _on_warning(self, text: str) -> None:
        if text and text not in self._warnings:
            self._warnings.append(text)

    def _on_success(self, results: Dict[str, Any]) -> None:
        started = self._take_now()
        if started is None:
            return
        pending.forget(started.folder)
        ended = time.monotonic()
        if started.speed_key and self._first_progress:
            remember(started.speed_key, started.work, ended - self._first_progress, ended - started.began)
        outputs = {name.lower(): str(path) for name, path in results.items() if isinstance(path, str)}
        record = Path(results.get("RUN_JSON") or started.folder / "run.json")
        if self._project_left:
            text = tr("The run is finished, but its project was closed. The results are in {folder}.")
            self._panel.show_outcome(Weight.TELLS, text.format(folder=started.folder))
            self._panel.show_idle(again=False)
            return
        added = add_run(outputs, started.title)
        buildings = added.layers.get("buildings")
        if buildings is not None:
            store_style(buildings)
        lines = summary_lines(read_run(record), added.layers, ended - started.began)
        self._summary.show_run(lines, record if record.is_file() else None)
        self._panel.show_outcome(Weight.WARNS, *self._warnings)
        self._panel.show_idle(again=True)
        self._iface.mapCanvas().refresh()

    def _on_failure(self, reason: str) -> None:
        self._stopped = self._take_now()
        QgsMessageLog.logMessage(reason, LOG_TAG, Qgis.MessageLevel.Critical)
        self._panel.show_outcome(Weight.STOPS, *reason.split("\n"))
        self._panel.show_idle(resume=_has_content(self._stopped))
        if not _has_content(self._stopped):
            self._drop_stopped()

    def _on_cancelled(self) -> None:
        stopped = self._take_now()
        if stopped is not None and time.monotonic() - stopped.began >= KEPT_AFTER_S and _has_content(stopped):
            self._stopped = stopped
            self._panel.show_outcome(Weight.TELLS, tr("Cancelled. What was finished is kept, so you can resume."))
            self._panel.show_idle(resume=True)
            return
        self._stopped = stopped
        self._drop_stopped()
        self._panel.show_outcome(Weight.TELLS, tr("Cancelled. Nothing was kept."))
        self._panel.show_idle()

    def _on_project_left(self) -> None:
        self._project_left = True

    def _drop_stopped(self) -> None:
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            pending.forget(stopped.folder)
            shutil.rmtree(stopped.folder, ignore_errors=True)


def _free_folder(folder: Path) -> Path:
    """Return ``folder``, or the first of its name with a number that does not exist."""
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}_{number}"), number + 1
    return candidate


def _has_content(started: Optional[Started]) -> bool:
    """Whether a run has left anything to go on with."""
    return started is not None and started.folder.is_dir() and any(started.folder.iterdir())
