"""Map tool that asks for the roof under a click, and takes keys for it."""

from typing import Any

from qgis.core import QgsPointXY
from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import Qt, pyqtSignal

ADD_KEY = Qt.Key.Key_A


class ClickRoof(QgsMapTool):
    """Click: which roof is this? A: add it to the layer. Esc: put it away, and then the tool."""

    clicked = pyqtSignal(QgsPointXY)
    """A place on the map, in the canvas's CRS."""
    add_asked = pyqtSignal()
    escaped = pyqtSignal()

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasReleaseEvent(self, event: Any) -> None:
        """Ask for the roof at this place."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(self.toMapCoordinates(event.pos()))

    def keyPressEvent(self, event: Any) -> None:
        """Take the tool's keys; all others stay the map's."""
        if event.key() == ADD_KEY and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            event.accept()
            self.add_asked.emit()
        elif event.key() == Qt.Key.Key_Escape:
            event.accept()
            self.escaped.emit()
        else:
            super().keyPressEvent(event)
