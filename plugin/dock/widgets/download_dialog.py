"""Choose a model of the catalogue, or name an address; its size and licence come before the download."""

from typing import Any, List, Optional

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ....engine.jobs.catalogue import Catalogue, CatalogueEntry
from ...i18n import tr
from ...net.catalogue import CatalogueFetch, catalogue_url, order_of
from ...net.download import Order
from ...net.size import SizeQuestion
from ...settings import CATALOGUE_URL, read_setting, write_setting
from ..logic import words
from .notes import wrapped


class DownloadDialog(QDialog):
    """Accepted with ``order`` set only when size and licence were shown and the licence was agreed to."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.order: Optional[Order] = None
        self.setWindowTitle(tr("Download a model"))
        self.setMinimumWidth(420)
        self._entries: List[CatalogueEntry] = []
        self._fetch: Any = None
        self._question: Any = None
        self._size = 0
        self._looked = False
        self.source = QLineEdit(read_setting(CATALOGUE_URL))
        self.source.setPlaceholderText(tr("the plugin's own catalogue"))
        self.source.setToolTip(tr("Address of a catalogue: a JSON file. Empty: the one that comes with the plugin."))
        self.status = wrapped()
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Models of the catalogue"))
        self.url = QLineEdit()
        self.url.setPlaceholderText("https://…/model.zip")
        self.url.setToolTip(tr("Address of a model's zip or of an ONNX file, in place of one of the catalogue."))
        self.sha256 = QLineEdit()
        self.sha256.setPlaceholderText(tr("if you know it"))
        self.about = wrapped()
        self.look = QPushButton(tr("Show its size"))
        self.agree = QCheckBox()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText(tr("Download"))
        form = QFormLayout()
        form.addRow(tr("Catalogue"), self.source)
        by_address = QFormLayout()
        by_address.addRow(tr("Or an address"), self.url)
        by_address.addRow(tr("Its SHA-256"), self.sha256)
        rows = QVBoxLayout(self)
        rows.addLayout(form)
        rows.addWidget(self.status)
        rows.addWidget(self.list)
        rows.addLayout(by_address)
        for widget in (self.look, self.about, self.agree, self.buttons):
            rows.addWidget(widget)
        self.source.editingFinished.connect(self._on_source)
        self.list.currentRowChanged.connect(lambda _row: self._show())
        self.url.textChanged.connect(self._on_url)
        self.sha256.textChanged.connect(lambda _text: self._enable())
        self.look.clicked.connect(self.ask_size)
        self.agree.toggled.connect(lambda _on: self._enable())
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)
        self._show()
        self.reload()

    def release(self) -> None:
        """Stop what is being fetched."""
        for item in (self._fetch, self._question):
            if item is not None:
                item.stop()
        self._fetch = self._question = None

    def reload(self) -> None:
        """Fetch the catalogue anew."""
        if self._fetch is not None:
            self._fetch.stop()
        self.list.clear()
        self._entries = []
        self._say(tr("Reading the catalogue …"))
        self._fetch = CatalogueFetch(catalogue_url(), self)
        self._fetch.succeeded.connect(self._on_catalogue)
        self._fetch.failed.connect(lambda fault: self._say(f"{fault.message} {fault.hint}"))
        self._fetch.start()

    def ask_size(self) -> None:
        """Ask the server how large the file at the address is."""
        self._question = SizeQuestion(self.url.text().strip(), self)
        self._question.answered.connect(self._on_size)
        self.about.setText(tr("Asking the server …"))
        self._question.start()

    @property
    def entry(self) -> Optional[CatalogueEntry]:
        """The marked entry of the catalogue, None while an address is given in its place."""
        row = self.list.currentRow()
        return None if self.url.text().strip() or not 0 <= row < len(self._entries) else self._entries[row]

    def _say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _on_source(self) -> None:
        text = self.source.text().strip()
        if text != read_setting(CATALOGUE_URL):
            write_setting(CATALOGUE_URL, text or None)
            self.reload()

    def _on_catalogue(self, catalogue: Catalogue) -> None:
        self._entries = list(catalogue.models)
        self._say("" if self._entries else tr("The catalogue offers no model yet."))
        for entry in self._entries:
            self.list.addItem(f"{entry.title} {entry.version} ({words.size(entry.size_bytes)})")
        if self._entries:
            self.list.setCurrentRow(0)

    def _on_url(self, _text: str) -> None:
        self._size = 0
        self._show()

    def _on_size(self, size: int, problem: str) -> None:
        self._size = size
        said = tr("Size: {size}", size=words.size(size)) if size else tr("The server does not say how large it is.")
        self.about.setText(problem or said)
        self._looked = not problem
        self._enable()

    def _show(self) -> None:
        """Show what is chosen."""
        entry, given = self.entry, bool(self.url.text().strip())
        self._looked = False
        self.agree.setChecked(False)
        self.look.setVisible(given)
        self.list.setEnabled(not given)
        self.sha256.setEnabled(given)
        self.agree.setVisible(given or entry is not None)
        if entry is not None:
            lines = [
                entry.description,
                tr("Works with: {inputs}", inputs=" + ".join(kind.upper() for kind in entry.inputs))
                if entry.inputs
                else "",
                tr("Finds: {classes}", classes=", ".join(entry.classes)) if entry.classes else "",
                tr("Size: {size}", size=words.size(entry.size_bytes)),
                tr("Licence: {licence}", licence=" ".join((entry.licence, entry.licence_url)).strip()),
            ]
            self.about.setText("\n".join(item for item in lines if item))
            self.agree.setText(tr("I accept this licence"))
        else:
            self.about.setText("")
            self.agree.setText(tr("I know this source and accept its licence"))
        self._enable()

    def _enable(self) -> None:
        digits = self.sha256.text().strip().lower()
        hash_fits = not digits or (len(digits) == 64 and not digits.strip("0123456789abcdef"))
        chosen = self.entry is not None or (self._looked and hash_fits)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(chosen and self.agree.isChecked())

    def _on_accepted(self) -> None:
        entry, url = self.entry, self.url.text().strip()
        if entry is not None:
            self.order = order_of(entry, catalogue_url())
        else:
            self.order = Order(url, self.sha256.text().strip().lower(), self._size, url)
        self.accept()

    def keyPressEvent(self, event: Any) -> None:
        """Enter in a field does not start the download."""
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)
