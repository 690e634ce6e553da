"""The preview's part of the Segment page: two switches, and what belongs to the preview while it is on."""

import html
from typing import Any, Dict, List, Optional, Tuple

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from ...engine.jobs import RidgelineError
from ..dock.logic.checks import Finding, Weight
from ..dock.logic.models import ModelInfo
from ..dock.widgets.notes import Notes, wrapped
from ..dock.widgets.page import shrinkable
from ..i18n import tr
from ..layers.classes import BACKGROUND, OWN_CLASSES, class_title

_MOST_CLASSES = 5


class PreviewPanel(QWidget):
    """Shows the state of preview and roof tool; decides nothing."""

    preview_switched = pyqtSignal(bool)
    roofs_switched = pyqtSignal(bool)
    layer_chosen = pyqtSignal(str)
    opacity_chosen = pyqtSignal(float)

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._chosen = ""
        self.preview = QPushButton()
        self.preview.setToolTip(tr("Shows results for what the map shows, and follows it; nothing is saved."))
        self.roofs = QPushButton()
        self.roofs.setToolTip(tr("Click a building on the map: it is outlined, classified and measured."))
        for button in (self.preview, self.roofs):
            button.setCheckable(True)
        self.layer = shrinkable(QComboBox())
        self.layer.setEnabled(False)  # until the first picture says what there is
        self.layer.setAccessibleName(tr("Layer of the preview"))
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(60)
        self.opacity.setMinimumWidth(60)
        self.opacity.setToolTip(tr("How much the preview covers the map"))
        self.opacity.setAccessibleName(tr("Opacity of the preview"))
        self.hint = wrapped(tr("Click a building on the map. A keeps its roof in a layer, Esc puts the tool away."))
        self.status = wrapped(tr("Computing …"))
        self.notes = Notes()
        self.legend = wrapped(rich=True)
        buttons = QHBoxLayout()
        buttons.addWidget(shrinkable(self.preview))
        buttons.addWidget(shrinkable(self.roofs))
        self.options = QWidget()
        grid = QGridLayout(self.options)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(QLabel(tr("Shows")), 0, 0)
        grid.addWidget(self.layer, 0, 1)
        grid.addWidget(QLabel(tr("Opacity")), 1, 0)
        grid.addWidget(self.opacity, 1, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(buttons)
        for widget in (self.hint, self.options, self.status, self.legend, self.notes):
            rows.addWidget(widget)
            widget.hide()
        self.preview.toggled.connect(self._on_preview)
        self.roofs.toggled.connect(self._on_roofs)
        self.layer.activated.connect(lambda _index: self._on_layer())
        self.opacity.valueChanged.connect(lambda value: self.opacity_chosen.emit(value / 100))
        self._name_buttons()

    def offer_layers(self, names: Any) -> None:
        """Offer these layers, keeping the choice; where there was none, what the user has taught is shown first."""
        wanted = self._chosen if self._chosen in names else OWN_CLASSES
        self.layer.blockSignals(True)
        self.layer.clear()
        titles = layer_titles()
        for name in names:
            self.layer.addItem(titles.get(name, str(name).replace("_", " ")), name)
        self.layer.setCurrentIndex(max(0, self.layer.findData(wanted)))
        self.layer.setEnabled(self.layer.count() > 0)
        self.layer.blockSignals(False)

    def say(self, text: str) -> None:
        """Show what is being done."""
        if text:  # else what stood there keeps its place
            self.status.setText(text)
        self.status.setVisible(bool(text))

    def show_trouble(self, fault: Optional[RidgelineError]) -> None:
        """Show why there is no picture, or that there is one."""
        if fault is None:
            self.notes.show_findings(())
            return
        found = [Finding(Weight.WARNS, fault.message)]
        if fault.hint:
            found.append(Finding(Weight.TELLS, fault.hint))
        self.notes.show_findings(found)
        self.show_shares({}, None)

    def show_shares(self, shares: Dict[str, float], model: Optional[ModelInfo]) -> None:
        """Show the classes of the view with their colours and shares, the largest first; not the background."""
        colours = {item.name: item.colour for items in (model.classes.values() if model else ()) for item in items}
        lines = []
        shown = [item for item in shares.items() if item[0] != BACKGROUND]
        for name, share in sorted(shown, key=lambda item: -item[1])[:_MOST_CLASSES]:
            title = class_title(name)
            text = f"{title[:1].upper() + title[1:]} {_percent(share)}"
            lines.append(_legend_line(colours.get(name, "#888888"), text))
        self._show_legend(lines)

    def show_scale(self, scale: "List[Tuple[str, str]]") -> None:
        """Show what the colours of a measure mean: pairs of a colour and its words."""
        self._show_legend([_legend_line(colour, text) for colour, text in scale])

    def _show_legend(self, lines: "List[str]") -> None:
        self.legend.setText("<br>".join(lines))
        self.legend.setVisible(bool(lines))

    def _name_buttons(self) -> None:
        """Say what a click does: in some themes a button that is held down looks like any other."""
        self.preview.setText(tr("Stop preview") if self.preview.isChecked() else tr("Preview"))
        self.roofs.setText(tr("Stop roof tool") if self.roofs.isChecked() else tr("Roof tool"))

    def _on_roofs(self, on: bool) -> None:
        self._name_buttons()
        self.hint.setVisible(on)
        self.roofs_switched.emit(on)

    def _on_preview(self, on: bool) -> None:
        self._name_buttons()
        self.options.setVisible(on)
        place = self.status.sizePolicy()
        place.setRetainSizeWhenHidden(on)  # what lies below must not jump with every move of the map
        self.status.setSizePolicy(place)
        if not on:
            self.show_shares({}, None)
        self.preview_switched.emit(on)

    def _on_layer(self) -> None:
        self._chosen = str(self.layer.currentData() or "")
        self.layer_chosen.emit(self._chosen)


def _legend_line(colour: str, text: str) -> str:
    """Return a line of the legend as markup; neither colour nor words are taken for any."""
    return f"<span style='color:{html.escape(colour, quote=True)}'>■</span> {html.escape(text)}"


def layer_titles() -> "Dict[str, str]":
    """Return what people read for the layers of a preview."""
    return {
        OWN_CLASSES: tr("Own classes"),
        "roof_class": tr("Roof class"),
        "land_cover": tr("Land cover"),
        "confidence": tr("Confidence"),
        "height_above_ground": tr("Height above ground"),
    }


def _percent(share: float) -> str:
    """Return a share in words of a legend; what is there is never called nothing."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "< 1 %"
