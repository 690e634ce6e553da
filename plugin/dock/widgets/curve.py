"""A small live curve: loss and validation IoU as a training goes on."""

from typing import Any, Dict, List, Optional, Tuple

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ...i18n import tr

IOU_COLOUR, LOSS_COLOUR = "#0072b2", "#d55e00"
"""Blue and vermilion of the Okabe–Ito palette, told apart by colour-blind people; the loss is dashed besides."""


class Curve(QWidget):
    """Draws a point of each line for every validation; the IoU from 0 to 1, the loss against its own largest."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.points: List[Tuple[int, Optional[float], Optional[float]]] = []
        """(step, mean IoU, loss)."""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._tell()

    def clear(self) -> None:
        """Begin anew."""
        self.points = []
        self._tell()
        self.update()

    def add(self, detail: Dict[str, Any]) -> None:
        """Add a validation: ``step``, ``mean_iou``, and the losses by name (``loss …``), which are summed."""
        losses = [float(value) for key, value in detail.items() if key.startswith("loss ") and value is not None]
        score = detail.get("mean_iou")
        step = int(detail.get("step", 0))
        self.points = [point for point in self.points if point[0] < step]  # a run that goes on repeats its last
        self.points.append((step, None if score is None else float(score), sum(losses) if losses else None))
        self._tell()
        self.update()

    def sizeHint(self) -> QSize:
        """Return a size that fits the narrowest dock."""
        return QSize(240, 9 * self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(120, 7 * self.fontMetrics().height())

    def paintEvent(self, _event: Any) -> None:
        """Draw frame, lines and legend in the colours of the theme."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink, metrics = self.palette().windowText().color(), self.fontMetrics()
        line = metrics.height()
        left = metrics.horizontalAdvance("1.0") + 6
        frame = QRectF(left, line + 6, max(10, self.width() - left - 6), max(10, self.height() - 2 * line - 12))
        grid = QColor(ink)
        grid.setAlpha(60)
        painter.setPen(QPen(grid, 1))
        for share in (0.0, 0.5, 1.0):
            y = frame.bottom() - share * frame.height()
            painter.drawLine(QPointF(frame.left(), y), QPointF(frame.right(), y))
        painter.setPen(ink)
        for share in (0.0, 0.5, 1.0):
            y = frame.bottom() - share * frame.height()
            painter.drawText(QPointF(2, y + metrics.ascent() / 2 - 1), f"{share:.1f}")
        last = max([point[0] for point in self.points], default=0)
        painter.drawText(QPointF(frame.left(), self.height() - 4), tr("step {n}", n=last))
        self._legend(painter, frame.left(), metrics)
        largest = max([point[2] for point in self.points if point[2] is not None], default=0.0) or 1.0
        for number, colour, scale, style in (
            (2, LOSS_COLOUR, largest, Qt.PenStyle.DashLine),
            (1, IOU_COLOUR, 1.0, Qt.PenStyle.SolidLine),
        ):
            values = [(point[0], point[number]) for point in self.points]
            there = [(step, value / scale) for step, value in values if value is not None]
            dots = [
                QPointF(frame.left() + frame.width() * step / max(last, 1), frame.bottom() - frame.height() * value)
                for step, value in there
            ]
            painter.setPen(QPen(QColor(colour), 2, style))
            painter.drawPolyline(QPolygonF(dots))
            painter.setPen(QPen(QColor(colour), 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            for dot in dots[-1:]:
                painter.drawPoint(dot)
        painter.end()

    def _legend(self, painter: QPainter, left: float, metrics: Any) -> None:
        x = left
        for text, colour, style in (
            (tr("score (IoU)"), IOU_COLOUR, Qt.PenStyle.SolidLine),
            (tr("error (loss)"), LOSS_COLOUR, Qt.PenStyle.DashLine),
        ):
            painter.setPen(QPen(QColor(colour), 2, style))
            middle = metrics.height() / 2 + 2
            painter.drawLine(QPointF(x, middle), QPointF(x + 18, middle))
            painter.setPen(self.palette().windowText().color())
            painter.drawText(QPointF(x + 22, metrics.ascent() + 2), text)
            x += 34 + metrics.horizontalAdvance(text)

    def _tell(self) -> None:
        """Say the last point to those who cannot see the curve."""
        scores = [point[1] for point in self.points if point[1] is not None]
        text = ""
        if scores:
            last, best = scores[-1], max(scores)
            text = tr("Score {last:.2f}, at best {best:.2f} (IoU, 1 is perfect)", last=last, best=best)
        self.setAccessibleName(tr("Curve of the training"))
        self.setAccessibleDescription(text)
        self.setToolTip(text)
