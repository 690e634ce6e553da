"""The Models page: what each model is for, and all that can be done with models."""

import html
from typing import Any, List, Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QGridLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from ...engine.jobs.places import user_models
from ..i18n import tr
from .logic.model_card import card_html, is_own
from .logic.models import BrokenModel, ModelInfo, find_models, model_shelves
from .model_actions import ModelActions
from .widgets.notes import Notes, wrapped
from .widgets.page import Page, shrinkable

_ROWS = 6
"""The list shows so many models at once."""


class ModelsPage(Page):
    """A list of models, all that is known of the one that is marked, and what can be done with it."""

    changed = pyqtSignal()
    """Models were added or removed."""
    chosen = pyqtSignal(str)
    """The user wants to work with the model of this name."""

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._models: List[ModelInfo] = []
        self.list = QListWidget()
        self.list.setMinimumWidth(100)
        self.list.setAccessibleName(tr("Models"))
        self.empty = wrapped(
            tr("There is no model yet. The plugin normally brings one; install it again, or import a model.")
        )
        self.card = wrapped(rich=True)
        self.phase = wrapped()
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.cancel = QPushButton(tr("Cancel"))
        self.outcome = Notes()
        self.use = QPushButton(tr("Use this model"))
        self.use.setToolTip(tr("Chooses it on the Segment page."))
        self.content.addWidget(self.empty)
        self.content.addWidget(self.list)
        self.content.addLayout(self._buttons())
        for widget in (self.phase, self.progress, self.cancel, self.outcome, self.card):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        self.footer.addWidget(self.use)
        self.model_actions = ModelActions(iface, self)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemDoubleClicked.connect(lambda _item: self._on_use())
        self.use.clicked.connect(self._on_use)
        self._connect()
        self._show_working("")
        self.reload()

    @property
    def work(self) -> Any:
        """What runs in the background for this page."""
        return self.model_actions.work

    def reload(self, mark: str = "") -> None:
        """Look at the shelves again, and mark the model of that name."""
        marked = mark or (self.list.currentItem().data(Qt.ItemDataRole.UserRole) if self.list.currentItem() else None)
        self._models, broken = find_models(model_shelves())
        self.list.blockSignals(True)
        self.list.clear()
        for model in self._models:
            self._add(model.label, model.name, model.description)
        for item in broken:
            self._add(tr("{name} (damaged)", name=item.folder.name), item, item.reason)
        self.list.blockSignals(False)
        rows = [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]
        self.list.setCurrentRow(rows.index(marked) if marked in rows else 0)
        self._on_row(self.list.currentRow())
        has_any = self.list.count() > 0
        rows_height = self.list.sizeHintForRow(0) * min(max(self.list.count(), 2), _ROWS)
        self.list.setFixedHeight(rows_height + 2 * self.list.frameWidth() + 4)
        self.empty.setVisible(not has_any)
        self.list.setVisible(has_any)
        self.changed.emit()

    def release(self) -> None:
        """Stop what runs."""
        self.model_actions.release()

    @property
    def marked(self) -> Any:
        """The marked ModelInfo or BrokenModel, None without one."""
        item = self.list.currentItem()
        data = item.data(Qt.ItemDataRole.UserRole) if item else None
        if isinstance(data, str):
            return next((model for model in self._models if model.name == data), None)
        return data

    def _buttons(self) -> QGridLayout:
        self.bring = QPushButton(tr("Import"))
        self.bring.setToolTip(tr("Bring a model into your library: a file, a folder, or a download."))
        menu = QMenu(self.bring)
        self.from_file = menu.addAction(tr("A file (zip, ONNX) …"))
        self.from_folder = menu.addAction(tr("A model's folder …"))
        self.from_web = menu.addAction(tr("Download …"))
        self.bring.setMenu(menu)
        self.export = QPushButton(tr("Export as zip …"))
        self.export.setToolTip(tr("Write the model as one file, to share it."))
        self.verify = QPushButton(tr("Verify"))
        self.verify.setToolTip(tr("Checks files, hashes and fields, and runs the model on a tile."))
        self.remove = QPushButton(tr("Remove …"))
        self.sample = QPushButton(tr("Try on the sample"))
        self.sample.setToolTip(tr("Runs the model on the sample area and shows the results on the map."))
        grid = QGridLayout()
        for number, button in enumerate((self.bring, self.export, self.verify, self.remove)):
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            grid.addWidget(shrinkable(button), number // 2, number % 2)
        grid.addWidget(shrinkable(self.sample), 2, 0, 1, 2)
        return grid

    def _connect(self) -> None:
        actions = self.model_actions
        self.from_file.triggered.connect(lambda _checked=False: actions.ask_file())
        self.from_folder.triggered.connect(lambda _checked=False: actions.ask_folder())
        self.from_web.triggered.connect(lambda _checked=False: actions.ask_download())
        self.export.clicked.connect(lambda: actions.ask_export(self.marked))
        self.verify.clicked.connect(lambda: actions.verify(self.marked))
        self.remove.clicked.connect(lambda: actions.ask_remove(self.marked))
        self.sample.clicked.connect(lambda: actions.try_on_sample(self.marked))
        self.cancel.clicked.connect(self._on_cancel)
        actions.working.connect(self._show_working)
        actions.progressed.connect(self._on_progress)
        actions.told.connect(self._on_told)
        actions.library_changed.connect(self.reload)

    def _add(self, text: str, data: Any, tip: str) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, data)
        item.setToolTip(f"<p>{html.escape(tip)}</p>" if tip else "")  # a paragraph: wrapped, and read as markup
        self.list.addItem(item)

    def _on_row(self, _row: int) -> None:
        marked = self.marked
        if isinstance(marked, ModelInfo):
            self.card.setText(card_html(marked))
        elif isinstance(marked, BrokenModel):
            self.card.setText(html.escape(tr("This model cannot be used: {why}", why=marked.reason)))
        else:
            self.card.setText("")
        self._enable()

    def _enable(self) -> None:
        marked, busy = self.marked, self.cancel.isVisibleTo(self)
        whole = isinstance(marked, ModelInfo)
        own = is_own(marked) if whole else isinstance(marked, BrokenModel) and marked.folder.parent == user_models()
        self.use.setEnabled(whole)
        self.bring.setEnabled(not busy)
        for button in (self.export, self.sample):
            button.setEnabled(whole and not busy)
        self.verify.setEnabled(marked is not None and not busy)
        self.remove.setEnabled(own and not busy)
        self.remove.setToolTip(
            tr("Deletes the model from your library.") if own else tr("Models that come with the plugin stay.")
        )

    def _show_working(self, phase: str) -> None:
        """Show what is being done; nothing is, if ``phase`` is empty."""
        self.phase.setText(phase)
        for widget in (self.phase, self.progress, self.cancel):
            widget.setVisible(bool(phase))
        self.progress.setRange(0, 0)
        self.cancel.setEnabled(True)
        if phase:
            self.outcome.show_findings(())
        self._enable()

    def _on_progress(self, percent: float, phase: str) -> None:
        if percent > 0:
            self.progress.setRange(0, 100)
            self.progress.setValue(round(percent))
        if phase:
            self.phase.setText(phase)

    def _on_told(self, findings: Any) -> None:
        self.outcome.show_findings(findings)
        self.scroll.ensureWidgetVisible(self.outcome)

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.phase.setText(tr("Stopping …"))
        self.model_actions.cancel()

    def _on_use(self) -> None:
        marked = self.marked
        if isinstance(marked, ModelInfo):
            self.chosen.emit(marked.name)
