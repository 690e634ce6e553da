"""Sentences with an icon: what looks wrong, what to know, what happened."""

import re
from typing import Iterable, Optional

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from ...paths import icon_path
from ..logic.checks import Finding
from .page import clear

_LONG = 20
_LONG_PART = re.compile(r"([_\-./\\\\]|[^_\-./\\\\]{16})")


def wrapped(text: str = "", rich: bool = False) -> QLabel:
    """Return a label that breaks its lines, and whose text can be selected.

    ``rich`` text must be escaped by the caller; without it, nothing in the text is read as markup.
    """
    label = _Label()
    label.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    flags = Qt.TextInteractionFlag.TextSelectableByMouse
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction if rich else flags)
    label.setText(text)
    return label


def breakable(text: str) -> str:
    """Return ``text`` with places to break lines in its long words: names of files and layers have no spaces."""
    return " ".join(_LONG_PART.sub("\\1\u200b", word) if len(word) > _LONG else word for word in text.split(" "))


class _Label(QLabel):
    """A label whose plain text breaks anywhere if it must."""

    def setText(self, text: str) -> None:
        """Show ``text``."""
        super().setText(breakable(text) if self.textFormat() == Qt.TextFormat.PlainText else text)


class Notes(QWidget):
    """A list of findings; takes no room while it is empty."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._rows = QGridLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setColumnStretch(1, 1)
        self._shown: tuple[Finding, ...] = ()
        self.hide()

    @property
    def findings(self) -> "tuple[Finding, ...]":
        """What is shown."""
        return self._shown

    def show_findings(self, findings: Iterable[Finding]) -> None:
        """Show these and nothing else."""
        shown = tuple(findings)
        if shown == self._shown:
            return
        self._shown = shown
        clear(self._rows)
        side = self.fontMetrics().height()
        for row, finding in enumerate(shown):
            icon = QLabel()
            icon.setPixmap(QIcon(icon_path(f"note_{finding.weight.icon}")).pixmap(side, side))
            icon.setAccessibleName(finding.weight.value)
            self._rows.addWidget(icon, row, 0, Qt.AlignmentFlag.AlignTop)
            self._rows.addWidget(wrapped(finding.text), row, 1)
        self.setVisible(bool(shown))
