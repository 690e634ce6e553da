"""The options that have a good default: bands, pixel size, device, outlines, results folder."""

import re
from typing import Any, Dict, List, Optional

from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget, QgsRasterBandComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLabel, QWidget

from ....engine.jobs.segment import LOOKS
from ...i18n import tr
from ...layers.export import DEFAULT_CAP_MB
from ..logic import words
from ..logic.checks import is_online
from ..logic.memory import ProjectMemory
from ..logic.models import ModelInfo
from .page import shrinkable

DEVICES = ("auto", "cpu", "cuda")
_MIN_AREA_M2 = 10.0
_AS_ADVISED = -5.0  # one step below 0 %


class Advanced(QgsCollapsibleGroupBox):
    """The collapsed part of the Segment page. ``chosen`` when the user chose an option (bands follow layers, too)."""

    chosen = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Advanced"), parent)
        self.setSaveCollapsedState(False)
        self.setCollapsed(True)
        self._bands_of: Any = None
        form = QFormLayout(self)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

        self.rgb_bands = [shrinkable(QgsRasterBandComboBox()) for _ in range(3)]
        for combo, label, tip in zip(
            self.rgb_bands,
            (tr("Red band"), tr("Green band"), tr("Blue band")),
            (tr("red"), tr("green"), tr("blue")),
        ):
            combo.setToolTip(tr("Band of the RGB layer that holds {colour}.", colour=tip))
            form.addRow(label, combo)
        self.dsm_band = shrinkable(QgsRasterBandComboBox())
        self.dsm_band.setToolTip(tr("Band of the DSM layer that holds the heights."))
        form.addRow(tr("Height band"), self.dsm_band)

        self.gsd = QDoubleSpinBox()
        self.gsd.setDecimals(3)
        self.gsd.setRange(0.0, 100.0)
        self.gsd.setSingleStep(0.05)
        self.gsd.setSuffix(tr(" m"))
        self.gsd.setSpecialValueText(tr("as trained"))
        self.gsd.setToolTip(
            tr("Side of a pixel on the ground while the model works. Smaller shows more and takes longer.")
        )
        form.addRow(tr("Pixel size"), shrinkable(self.gsd))
        self.device = shrinkable(QComboBox())
        for device, text in zip(DEVICES, (tr("Automatic"), tr("Processor"), tr("Graphics card"))):
            self.device.addItem(text, device)
        self.device.setToolTip(
            tr("What computes: the processor (CPU) or an NVIDIA graphics card, where the engine can use one.")
        )
        form.addRow(tr("Compute on"), self.device)

        self.look_count = shrinkable(QComboBox())
        texts = (tr("As the model advises"), tr("Once: quickest"), tr("Twice"), tr("4 times"), tr("8 times: surest"))
        for looks, text in zip((None, *LOOKS), texts):
            self.look_count.addItem(text, looks)
        self.look_count.setToolTip(
            tr(
                "How often the model looks at each place, turned each time; the mean counts."
                " More looks make fewer mistakes and take as many times longer."
            )
        )
        form.addRow(tr("Looks per place"), self.look_count)

        self.min_area = QDoubleSpinBox()
        self.min_area.setDecimals(0)
        self.min_area.setRange(0, 10_000)
        self.min_area.setValue(_MIN_AREA_M2)
        self.min_area.setSuffix(tr(" m²"))
        self.min_area.setToolTip(tr("Buildings smaller than this are left out, of outlines and roof classes alike."))
        form.addRow(tr("Smallest building"), shrinkable(self.min_area))
        self.min_confidence = QDoubleSpinBox()
        self.min_confidence.setDecimals(0)
        self.min_confidence.setRange(_AS_ADVISED, 100)
        self.min_confidence.setSingleStep(5)
        self.min_confidence.setValue(_AS_ADVISED)
        self.min_confidence.setSuffix(tr(" %"))
        self.min_confidence.setSpecialValueText(tr("as advised"))
        self.min_confidence.setToolTip(
            tr(
                "Buildings of which the model is less sure are left out (its own advice, unless you say),"
                " so are bridges, and trees that look like roofs. 0 % keeps all: more found, and more invented."
            )
        )
        form.addRow(tr("Least certainty"), shrinkable(self.min_confidence))
        self.regularise = QCheckBox(tr("Straighten outlines"))
        self.regularise.setChecked(True)
        self.regularise.setToolTip(tr("Give buildings straight walls and square corners where the data agrees."))
        self.keep_heights = QCheckBox(tr("Also write heights"))
        self.keep_heights.setToolTip(tr("Adds a raster of heights above the ground. Needs a DSM."))
        self.skip_empty = QCheckBox(tr("Skip flat areas"))
        self.skip_empty.setToolTip(
            tr("Saves time where the DSM shows nothing that stands above the ground. Needs a DSM.")
        )
        for box in (self.regularise, self.keep_heights, self.skip_empty):
            form.addRow(box)
        self.export_cap = QDoubleSpinBox()
        self.export_cap.setDecimals(0)
        self.export_cap.setRange(1, 1_000_000)
        self.export_cap.setValue(DEFAULT_CAP_MB)
        self.export_cap.setSuffix(tr(" MB"))
        self.export_cap.setToolTip(
            tr("A layer that is no local file (WMS, XYZ, database) is first written to one, not larger than this.")
        )
        self._export_label = QLabel(tr("Online layers up to"))
        form.addRow(self._export_label, shrinkable(self.export_cap))
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setDialogTitle(tr("Folder for results"))
        self.folder.lineEdit().setPlaceholderText(tr("Temporary folder"))
        self.folder.setToolTip(
            tr("Each run gets its own folder in here. Empty: a temporary folder, deleted when QGIS closes.")
        )
        form.addRow(tr("Save results in"), self.folder)
        self._connect()

    def follow_layers(self, rgb: Any, dsm: Any) -> None:
        """Offer the bands of these layers; the options that need a DSM go with it."""
        if self._bands_of != (rgb, dsm):
            self._bands_of = (rgb, dsm)
            for number, combo in enumerate(self.rgb_bands):
                combo.setLayer(rgb)
                if rgb is not None:
                    combo.setBand(_colour_bands(rgb)[number])
            self.dsm_band.setLayer(dsm)
        for widget in self.rgb_bands:
            widget.setEnabled(rgb is not None and rgb.bandCount() >= 3)
        for widget in (self._export_label, self.export_cap):
            widget.setVisible(is_online(rgb) or is_online(dsm))
        for widget in (self.dsm_band, self.skip_empty, self.keep_heights):
            widget.setEnabled(dsm is not None)

    def follow_model(self, model: Optional[ModelInfo], run_gsd: Optional[float]) -> None:
        """Say at which pixel sizes the model works, and at ``run_gsd`` metres if nothing is asked for."""
        if model is None:
            return
        own = model.gsd_trained if self.gsd_m is not None or run_gsd is None else run_gsd
        size = words.metres_per_pixel(own)
        coarser = own > model.gsd_trained
        self.gsd.setSpecialValueText(
            tr("to suit the layers ({gsd})", gsd=size) if coarser else tr("as trained ({gsd})", gsd=size)
        )
        self.gsd.setToolTip(
            tr(
                "Side of a pixel on the ground while the model works, from {low} to {high}."
                " Smaller shows more and takes longer.",
                low=words.metres_per_pixel(model.gsd_min),
                high=words.metres_per_pixel(model.gsd_max),
            )
        )

    @property
    def gsd_m(self) -> Optional[float]:
        """Metres per pixel; None: the model's own."""
        return self.gsd.value() or None

    @property
    def looks(self) -> Optional[int]:
        """How often the model looks at each place; None: what it advises."""
        return self.look_count.currentData()

    @property
    def least_confidence(self) -> Optional[float]:
        """From 0 to 1; None: what the model advises."""
        chosen = self.min_confidence.value()
        return None if chosen < 0 else chosen / 100

    @property
    def bands(self) -> "List[int]":
        """Red, green and blue band of the RGB layer."""
        return [combo.currentBand() for combo in self.rgb_bands]

    def remember(self, memory: ProjectMemory) -> None:
        """Write the options into the project."""
        values: Dict[str, Any] = {
            "segment/rgb_bands": ",".join(str(band) for band in self.bands),
            "segment/dsm_band": self.dsm_band.currentBand(),
            "segment/gsd": self.gsd.value(),
            "segment/device": self.device.currentData(),
            "segment/looks": self.looks or 0,
            "segment/regularise": self.regularise.isChecked(),
            "segment/min_area": self.min_area.value(),
            "segment/min_confidence": self.min_confidence.value(),
            "segment/skip_empty": self.skip_empty.isChecked(),
            "segment/keep_heights": self.keep_heights.isChecked(),
            "segment/export_cap": self.export_cap.value(),
            "segment/folder": self.folder.filePath(),
        }
        for key, value in values.items():
            memory.write(key, value)

    def recall(self, memory: ProjectMemory) -> None:
        """Take the options from the project, defaults where it holds none (bands after ``follow_layers``)."""
        bands = [_band(text) for text in memory.read("segment/rgb_bands").split(",")]
        if len(bands) == 3 and all(bands):
            for combo, band in zip(self.rgb_bands, bands):
                combo.setBand(band)
        if band := _band(memory.read("segment/dsm_band")):
            self.dsm_band.setBand(band)
        self.gsd.setValue(memory.read_float("segment/gsd", 0.0))
        device = memory.read("segment/device", "auto")
        self.device.setCurrentIndex(DEVICES.index(device) if device in DEVICES else 0)
        looks = memory.read("segment/looks", "0")
        known = [str(item) for item in LOOKS]
        self.look_count.setCurrentIndex(known.index(looks) + 1 if looks in known else 0)
        self.regularise.setChecked(memory.read_bool("segment/regularise", True))
        self.min_area.setValue(memory.read_float("segment/min_area", _MIN_AREA_M2))
        self.min_confidence.setValue(memory.read_float("segment/min_confidence", _AS_ADVISED))
        self.skip_empty.setChecked(memory.read_bool("segment/skip_empty", False))
        self.keep_heights.setChecked(memory.read_bool("segment/keep_heights", False))
        self.export_cap.setValue(memory.read_float("segment/export_cap", DEFAULT_CAP_MB))
        self.folder.setFilePath(memory.read("segment/folder"))

    def _connect(self) -> None:
        for combo in (*self.rgb_bands, self.dsm_band):
            combo.activated.connect(self._on_chosen)
        self.gsd.valueChanged.connect(self._on_chosen)
        self.export_cap.valueChanged.connect(self._on_chosen)
        self.min_area.valueChanged.connect(self._on_chosen)
        self.min_confidence.valueChanged.connect(self._on_chosen)
        self.device.currentIndexChanged.connect(self._on_chosen)
        self.look_count.currentIndexChanged.connect(self._on_chosen)
        self.folder.fileChanged.connect(self._on_chosen)
        for box in (self.regularise, self.keep_heights, self.skip_empty):
            box.toggled.connect(self._on_chosen)

    def _on_chosen(self, *_args: Any) -> None:
        self.chosen.emit()


def _colour_bands(layer: Any) -> "List[int]":
    """Bands of red, green and blue: those that the layer is drawn with, else the first three (or the only one)."""
    renderer = layer.renderer()
    if renderer is not None and renderer.type() == "multibandcolor":
        bands = [renderer.redBand(), renderer.greenBand(), renderer.blueBand()]
        if all(1 <= band <= layer.bandCount() for band in bands):
            return bands
    return [min(number, layer.bandCount()) for number in (1, 2, 3)]


def _band(text: str) -> int:
    """Return the number of a band, 0 if the text is none."""
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,4}", text) else 0
