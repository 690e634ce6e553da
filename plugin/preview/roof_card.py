"""The card of a roof, over the map: class with confidence, area, heights, slope, azimuth."""

from typing import Any, Dict, List, Optional, Tuple

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ..dock.logic import words
from ..dock.widgets.notes import breakable
from ..i18n import tr
from ..layers.classes import roof_titles

_MARGIN = 10
_WIDTH = 260
_LEAST_SHARE = 0.01
"""Own classes that cover less of a roof are not told."""
_LOOK = "#ridgelineRoofCard { background-color: palette(window); border: 1px solid palette(mid); border-radius: 4px; }"
"""Themes may make frames transparent, and the map shines through: the card says itself what it lies on."""


class RoofCard(QFrame):
    """Lies in a lower corner of the map; shows one roof, or what is being waited for."""

    add_asked = pyqtSignal()
    closed = pyqtSignal()

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.setObjectName("ridgelineRoofCard")
        self.setStyleSheet(_LOOK)
        self.setFixedWidth(_WIDTH)
        self.title = _label()
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.sub = _label()
        self.message = _label()
        self._on_the_right = False
        self.rows: List[Tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self.add = QPushButton(tr("Add (A)"))
        self.add.setToolTip(tr("Adds the roof to the layer “Ridgeline roofs”, where it can be corrected."))
        self.close_button = QPushButton(tr("Close"))
        self.close_button.setToolTip(tr("Esc"))
        for button in (self.add, self.close_button):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys go to the map, where A and Esc are waited for
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.close_button)
        lines = QVBoxLayout(self)
        lines.addWidget(self.title)
        lines.addWidget(self.sub)
        lines.addLayout(self._grid)
        lines.addWidget(self.message)
        lines.addLayout(buttons)
        self.add.clicked.connect(self.add_asked)
        self.close_button.clicked.connect(self.closed)
        canvas.installEventFilter(self)
        self.hide()

    def release(self) -> None:
        """Take the card off the map, for good."""
        self._canvas.removeEventFilter(self)
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def avoid(self, x: float) -> None:
        """Take the corner that is further from this column of the canvas, in pixels."""
        self._on_the_right = x < self._canvas.width() / 2

    def show_waiting(self) -> None:
        """Say that the roof is being looked at."""
        self._show(tr("Looking at this place …"), "", [], False)

    def show_text(self, title: str, text: str) -> None:
        """Say something in place of a roof."""
        self._show(title, text, [], False)

    def show_roof(self, roof: Dict[str, Any]) -> None:
        """Show a roof as the engine describes it."""
        title, sub, facts = roof_facts(roof)
        self._show(title, sub, facts, True)

    def say(self, text: str) -> None:
        """Say something about the roof that is shown."""
        self.message.setText(breakable(text))
        self.message.setVisible(bool(text))
        self._place()

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Stay in the corner when the map changes its size."""
        if event.type() == event.Type.Resize:
            self._place()
        return bool(super().eventFilter(watched, event))

    def _show(self, title: str, sub: str, facts: "List[Tuple[str, str]]", can_add: bool) -> None:
        self.title.setText(title)
        self.sub.setText(breakable(sub))
        self.sub.setVisible(bool(sub))
        self.message.hide()
        while len(self.rows) < len(facts):
            pair = (_label(), _label())
            self._grid.addWidget(pair[0], len(self.rows), 0)
            self._grid.addWidget(pair[1], len(self.rows), 1)
            self.rows.append(pair)
        for number, (name, value) in enumerate(self.rows):
            used = number < len(facts)
            name.setText(facts[number][0] if used else "")
            value.setText(facts[number][1] if used else "")
            name.setVisible(used)
            value.setVisible(used)
        self.add.setVisible(can_add)
        self.show()
        self.raise_()
        self._place()

    def _place(self) -> None:
        if self.layout() is not None:
            self.layout().activate()
        self.resize(_WIDTH, max(self.layout().heightForWidth(_WIDTH), self.layout().minimumSize().height()))
        right = self._canvas.width() - self.width() - _MARGIN
        self.move(right if self._on_the_right else _MARGIN, max(0, self._canvas.height() - self.height() - _MARGIN))


def roof_facts(roof: Dict[str, Any]) -> "Tuple[str, str, List[Tuple[str, str]]]":
    """Return title, confidence and the lines of a roof's card; what is not known is left out.

    Args:
        roof: attributes as in ``buildings.gpkg``.
    """
    name = str(roof.get("roof_class") or "")
    title = roof_titles().get(name, name.replace("_", " ")) if name else tr("Building without a roof class")
    confidence = roof.get("roof_confidence")
    sub = "" if confidence is None else tr("{n} % confident", n=words.number(100 * float(confidence)))
    facts = [
        (tr("Area"), _of(roof, "area_m2", words.area)),
        (tr("Height"), _of(roof, "height_max_m", words.length)),
        (tr("Eaves"), _of(roof, "eave_height_m", words.length)),
        (tr("Ridge"), _of(roof, "ridge_height_m", words.length)),
        (tr("Slope"), _of(roof, "slope_deg", lambda value: tr("{n}°", n=words.number(value)))),
        (tr("Azimuth"), _of(roof, "azimuth_deg", azimuth_text)),
        (tr("Own classes"), _own_text(roof.get("own_shares"))),
    ]
    return title[:1].upper() + title[1:], sub, [(label, text) for label, text in facts if text]


def _own_text(shares: Any) -> str:
    """Return how much of a roof each of the user's own classes covers, the most first; specks are left out."""
    known = shares.items() if isinstance(shares, dict) else ()
    shown = [item for item in known if isinstance(item[1], float) and _LEAST_SHARE <= item[1] <= 1]
    return ", ".join(
        tr("{name} {n} %", name=name, n=words.number(100 * share))
        for name, share in sorted(shown, key=lambda item: -item[1])
    )


def azimuth_text(degrees: float) -> str:
    """Return an azimuth, clockwise from north, with its compass point."""
    points = (tr("N"), tr("NE"), tr("E"), tr("SE"), tr("S"), tr("SW"), tr("W"), tr("NW"))
    return tr("{n}° ({point})", n=words.number(degrees % 360), point=points[round(degrees % 360 / 45) % 8])


def _of(roof: Dict[str, Any], key: str, say: Any) -> str:
    value: Optional[Any] = roof.get(key)
    return "" if value is None else str(say(float(value)))


def _label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
