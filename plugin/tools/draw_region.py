"""Map tools that draw the region: a rectangle by dragging, a polygon by clicking."""

from typing import Any, List, Optional

from qgis.core import QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

_SMALLEST_DRAG_PX = 4
"""A drag shorter than this is a click by accident and draws nothing."""


def region_band(canvas: Any, filled: bool = True) -> QgsRubberBand:
    """Return a rubber band in the look of a region; not ``filled`` where the map under it is to be seen as it is."""
    band = QgsRubberBand(canvas, QgsWkbTypes.PolygonGeometry)
    band.setStrokeColor(QColor(230, 85, 13))
    band.setFillColor(QColor(230, 85, 13, 32 if filled else 0))
    band.setWidth(2)
    return band


class _DrawTool(QgsMapTool):
    """What both tools share: the band, Esc, and the signals."""

    drawn = pyqtSignal(QgsGeometry)
    """The finished region, in the canvas's CRS."""
    abandoned = pyqtSignal()
    """The user pressed Esc before anything was finished."""

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._band = region_band(canvas)

    def deactivate(self) -> None:
        """Wipe what was half drawn."""
        self.wipe()
        super().deactivate()

    def dispose(self) -> None:
        """Take the band off the map and delete the tool; call it once, when the canvas has another tool."""
        self.wipe()
        self.canvas().scene().removeItem(self._band)
        self.deleteLater()

    def keyPressEvent(self, event: Any) -> None:
        """Esc wipes what is half drawn; with nothing drawn it leaves the tool."""
        if event.key() == Qt.Key.Key_Escape:
            event.accept()
            if not self.wipe():
                self.abandoned.emit()

    def wipe(self) -> bool:
        """Forget what is half drawn; return whether there was anything."""
        self._band.reset(QgsWkbTypes.PolygonGeometry)
        return False


class DrawRectangle(_DrawTool):
    """Press, drag, release; or click two opposite corners."""

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self._corner: Optional[QgsPointXY] = None
        self._pressed_at: Any = None

    def wipe(self) -> bool:
        """Forget the first corner; return whether there was one."""
        had, self._corner = self._corner is not None, None
        super().wipe()
        return had

    def canvasPressEvent(self, event: Any) -> None:
        """Put the first corner down."""
        if event.button() == Qt.MouseButton.LeftButton and self._corner is None:
            self._corner, self._pressed_at = self.toMapCoordinates(event.pos()), event.pos()
        elif event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = None  # the second click of two: its release finishes

    def canvasMoveEvent(self, event: Any) -> None:
        """Show the rectangle so far."""
        if self._corner is not None:
            rectangle = QgsRectangle(self._corner, self.toMapCoordinates(event.pos()))
            self._band.setToGeometry(QgsGeometry.fromRect(rectangle), None)

    def canvasReleaseEvent(self, event: Any) -> None:
        """Finish at the second corner."""
        if event.button() != Qt.MouseButton.LeftButton or self._corner is None:
            return
        if self._pressed_at is not None and (event.pos() - self._pressed_at).manhattanLength() < _SMALLEST_DRAG_PX:
            return  # a click: wait for the opposite corner
        rectangle = QgsRectangle(self._corner, self.toMapCoordinates(event.pos()))
        self.wipe()
        if rectangle.width() > 0 and rectangle.height() > 0:
            self.drawn.emit(QgsGeometry.fromRect(rectangle))


class DrawPolygon(_DrawTool):
    """Click the corners; a right click or Enter finishes, Backspace takes the last corner back."""

    def __init__(self, canvas: Any) -> None:
        super().__init__(canvas)
        self._corners: List[QgsPointXY] = []

    def wipe(self) -> bool:
        """Forget the corners; return whether there were any."""
        had, self._corners = bool(self._corners), []
        super().wipe()
        return had

    def canvasReleaseEvent(self, event: Any) -> None:
        """Add a corner, or finish."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._corners.append(self.toMapCoordinates(event.pos()))
            self._show(self._corners)
        elif event.button() == Qt.MouseButton.RightButton:
            self._finish()

    def canvasMoveEvent(self, event: Any) -> None:
        """Show the polygon so far, up to the cursor."""
        if self._corners:
            self._show([*self._corners, self.toMapCoordinates(event.pos())])

    def canvasDoubleClickEvent(self, _event: Any) -> None:
        """Finish: the clicks before have added the corner."""
        self._finish()

    def keyPressEvent(self, event: Any) -> None:
        """Backspace takes the last corner back, Enter finishes."""
        if event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            event.accept()  # else QGIS deletes the selected features
            self._corners = self._corners[:-1]
            self._show(self._corners)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            self._finish()
        else:
            super().keyPressEvent(event)

    def _show(self, corners: List[QgsPointXY]) -> None:
        super().wipe()
        for corner in corners:
            self._band.addPoint(corner, False)
        self._band.updatePosition()
        self._band.update()
        self._band.show()

    def _finish(self) -> None:
        corners = self._corners
        if len(corners) < 3:
            return
        polygon = QgsGeometry.fromPolygonXY([corners])
        if not polygon.isGeosValid():  # a bow tie: keep its surface, drop its crossing
            polygon = polygon.makeValid()
        self.wipe()
        if polygon.area() > 0:
            self.drawn.emit(polygon)
