"""The question "where": what the map shows, a layer's extent, a drawn shape, or the selected polygons of a layer."""

from dataclasses import dataclass
from typing import Any, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsMapLayerProxyModel,
    QgsPointXY,
    QgsProject,
    QgsWkbTypes,
)
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from ...i18n import tr
from ...paths import icon_path
from ...tools.draw_region import DrawPolygon, DrawRectangle, region_band
from ..logic.ground import outline_of
from ..logic.memory import ProjectMemory
from .notes import wrapped
from .page import shrinkable

MODES = ("canvas", "layer", "drawn", "selected")


@dataclass(frozen=True)
class RegionChoice:
    """A region: a polygon and its CRS, or why there is none."""

    geometry: Any = None
    crs: Any = None
    problem: str = ""


class RegionPicker(QWidget):
    """Asks for the region.

    ``changed`` whenever ``choice()`` may be another, ``chosen`` only when the user made it so: layers that come and go
    with a project change the region too, and must not be written into that project.
    """

    changed = pyqtSignal()
    chosen = pyqtSignal()

    def __init__(self, canvas: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._drawn: Any = None
        self._drawn_crs: Any = None
        self._band: Any = None
        self._tool: Any = None
        self._tool_before: Any = None
        self._watched: Any = None

        self.mode = shrinkable(QComboBox())
        for mode, text in zip(
            MODES,
            (tr("What the map shows"), tr("Extent of a layer"), tr("Draw on the map"), tr("Selected polygons")),
        ):
            self.mode.addItem(text, mode)
        self.mode.setToolTip(tr("Which area to work on. The results cover this area and nothing else."))
        self.mode.setAccessibleName(tr("Region"))
        self.layer = shrinkable(QgsMapLayerComboBox())
        self.layer.setFilters(QgsMapLayerProxyModel.RasterLayer | QgsMapLayerProxyModel.VectorLayer)
        self.layer.setToolTip(tr("The region is the rectangle around this layer."))
        self.layer.setAccessibleName(tr("Layer whose extent is the region"))
        self.selected = shrinkable(QgsMapLayerComboBox())
        self.selected.setFilters(QgsMapLayerProxyModel.PolygonLayer)
        self.selected.setToolTip(tr("The region is made of the polygons that are selected in this layer."))
        self.selected.setAccessibleName(tr("Layer whose selected polygons are the region"))

        self._details = QStackedWidget()
        for widget in (QWidget(), self.layer, self._drawing_row(), self.selected):
            self._details.addWidget(widget)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.mode)
        rows.addWidget(self._details)
        self._show_details()
        self.setFocusProxy(self.mode)

        for combo in (self.mode, self.layer, self.selected):
            combo.activated.connect(lambda _index: self.chosen.emit())
        self.mode.currentIndexChanged.connect(self._on_mode)
        self.layer.layerChanged.connect(self._on_changed)
        self.selected.layerChanged.connect(self._on_select_layer)
        canvas.extentsChanged.connect(self._on_canvas)
        canvas.destinationCrsChanged.connect(self._on_canvas)
        self._watch_selection()

    def choice(self) -> RegionChoice:
        """Return the region as it is now."""
        mode = self.mode.currentData()
        if mode == "canvas":
            corners = self._canvas.mapSettings().visiblePolygon()  # a rotated map shows a rotated rectangle
            polygon = QgsGeometry.fromPolygonXY([[QgsPointXY(corners.at(number)) for number in range(4)]])
            return RegionChoice(polygon, self._canvas.mapSettings().destinationCrs())
        if mode == "layer":
            return self._layer_choice()
        if mode == "drawn":
            if self._drawn is None:
                return RegionChoice(problem=tr("Draw the region: choose rectangle or polygon, then use the map."))
            return RegionChoice(self._drawn, self._drawn_crs)
        return self._selected_choice()

    def set_drawn(self, geometry: Any, crs: Any) -> None:
        """Take a polygon as the drawn region, and choose it."""
        self._drawn, self._drawn_crs = QgsGeometry(geometry), QgsCoordinateReferenceSystem(crs)
        self.mode.setCurrentIndex(MODES.index("drawn"))
        self._show_band()
        self.changed.emit()
        self.chosen.emit()

    def start_drawing(self, tool_class: Any) -> None:
        """Hand the map to a drawing tool; a second call ends it."""
        was = self._tool
        self.stop_drawing()
        if was is not None and isinstance(was, tool_class):
            self._press_buttons()
            return
        self._tool_before = self._canvas.mapTool()
        self._tool = tool_class(self._canvas)
        self._tool.drawn.connect(self._on_drawn)
        self._tool.abandoned.connect(self.stop_drawing)
        self._tool.deactivated.connect(self._on_tool_left)
        self._canvas.setMapTool(self._tool)
        self._canvas.setFocus()
        self._press_buttons()

    def stop_drawing(self) -> None:
        """Give the map back to the tool that had it."""
        tool, self._tool = self._tool, None
        if tool is None:
            return
        tool.deactivated.disconnect(self._on_tool_left)
        if self._tool_before is not None:
            self._canvas.setMapTool(self._tool_before)
        else:
            self._canvas.unsetMapTool(tool)
        tool.dispose()
        self._press_buttons()

    def show_on_map(self, visible: bool) -> None:
        """Show or hide the drawn region on the map (hidden while the dock is closed)."""
        if visible:
            self._show_band()
        else:
            self.stop_drawing()
            self._hide_band()

    def remember(self, memory: ProjectMemory) -> None:
        """Write the choice into the project."""
        memory.write("segment/region", self.mode.currentData())
        for key, combo in (("segment/region_layer", self.layer), ("segment/select_layer", self.selected)):
            layer = combo.currentLayer()
            memory.write(key, layer.id() if layer else "")
        if self._drawn is not None:
            memory.write("segment/drawn_wkt", self._drawn.asWkt(6))
            memory.write("segment/drawn_crs", self._drawn_crs.authid() or self._drawn_crs.toWkt())

    def recall(self, memory: ProjectMemory) -> None:
        """Take the choice from the project; what it does not hold becomes the default."""
        geometry = QgsGeometry.fromWkt(memory.read("segment/drawn_wkt"))
        crs = QgsCoordinateReferenceSystem(memory.read("segment/drawn_crs"))
        usable = not geometry.isNull() and geometry.type() == QgsWkbTypes.PolygonGeometry
        self._drawn, self._drawn_crs = (geometry, crs) if usable and crs.isValid() else (None, None)
        for key, combo in (("segment/region_layer", self.layer), ("segment/select_layer", self.selected)):
            layer = QgsProject.instance().mapLayer(memory.read(key))
            if layer is not None:
                combo.setLayer(layer)
        mode = memory.read("segment/region", "canvas")
        self.mode.setCurrentIndex(MODES.index(mode) if mode in MODES else 0)
        self._show_details()
        self._show_band()

    def release(self) -> None:
        """Let go of the canvas: signals, tool and band."""
        self.stop_drawing()
        self._hide_band()
        self._canvas.extentsChanged.disconnect(self._on_canvas)
        self._canvas.destinationCrsChanged.disconnect(self._on_canvas)
        self._unwatch_selection()

    def _drawing_row(self) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        self.rectangle = self._drawing_button(
            "draw_rectangle", tr("Rectangle"), tr("Drag on the map, or click two opposite corners."), DrawRectangle
        )
        self.polygon = self._drawing_button(
            "draw_polygon",
            tr("Polygon"),
            tr("Click the corners on the map; a right click finishes, Backspace takes the last corner back."),
            DrawPolygon,
        )
        layout.addWidget(self.rectangle)
        layout.addWidget(self.polygon)
        layout.addStretch(1)
        self._how = wrapped()
        column = QWidget()
        rows = QVBoxLayout(column)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(row)
        rows.addWidget(self._how)
        rows.addStretch(1)
        rows.setSpacing(4)
        self._how.hide()
        return column

    def _drawing_button(self, icon: str, text: str, tip: str, tool_class: Any) -> QToolButton:
        button = QToolButton()
        button.setIcon(QIcon(icon_path(icon)))
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.clicked.connect(lambda _checked=False: self.start_drawing(tool_class))
        return button

    def _press_buttons(self) -> None:
        for button, tool_class in ((self.rectangle, DrawRectangle), (self.polygon, DrawPolygon)):
            pressed = isinstance(self._tool, tool_class)
            button.setChecked(pressed)
            if pressed:
                self._how.setText(button.toolTip())
        self._how.setVisible(self._tool is not None)

    def _layer_choice(self) -> RegionChoice:
        layer = self.layer.currentLayer()
        if layer is None:
            return RegionChoice(problem=tr("There is no layer in the project yet."))
        if not layer.crs().isValid():
            return RegionChoice(problem=tr("The layer “{name}” has no CRS.", name=layer.name()))
        if layer.extent().isEmpty():
            return RegionChoice(problem=tr("The layer “{name}” is empty.", name=layer.name()))
        return RegionChoice(outline_of(layer), layer.crs())

    def _selected_choice(self) -> RegionChoice:
        layer = self.selected.currentLayer()
        if layer is None:
            return RegionChoice(problem=tr("There is no polygon layer in the project."))
        if not layer.crs().isValid():
            return RegionChoice(problem=tr("The layer “{name}” has no CRS.", name=layer.name()))
        shapes = [feature.geometry() for feature in layer.selectedFeatures() if feature.hasGeometry()]
        if not shapes:
            return RegionChoice(problem=tr("Select one or more polygons in the layer “{name}”.", name=layer.name()))
        union = QgsGeometry.unaryUnion([shape if shape.isGeosValid() else shape.makeValid() for shape in shapes])
        if union.isEmpty() or union.area() <= 0:
            return RegionChoice(problem=tr("The selected polygons of “{name}” have no area.", name=layer.name()))
        return RegionChoice(union, layer.crs())

    def _on_drawn(self, geometry: Any) -> None:
        crs = self._canvas.mapSettings().destinationCrs()
        self.stop_drawing()
        self.set_drawn(geometry, crs)

    def _on_tool_left(self) -> None:
        """The user took another map tool: forget ours, and do not put the one before back."""
        tool, self._tool = self._tool, None
        if tool is not None:
            tool.dispose()
        self._press_buttons()

    def _on_mode(self) -> None:
        self._show_details()
        self.stop_drawing()
        self._show_band()
        self._on_changed()

    def _show_details(self) -> None:
        index = max(0, self.mode.currentIndex())
        self._details.setVisible(index > 0)
        self.selected.setEnabled(self.selected.count() > 0)
        self._details.setCurrentIndex(index)

    def _on_canvas(self) -> None:
        if self.mode.currentData() == "canvas":
            self.changed.emit()

    def _on_select_layer(self) -> None:
        self.selected.setEnabled(self.selected.count() > 0)
        self._watch_selection()
        self._on_changed()

    def _on_changed(self, *_args: Any) -> None:
        self.changed.emit()

    def _watch_selection(self) -> None:
        self._unwatch_selection()
        self._watched = self.selected.currentLayer()
        if self._watched is not None:
            self._watched.selectionChanged.connect(self._on_changed)

    def _unwatch_selection(self) -> None:
        watched, self._watched = self._watched, None
        try:
            if watched is not None:
                watched.selectionChanged.disconnect(self._on_changed)
        except (RuntimeError, TypeError):
            return  # the layer was removed from the project: its signals went with it

    def _show_band(self) -> None:
        if self.mode.currentData() != "drawn" or self._drawn is None or not self.isVisible():
            self._hide_band()
            return
        if self._band is None:
            self._band = region_band(self._canvas, filled=False)
        self._band.setToGeometry(self._drawn, self._drawn_crs)
        self._band.show()

    def _hide_band(self) -> None:
        band, self._band = self._band, None
        if band is not None:
            self._canvas.scene().removeItem(band)
