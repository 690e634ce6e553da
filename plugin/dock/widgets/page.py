"""A page of the dock: content that scrolls up and down, never sideways, over a footer that stays."""

from typing import Any, Optional

from qgis.gui import QgsScrollArea
from qgis.PyQt.QtCore import QEvent, QObject, Qt
from qgis.PyQt.QtWidgets import QFrame, QLayout, QSizePolicy, QVBoxLayout, QWidget

NARROWEST = 320
"""The width of the dock, in pixels, at which every page must still show everything."""
MARGIN = 8


class Page(QWidget):
    """Base of all pages: put widgets into ``content``, and what must stay in sight into ``footer``."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        body = QWidget()
        self.content = QVBoxLayout(body)
        self.content.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.content.setSpacing(MARGIN)
        # QgsScrollArea keeps the wheel from changing the values of the fields it passes over
        self.scroll = QgsScrollArea()
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setWidgetResizable(True)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setWidget(body)
        self.footer = QVBoxLayout()
        self.footer.setContentsMargins(MARGIN, 0, MARGIN, MARGIN)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.scroll, 1)
        outer.addLayout(self.footer)
        body.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Never let the page become narrower than its content, so nothing is cut off where scrolling is off."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.scroll.widget():
            bar = self.scroll.verticalScrollBar().sizeHint().width()
            self.scroll.setMinimumWidth(self.scroll.widget().minimumSizeHint().width() + bar)
        return bool(super().eventFilter(watched, event))


def shrinkable(widget: Any, characters: int = 8) -> Any:
    """Let a combo box or button become narrow instead of forcing the dock wide; return it."""
    widget.setSizePolicy(QSizePolicy.Policy.Expanding, widget.sizePolicy().verticalPolicy())
    if hasattr(widget, "setMinimumContentsLength"):
        widget.setMinimumContentsLength(characters)
        widget.setSizeAdjustPolicy(widget.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return widget


def line() -> QFrame:
    """Return a horizontal line."""
    frame = QFrame()
    frame.setFrameShape(QFrame.Shape.HLine)
    frame.setFrameShadow(QFrame.Shadow.Sunken)
    return frame


def clear(layout: QLayout) -> None:
    """Remove and delete all widgets of a layout."""
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()
        elif item.layout() is not None:
            clear(item.layout())
