"""The roof tool at work: a click asks the warm engine, the outline and a card answer, a key keeps the roof."""

from typing import Any, Callable, Dict, Optional

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...engine.jobs import RidgelineError
from ...engine.jobs.serve import RoofRequest, Scene
from ..engine_link.job import crs_text
from ..i18n import tr
from ..layers.roofs import add_roof, find_layer
from ..tools.click_roof import ClickRoof
from ..tools.draw_region import region_band
from .roof_card import RoofCard
from .warm_engine import WarmEngine, is_cancelled


class RoofTool(QObject):
    """Owns map tool, outline and card while it is switched on.

    Args:
        canvas: the map canvas.
        engine: answers; shared with the preview.
        scene: returns what to look at; raises RidgelineError saying what is missing.
    """

    switched = pyqtSignal(bool)
    """The tool was taken up or put away, by whatever way."""

    def __init__(
        self, canvas: Any, engine: WarmEngine, scene: Callable[[], Scene], parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self._canvas, self._engine, self._scene = canvas, engine, scene
        self._asked = ""
        self._model = self._asked_model = ""
        self._tool: Optional[ClickRoof] = None
        self._before: Any = None
        self.roof: Optional[Dict[str, Any]] = None
        self.card: Optional[RoofCard] = None
        self.band: Any = None
        engine.answered.connect(self._on_answer)
        engine.failed.connect(self._on_fault)

    @property
    def is_on(self) -> bool:
        """Whether the tool is the map's."""
        return self._tool is not None

    @property
    def tool(self) -> Optional[ClickRoof]:
        """The map tool, None while it is put away."""
        return self._tool

    def switch(self, on: bool) -> None:
        """Take the tool up, or put it away."""
        if on == self.is_on:
            return
        if not on:
            self._put_away()
            return
        self._before = self._canvas.mapTool()
        self._tool = ClickRoof(self._canvas)
        self._tool.clicked.connect(self.ask)
        self._tool.add_asked.connect(self.add)
        self._tool.escaped.connect(self._on_escape)
        self.band = region_band(self._canvas)
        self.card = RoofCard(self._canvas)
        self.card.add_asked.connect(self.add)
        self.card.closed.connect(self.clear)
        self._canvas.setMapTool(self._tool)
        self._canvas.mapToolSet.connect(self._on_other_tool)
        self._canvas.setFocus()
        self.switched.emit(True)

    def ask(self, point: Any) -> None:
        """Ask for the roof at a place in the canvas's CRS."""
        if self.card is None:
            return
        self.clear()
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            scene = self._scene()
        except RidgelineError as fault:
            self.card.show_text(fault.message, fault.hint)
            return
        self._asked_model = scene.model
        self._asked = self._engine.ask(
            RoofRequest(scene, point.x(), point.y(), crs_text(crs) if crs.isValid() else None)
        )
        self.card.avoid(self._canvas.getCoordinateTransform().transform(point).x())
        self.card.show_waiting()

    def add(self) -> None:
        """Add the roof that is shown to the project's layer."""
        if self.roof is None or self.card is None:
            return
        before = find_layer()
        try:
            added = add_roof(self.roof, self._model)
        except RidgelineError as fault:
            self.card.say(f"{fault.message} {fault.hint}")
            return
        if not added:
            self.card.say(tr("The layer holds this roof already."))
        elif before is None and (layer := find_layer()) is not None:
            path = layer.source().split("|")[0]
            self.card.say(tr("Added to the new layer “Ridgeline roofs”, kept in {path}", path=path))
        else:
            self.card.say(tr("Added to “Ridgeline roofs”."))
        self.card.add.setEnabled(False)

    def clear(self) -> None:
        """Put the roof away that is shown or being waited for."""
        if self._asked:
            self._engine.cancel(self._asked)
        self._asked, self.roof = "", None
        if self.band is not None:
            self.band.reset()
        if self.card is not None:
            self.card.hide()
            self.card.add.setEnabled(True)

    def _on_answer(self, identity: str, result: Any) -> None:
        if identity != self._asked or self.card is None:
            return
        self._asked, self._model = "", self._asked_model
        if not result.summary.get("found"):
            self.card.show_text(tr("No building here"), tr("Click nearer to the middle of a roof."))
            return
        self.roof = dict(result.summary)
        self.band.setToGeometry(self._on_the_map(self.roof), None)
        self.card.show_roof(self.roof)

    def _on_fault(self, identity: str, fault: RidgelineError) -> None:
        if identity != self._asked or self.card is None:
            return
        self._asked = ""
        if is_cancelled(fault):
            self.card.hide()
        else:
            self.card.show_text(fault.message, fault.hint)

    def _on_the_map(self, roof: Dict[str, Any]) -> QgsGeometry:
        """Return the outline in the canvas's CRS."""
        outline = QgsGeometry.fromWkt(str(roof["outline_wkt"]))
        crs = QgsCoordinateReferenceSystem.fromWkt(str(roof["crs_wkt"]))
        target = self._canvas.mapSettings().destinationCrs()
        if crs.isValid() and target.isValid() and crs != target:
            try:
                outline.transform(QgsCoordinateTransform(crs, target, QgsProject.instance()))
            except QgsCsException:
                return QgsGeometry()  # nowhere on this map
        return outline

    def _on_escape(self) -> None:
        if self.card is not None and self.card.isVisible():
            self.clear()
        else:
            self._put_away()

    def _on_other_tool(self, tool: Any, *_before: Any) -> None:
        if tool is not self._tool:
            self._put_away(give_back=False)

    def _put_away(self, give_back: bool = True) -> None:
        tool = self._tool
        if tool is None:
            return
        self._canvas.mapToolSet.disconnect(self._on_other_tool)
        self.clear()
        self._tool = None
        if give_back:
            self._canvas.unsetMapTool(tool)
            if self._before is not None and not sip.isdeleted(self._before):
                self._canvas.setMapTool(self._before)
        self._before = None
        self._canvas.scene().removeItem(self.band)
        self.band = None
        if self.card is not None:
            self.card.release()
            self.card = None
        tool.deleteLater()
        self.switched.emit(False)
