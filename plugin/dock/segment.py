"""The Segment page: four questions, what will happen, and the run."""

import html
from typing import Any, List, Optional

from qgis.core import QgsMapLayerProxyModel, QgsProject
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QWidget

from ..i18n import tr
from ..preview.feature import PreviewFeature
from .logic.checks import Finding, Inputs, Weight, check, covered, data_box
from .logic.forecast import Forecast, forecast
from .logic.ground import transformed, working_crs
from .logic.guess import guess_pair
from .logic.memory import ProjectMemory
from .logic.models import ModelInfo, by_name, find_models, model_shelves
from .logic.speed import key_of, recall
from .segment_run import SegmentRun
from .widgets.advanced import Advanced
from .widgets.banner import Banner
from .widgets.notes import Notes, wrapped
from .widgets.page import Page, line, shrinkable
from .widgets.region_picker import RegionChoice, RegionPicker
from .widgets.run_panel import RunPanel
from .widgets.summary import Summary

_NONE = "none"
_SETTLE_MS = 150
"""The forecast follows the map once it has been still for so long."""


class SegmentPage(Page):
    """Asks for RGB, DSM, region and model; says what will happen; runs."""

    engine_page_asked = pyqtSignal()

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._iface = iface
        self._models: List[ModelInfo] = []
        self._recalling = False
        self._guess_due = False
        self._user_chose = {"rgb": False, "dsm": False}
        self.forecast: Optional[Forecast] = None

        self.banner = Banner(tr("The engine that does the computing is not set up yet."), tr("Set up …"))
        self.banner.pressed.connect(self.engine_page_asked)
        self.content.addWidget(self.banner)
        self.rgb = self._layer_combo(tr("RGB"), tr("Orthophoto: a picture from above with red, green and blue bands."))
        self.dsm = self._layer_combo(
            tr("DSM"), tr("Surface model: heights in metres of roofs, trees and ground, as seen from above.")
        )
        self.region = RegionPicker(iface.mapCanvas())
        self.model = shrinkable(QComboBox())
        self.model.setAccessibleName(tr("Model"))
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, widget in (
            (tr("&RGB"), self.rgb),
            (tr("&DSM"), self.dsm),
            (tr("Re&gion"), self.region),
            (tr("&Model"), self.model),
        ):
            form.addRow(text, widget)
        self.content.addLayout(form)
        self.advanced = Advanced()
        self.content.addWidget(self.advanced)
        self.content.addWidget(line())
        self.sentence = wrapped()
        self.content.addWidget(self.sentence)
        self.notes = Notes()
        self.content.addWidget(self.notes)
        self.preview = PreviewFeature(iface.mapCanvas(), self)
        self.content.addWidget(self.preview.panel)
        self.summary = Summary()
        self.content.addWidget(self.summary)
        self.content.addStretch(1)
        self.panel = RunPanel()
        self.footer.addWidget(self.panel)
        self.run = SegmentRun(iface, self.panel, self.summary, self)

        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self._connect()
        self.reload_models()
        self.recall()

    def inputs(self) -> Inputs:
        """Return what the page holds now."""
        choice = self.region.choice()
        region, crs, problem = choice.geometry, choice.crs, choice.problem
        reference = self.rgb.currentLayer() or self.dsm.currentLayer()
        target = None if reference is None else working_crs(reference)
        if region is not None and target is not None:
            if not crs.isValid():
                region, problem = None, tr("The map has no CRS: set it at the right of the status bar.")
            else:
                region, crs = transformed(region, crs, target), target
                problem = "" if region is not None else tr("The region does not fit the layers' part of the world.")
        return Inputs(
            rgb=self.rgb.currentLayer(),
            dsm=self.dsm.currentLayer(),
            model=self.current_model,
            region=region,
            region_crs=crs,
            region_problem=problem,
            gsd=self.advanced.gsd_m,
            export_cap_mb=self.advanced.export_cap.value(),
        )

    @property
    def current_model(self) -> Optional[ModelInfo]:
        """The chosen model, None while there is none."""
        return by_name(self._models, str(self.model.currentData() or ""))

    @property
    def region_choice(self) -> RegionChoice:
        """The region as it is now, in its own CRS."""
        return self.region.choice()

    def refresh(self) -> None:
        """Say anew what will happen."""
        if self._guess_due:
            self._guess()
        inputs = self.inputs()
        self.advanced.follow_layers(inputs.rgb, inputs.dsm)
        self.advanced.follow_model(inputs.model, inputs.run_gsd)
        findings = self._findings(inputs)
        stopped = any(finding.weight.stops for finding in findings)
        self.forecast = None if stopped else self._forecast(inputs)
        self.sentence.setText(self.forecast.sentences() if self.forecast else "")
        self.sentence.setVisible(self.forecast is not None)
        self.notes.show_findings(findings)
        self.panel.run.setEnabled(not stopped and not self.banner.isVisibleTo(self))
        why = tr("What stops the run is said above.") if stopped else tr("Start with these settings.")
        self.panel.run.setToolTip(why)

    def reload_models(self) -> None:
        """Offer the models that are there now, keeping the choice."""
        chosen = self.model.currentData()
        self._models, _broken = find_models(model_shelves())
        self.model.blockSignals(True)
        self.model.clear()
        for model in self._models:
            self.model.addItem(model.label, model.name)
        index = self.model.findData(chosen)
        self.model.setCurrentIndex(max(0, index) if self._models else -1)
        current = self.current_model
        # what a model says of itself is text, not markup
        tip = (
            f"<p>{html.escape(current.description)}</p>"
            if current
            else tr("There is no model yet: see the Models page.")
        )
        self.model.setToolTip(tip)
        self.model.blockSignals(False)
        self._settle.start()

    def set_engine_ready(self, ready: bool) -> None:
        """Show or hide the way to the Engine page."""
        self.banner.setVisible(not ready)
        self.preview.set_engine_ready(ready)
        self._settle.start()

    def recall(self) -> None:
        """Take all choices from the project; guess the layers that it does not hold."""
        memory = ProjectMemory()
        self._recalling = True
        try:
            self.reload_models()
            for kind, combo in (("rgb", self.rgb), ("dsm", self.dsm)):
                remembered = memory.read(f"segment/{kind}")
                self._user_chose[kind] = bool(remembered)
                combo.setLayer(QgsProject.instance().mapLayer(remembered))
            index = self.model.findData(memory.read("segment/model"))
            self.model.setCurrentIndex(max(0, index) if self._models else -1)
            self._guess()
            self.advanced.follow_layers(self.rgb.currentLayer(), self.dsm.currentLayer())
            self.advanced.recall(memory)
            self.region.recall(memory)
        finally:
            self._recalling = False
        self._settle.start()

    def remember(self) -> None:
        """Write all choices into the project; layers that were only guessed are not written."""
        memory = ProjectMemory()
        for kind, combo in (("rgb", self.rgb), ("dsm", self.dsm)):
            if self._user_chose[kind]:
                layer = combo.currentLayer()
                memory.write(f"segment/{kind}", layer.id() if layer else _NONE)
        if self.model.currentData():
            memory.write("segment/model", self.model.currentData())
        self.region.remember(memory)
        self.advanced.remember(memory)

    def release(self) -> None:
        """Stop what runs and let go of canvas and project."""
        self._settle.stop()
        self.preview.release()
        self.run.release()
        self.region.release()
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._on_layers)
        project.layersRemoved.disconnect(self._on_layers)

    def _layer_combo(self, name: str, tip: str) -> Any:
        combo = shrinkable(QgsMapLayerComboBox())
        combo.setFilters(QgsMapLayerProxyModel.RasterLayer)
        combo.setAllowEmptyLayer(True, tr("None"))
        combo.setCurrentIndex(0)
        combo.setToolTip(tip)
        combo.setAccessibleName(name)
        return combo

    def _connect(self) -> None:
        for kind, combo in (("rgb", self.rgb), ("dsm", self.dsm)):
            combo.activated.connect(lambda _index, kind=kind: self._on_user_layer(kind))
            combo.layerChanged.connect(lambda _layer: self._settle.start())
            combo.layerChanged.connect(lambda _layer: self.preview.follow_page())
        self.model.activated.connect(self._on_option)
        self.model.currentIndexChanged.connect(lambda _index: self._settle.start())
        self.model.currentIndexChanged.connect(lambda _index: self.preview.follow_page())
        self.advanced.chosen.connect(self.preview.follow_page)
        self.region.changed.connect(self._settle.start)
        self.region.chosen.connect(self._on_option)
        self.advanced.chosen.connect(self._on_option)
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers)
        project.layersRemoved.connect(self._on_layers)
        self.panel.run_asked.connect(lambda: self.run.start(self))
        self.panel.again_asked.connect(self._run_again_here)

    def _on_user_layer(self, kind: str) -> None:
        self._user_chose[kind] = True
        self._on_option()

    def _on_option(self, *_args: Any) -> None:
        if not self._recalling:
            self.remember()
        self._settle.start()

    def _on_layers(self, *_args: Any) -> None:
        self._guess_due = True  # not now: the combo boxes do not know the new layers yet
        self._settle.start()

    def _guess(self) -> None:
        """Fill in the layers that the user has not chosen."""
        self._guess_due = False
        tree = QgsProject.instance().layerTreeRoot()
        rgb, dsm = guess_pair(tree.layerOrder() or QgsProject.instance().mapLayers().values())
        for kind, combo, guessed in (("rgb", self.rgb, rgb), ("dsm", self.dsm, dsm)):
            if not self._user_chose[kind] and guessed is not None and combo.currentLayer() is None:
                combo.setLayer(guessed)

    def _run_again_here(self) -> None:
        self.region.mode.setCurrentIndex(0)
        self.run.start(self)

    def _findings(self, inputs: Inputs) -> List[Finding]:
        if not QgsProject.instance().mapLayers():
            text = tr("Add an orthophoto, a surface model (DSM), or both to the project to begin.")
            return [Finding(Weight.ASKS, text)]
        return check(inputs)

    def _forecast(self, inputs: Inputs) -> Optional[Forecast]:
        gsd = inputs.run_gsd
        if inputs.model is None or inputs.region is None or gsd is None:
            return None
        key = key_of(inputs.model.name, "+".join(sorted(inputs.kinds)), self.advanced.device.currentData())
        heights = self.advanced.keep_heights.isChecked() and inputs.dsm is not None
        region = covered(inputs) or inputs.region
        data = data_box(inputs) if inputs.model.trainable else None  # of other networks the engine crops no tiles
        return forecast(region, inputs.region_crs, inputs.model, gsd, recall(key), heights, data)
