"""The Fine-tune page: labels and what they mean, a check of them, the training live, and the new model."""

from typing import Any, List, Optional

from qgis.core import QgsFieldProxyModel, QgsMapLayerProxyModel, QgsProject
from qgis.gui import QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QWidget

from ..i18n import tr
from .finetune_run import FinetuneRun
from .logic.guess import guess_pair
from .logic.lesson import MOST_VALUES, Meaning, free_name, known_classes, label_values, lesson_findings
from .logic.models import ModelInfo, by_name, find_models, model_shelves
from .widgets.banner import Banner
from .widgets.class_table import ClassTable
from .widgets.notes import Notes, wrapped
from .widgets.page import Page, line, shrinkable
from .widgets.training_panel import TrainingPanel
from .widgets.training_view import TrainingView

_SETTLE_MS, _REVEAL_MS = 150, 50


class FinetunePage(Page):
    """Asks for labels, what their values mean, and a model; checks; trains."""

    engine_page_asked = pyqtSignal()
    model_made = pyqtSignal(str)
    """A new model of this name is on the shelf."""

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._models: List[ModelInfo] = []
        self._values_of: Any = None
        self.too_many_values = False
        self.banner = Banner(tr("Training needs the engine with its training set."), tr("Set up …"))
        self.banner.pressed.connect(self.engine_page_asked)
        self.content.addWidget(self.banner)
        self._add_questions()
        self.view = TrainingView()
        self.outcome = Notes()
        self.notes = Notes()
        for widget in (line(), self.notes, self.outcome, self.view):
            self.content.addWidget(widget)
        self.content.addStretch(1)
        self.panel = TrainingPanel(self.outcome)
        self.footer.addWidget(self.panel)
        self.run = FinetuneRun(self.panel, self.view, self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self._reveal = QTimer(self)  # what was found has its place a moment later
        self._reveal.setSingleShot(True)
        self._reveal.setInterval(_REVEAL_MS)
        self._reveal.timeout.connect(lambda: self.scroll.ensureWidgetVisible(self.outcome))
        self._connect()
        self.reload_models()
        self.guess()

    def _add_questions(self) -> None:
        raster, polygon = QgsMapLayerProxyModel.RasterLayer, QgsMapLayerProxyModel.PolygonLayer
        self.rgb = _layers(raster, tr("RGB"), tr("Orthophoto: a picture from above."))
        self.dsm = _layers(raster, tr("DSM"), tr("Surface model: heights of roofs, trees and ground."))
        self.labels = _layers(polygon, tr("Labels"), tr("Polygons around what is to be found."))
        self.field = shrinkable(QgsFieldComboBox())
        self.field.setFilters(QgsFieldProxyModel.Filters(QgsFieldProxyModel.String | QgsFieldProxyModel.Int))
        self.field.setAllowEmptyFieldName(True)
        self.field.setAccessibleName(tr("Field"))
        self.field.setToolTip(tr("The field that holds the class. Empty: all polygons are buildings."))
        self.classes = ClassTable()
        self.area = _layers(polygon, tr("Area"), tr("Polygons in which everything is labelled."))
        self.model = shrinkable(QComboBox())
        self.model.setAccessibleName(tr("Model"))
        self.model.setToolTip(tr("The model to start from: one that can learn."))
        self.name = QLineEdit(free_name(tr("My model")))
        self.name.setAccessibleName(tr("Name"))
        self.name.setToolTip(tr("What the new model is called in the list of the Segment page."))
        self.mode = shrinkable(QComboBox())
        self.mode.setAccessibleName(tr("What learns"))
        for text, mode in (
            (tr("the last layers (minutes)"), "head"),
            (tr("a few added weights in every layer"), "adapters"),
            (tr("everything (twice as long)"), "full"),
        ):
            self.mode.addItem(text, mode)
        self.mode.setToolTip(
            tr("How much of the model changes. The last layers are quick and need few polygons; everything takes "
               "longer and is often better.")
        )  # fmt: skip
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.5, 600)
        self.minutes.setDecimals(1)
        self.minutes.setValue(4.0)
        self.minutes.setSuffix(tr(" min at most"))
        self.minutes.setAccessibleName(tr("Time"))
        self.minutes.setToolTip(
            tr("It ends earlier where it gets no better. Stop ends it at any time with the best so far.")
        )
        self.keep = QCheckBox(tr("Keep the old classes too"))
        self.keep.setChecked(True)
        self.keep.setToolTip(tr("For new classes: the model still finds what it found before, beside them."))
        top, bottom = QFormLayout(), QFormLayout()
        for form in (top, bottom):
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, widget in (
            (tr("&RGB"), self.rgb),
            (tr("&DSM"), self.dsm),
            (tr("&Labels"), self.labels),
            (tr("&Field"), self.field),
        ):
            top.addRow(text, widget)
        for text, widget in (
            (tr("&Area"), self.area),
            (tr("&Model"), self.model),
            (tr("&Name"), self.name),
            (tr("L&earns"), self.mode),
            (tr("&Time"), self.minutes),
        ):
            bottom.addRow(text, widget)
        self.area_note = wrapped()
        self.content.addLayout(top)
        self.content.addWidget(self.classes)
        self.content.addLayout(bottom)
        self.content.addWidget(self.area_note)
        self.content.addWidget(self.keep)

    @property
    def current_model(self) -> Optional[ModelInfo]:
        """The model to start from, None while there is none."""
        return by_name(self._models, str(self.model.currentData() or ""))

    def meanings(self) -> "List[Meaning]":
        """Return what the values of the field mean."""
        return self.classes.meanings() if self.field.currentField() else []

    def refresh(self) -> None:
        """Say anew what stands in the way."""
        self._follow_values()
        findings = lesson_findings(self)
        self.notes.show_findings(findings)
        has_area = self.area.currentLayer() is not None
        self.area_note.setText(
            tr("Everything in the area counts as labelled: what no polygon covers there is background, so a building "
               "that you forgot teaches the wrong thing. Polygons outside it teach nothing.")
            if has_area
            else tr("Without an area only polygons teach: draw examples of all that must be told apart, with some "
                    "of the class “background”. A few polygons anywhere are enough to begin with.")
        )  # fmt: skip
        ready = not any(finding.weight.stops for finding in findings) and not self.banner.isVisibleTo(self)
        self.panel.check.setEnabled(ready)
        self.panel.start.setEnabled(ready)

    def reload_models(self) -> None:
        """Offer the models that can learn, keeping the choice."""
        chosen = self.model.currentData()
        self._models = [model for model in find_models(model_shelves())[0] if model.trainable]
        self.model.blockSignals(True)
        self.model.clear()
        for model in self._models:
            self.model.addItem(model.label, model.name)
        index = self.model.findData(chosen)
        self.model.setCurrentIndex(max(0, index) if self._models else -1)
        self.model.blockSignals(False)
        self._values_of = None
        self._settle.start()

    def set_engine_ready(self, ready: bool) -> None:
        """Show or hide the way to the Engine page."""
        self.banner.setVisible(not ready)
        self._settle.start()

    def guess(self) -> None:
        """Fill in picture and surface where none is chosen."""
        tree = QgsProject.instance().layerTreeRoot()
        guessed = guess_pair(tree.layerOrder() or QgsProject.instance().mapLayers().values())
        for combo, layer in zip((self.rgb, self.dsm), guessed):
            if combo.currentLayer() is None and layer is not None:
                combo.setLayer(layer)

    def release(self) -> None:
        """Stop what runs and let go of the project."""
        self._settle.stop()
        self.run.release()
        QgsProject.instance().layersAdded.disconnect(self._on_layers)

    def _connect(self) -> None:
        for combo in (self.rgb, self.dsm, self.area):
            combo.layerChanged.connect(lambda _layer: self._settle.start())
        self.labels.layerChanged.connect(self._on_labels)
        self.field.fieldChanged.connect(lambda _name: self._settle.start())
        self.model.currentIndexChanged.connect(self._on_model)
        self.name.textChanged.connect(lambda _text: self._settle.start())
        self.classes.changed.connect(self._settle.start)
        self.panel.check_asked.connect(lambda: self.run.check(self))
        self.panel.start_asked.connect(lambda: self.run.start(self))
        self.panel.found.connect(self._reveal.start)
        self.run.model_made.connect(self._on_model_made)
        QgsProject.instance().layersAdded.connect(self._on_layers)

    def _on_labels(self, layer: Any) -> None:
        self.field.setLayer(layer)
        renderer = None if layer is None else layer.renderer()
        if renderer is not None and renderer.type() == "categorizedSymbol":
            self.field.setField(renderer.classAttribute().strip('"'))
        self._values_of = None
        self._settle.start()

    def _on_model(self, _index: int) -> None:
        self._values_of = None
        self._settle.start()

    def _on_layers(self, _layers: Any) -> None:
        QTimer.singleShot(0, self.guess)  # the combo boxes do not know the new layers yet
        self._settle.start()

    def _on_model_made(self, name: str) -> None:
        self.reload_models()
        self.name.setText(free_name(self.name.text()))  # for the next one
        self.model_made.emit(name)

    def _follow_values(self) -> None:
        """Show the values of the field, once for each choice of layer, field and model."""
        layer, field = self.labels.currentLayer(), self.field.currentField()
        key = (None if layer is None else layer.id(), field)
        if key == self._values_of:
            return
        self._values_of = key
        values = label_values(layer, field) if layer is not None and field else []
        self.too_many_values = len(values) > MOST_VALUES
        self.classes.fill([] if self.too_many_values else values, known_classes(self.current_model))


def _layers(filters: Any, name: str, tip: str) -> Any:
    combo = shrinkable(QgsMapLayerComboBox())
    combo.setFilters(filters)
    combo.setAllowEmptyLayer(True, tr("None"))
    combo.setCurrentIndex(combo.findText(tr("None")))  # layers are sorted by name, and it among them
    combo.setToolTip(tip)
    combo.setAccessibleName(name)
    return combo
