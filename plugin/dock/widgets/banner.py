"""A sentence in a box with one button: what to do first."""

from typing import Optional

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from .notes import wrapped


class Banner(QFrame):
    """Says something that goes before all else, with a way to it."""

    pressed = pyqtSignal()

    def __init__(self, text: str, button: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.label = wrapped(text)
        self.button = QPushButton(button)
        rows = QVBoxLayout(self)
        rows.addWidget(self.label)
        rows.addWidget(self.button)
        self.button.clicked.connect(self.pressed)
        self.hide()
