"""The Models page: what each model is for, its classes with colours, pixel sizes, inputs, licence and origin."""

import html
from typing import Any, List, Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QListWidget, QListWidgetItem, QPushButton, QWidget

from ..i18n import tr
from .logic import words
from .logic.models import BrokenModel, ModelInfo, find_models, model_shelves
from .widgets.notes import wrapped
from .widgets.page import Page

_ROWS = 6
"""The list shows so many models at once."""


class ModelsPage(Page):
    """A list of models, and all that is known of the one that is marked."""

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
        self.use = QPushButton(tr("Use this model"))
        self.use.setToolTip(tr("Chooses it on the Segment page."))
        for widget in (self.empty, self.list, self.card):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        self.footer.addWidget(self.use)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemDoubleClicked.connect(lambda _item: self._on_use())
        self.use.clicked.connect(self._on_use)
        self.reload()

    def reload(self) -> None:
        """Look at the shelves again."""
        marked = self.list.currentItem().data(Qt.ItemDataRole.UserRole) if self.list.currentItem() else None
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

    def _add(self, text: str, data: Any, tip: str) -> None:
        item = QListWidgetItem(text)
        item.setData(Qt.ItemDataRole.UserRole, data)
        item.setToolTip(html.escape(tip))
        self.list.addItem(item)

    def _marked(self) -> Any:
        item = self.list.currentItem()
        data = item.data(Qt.ItemDataRole.UserRole) if item else None
        if isinstance(data, str):
            return next((model for model in self._models if model.name == data), None)
        return data

    def _on_row(self, _row: int) -> None:
        marked = self._marked()
        self.use.setEnabled(isinstance(marked, ModelInfo))
        if isinstance(marked, ModelInfo):
            self.card.setText(card_html(marked))
        elif isinstance(marked, BrokenModel):
            self.card.setText(html.escape(tr("This model cannot be used: {why}", why=marked.reason)))
        else:
            self.card.setText("")

    def _on_use(self) -> None:
        marked = self._marked()
        if isinstance(marked, ModelInfo):
            self.chosen.emit(marked.name)


def card_html(model: ModelInfo) -> str:
    """Return what is known of a model; every text from the model is escaped."""
    names = {"rgb": tr("RGB"), "dsm": tr("DSM")}
    inputs = tr(" or ").join(
        " + ".join(names.get(kind, kind) for kind in sorted(kinds, reverse=True)) for kinds in model.input_sets
    )
    rows = [
        (tr("Version"), model.version),
        (tr("Works with"), inputs or tr("nothing that this plugin can feed it")),
        (
            tr("Pixel size"),
            tr(
                "{trained} ({low} to {high})",
                trained=words.metres_per_pixel(model.gsd_trained),
                low=words.metres_per_pixel(model.gsd_min),
                high=words.metres_per_pixel(model.gsd_max),
            ),
        ),
        (tr("Size"), words.size(model.size_bytes)),
        (tr("Licence"), model.licence),
        (tr("From"), model.source),
        (tr("Fine-tuning"), tr("possible") if model.trainable else tr("not possible")),
    ]
    parts = [f"<h3>{html.escape(model.label)}</h3><p>{html.escape(model.description)}</p>"]
    parts.append("<table cellpadding='2'>")
    parts += [
        f"<tr><td><b>{html.escape(name)}</b></td><td>{html.escape(text)}</td></tr>" for name, text in rows if text
    ]
    parts.append("</table>")
    titles = {"land_cover": tr("Land cover"), "roof_class": tr("Roof classes")}
    for role, classes in model.classes.items():
        parts.append(f"<p><b>{html.escape(titles.get(role, role))}</b><br>")
        parts += [f"{_square(item.colour)} {html.escape(item.name.replace('_', ' '))}<br>" for item in classes]
        parts.append("</p>")
    return "".join(parts)


def _square(colour: str) -> str:
    """A square of that colour; an empty one where it would not show on a white page."""
    if colour.lower() in ("#ffffff", "#fff", "white"):
        return "□"
    return f"<span style='color:{html.escape(colour)}'>■</span>"
