"""A training as it goes on: the curve, and what the model says of two places that it does not learn from."""

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QPixmap
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from ...i18n import tr
from .curve import Curve
from .notes import wrapped

PICTURES = 2


class Strip(QLabel):
    """A picture that is as wide as the dock."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._picture = QPixmap()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(1)

    def show_file(self, path: str) -> bool:
        """Show a file as it is now; False if it cannot be read."""
        picture = QPixmap()
        # by content: QPixmap(path) would show the picture of the same name from its cache
        try:
            picture.loadFromData(Path(path).read_bytes())
        except OSError:
            return False
        if picture.isNull():
            return False
        self._picture = picture
        self._fit()
        return True

    def resizeEvent(self, event: Any) -> None:
        """Fit the picture to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._picture.isNull() or self.width() < 2:
            return
        fitted = self._picture.scaledToWidth(self.width(), Qt.TransformationMode.SmoothTransformation)
        self.setFixedHeight(fitted.height())
        self.setPixmap(fitted)


class TrainingView(QWidget):
    """Curve and pictures; takes no room before the first validation."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.curve = Curve()
        self.caption = wrapped()
        self.strips: List[Strip] = [Strip() for _ in range(PICTURES)]
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.curve)
        rows.addWidget(self.caption)
        for strip in self.strips:
            rows.addWidget(strip)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.curve.clear()
        for widget in (self.caption, *self.strips):
            widget.hide()
        self.hide()

    def tell(self, detail: Dict[str, Any]) -> None:
        """Show what a validation has given."""
        self.curve.add(detail)
        self.show()
        self.caption.setText(_caption(detail.get("inputs") or ("rgb", "dsm"), bool(detail.get("all_labels_teach"))))
        for strip, path in zip(self.strips, detail.get("pictures") or ()):
            shown = strip.show_file(str(path))
            strip.setVisible(strip.isVisibleTo(self) or shown)
            self.caption.setVisible(self.caption.isVisibleTo(self) or shown)


def _caption(inputs: "Sequence[str]", all_teach: bool) -> str:
    """Say what stands beside what in the pictures."""
    panels = [text for kind, text in (("rgb", tr("picture")), ("dsm", tr("heights"))) if kind in inputs]
    listed = ", ".join([*panels, tr("truth"), tr("found")])
    if all_teach:
        return tr(
            "All labels teach now. Two places as they were while they were kept apart. From the left: {panels}.",
            panels=listed,
        )
    return tr("Two places kept apart. From the left: {panels}.", panels=listed)
