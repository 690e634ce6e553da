"""A table that says what the values of the labels' field mean."""

from typing import List, Optional, Sequence, Tuple

from qgis.gui import QgsColorButton
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QLabel, QWidget

from ....engine.jobs.finetune import NEW_COLOURS
from ...i18n import tr
from ..logic.lesson import LabelValue, Meaning, guess_meaning
from .notes import wrapped
from .page import clear, shrinkable


class ClassTable(QWidget):
    """One row for each value: the value, the class (one of the model's, or a name typed in), and its colour."""

    changed = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._rows: List[Tuple[LabelValue, QComboBox, QgsColorButton]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(0, 2)
        self._grid.setColumnStretch(1, 3)

    def fill(self, values: Sequence[LabelValue], known: "Sequence[Tuple[str, str]]") -> None:
        """Show these values, keeping what was chosen for those that are shown already."""
        chosen = {item.value: item for item in self.meanings()}
        clear(self._grid)
        self._rows = []
        self.setVisible(bool(values))
        if not values:
            return
        for column, text in enumerate((tr("Value"), tr("Class"))):
            head = QLabel(f"<b>{text}</b>")
            self._grid.addWidget(head, 0, column)
        for row, value in enumerate(values, 1):
            meaning = chosen.get(value.value) or guess_meaning(value, known)
            name = wrapped(tr("{value} ({n})", value=value.title or tr("(empty)"), n=value.count))
            combo = self._combo(known, meaning.target)
            combo.setAccessibleName(tr("Class of {value}", value=value.title))
            button = QgsColorButton()
            button.setFixedWidth(2 * button.fontMetrics().height() + 16)
            button.setColor(QColor(meaning.colour or NEW_COLOURS[(row - 1) % len(NEW_COLOURS)]))
            button.setAccessibleName(tr("Colour of {value}", value=value.title))
            button.setToolTip(tr("Colour of a new class. Classes that the model has keep theirs."))
            for column, widget in enumerate((name, combo, button)):
                self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignVCenter)
            combo.currentTextChanged.connect(self.changed)
            self._rows.append((value, combo, button))

    def meanings(self) -> "List[Meaning]":
        """Return what the values mean now."""
        return [Meaning(value.value, _target_of(combo), button.color().name()) for value, combo, button in self._rows]

    def _combo(self, known: "Sequence[Tuple[str, str]]", target: str) -> QComboBox:
        combo: QComboBox = shrinkable(QComboBox())
        combo.setEditable(True)
        combo.addItem(tr("(leave out)"), "")
        for name, title in known:
            combo.addItem(title, name)
        index = combo.findData(target)
        if index >= 0:
            combo.setCurrentIndex(index)
        else:
            combo.setEditText(target)
        combo.lineEdit().setCursorPosition(0)  # show how a long name begins
        combo.setToolTip(tr("A class of the model, or type the name of a new one."))
        return combo


def _target_of(combo: QComboBox) -> str:
    """The class of a row: the data of a listed one, else the text that was typed."""
    text = combo.currentText().strip()
    index = combo.findText(text, Qt.MatchFlag.MatchFixedString)
    return str(combo.itemData(index)) if index >= 0 else text
