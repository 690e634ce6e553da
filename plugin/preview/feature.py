"""Live preview and roof tool, joined to the Segment page, the map and the project."""

from typing import Any, Dict

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QObject

from ...engine.jobs.serve import Scene
from .live import LivePreview
from .panel import PreviewPanel
from .roofs import RoofTool
from .scene import scene_of
from .warm_engine import WarmEngine


class PreviewFeature(QObject):
    """Owns the warm engine and all that uses it; the page shows ``panel`` and calls ``release`` at its end.

    Args:
        canvas: the map canvas.
        page: the Segment page, whose choices are looked at anew for every request.
    """

    def __init__(self, canvas: Any, page: Any) -> None:
        super().__init__(page)
        self._page = page
        self._summary: Dict[str, Any] = {}
        self.engine = WarmEngine(self)
        self.live = LivePreview(canvas, self.engine, self._scene, self)
        self.roofs = RoofTool(canvas, self.engine, self._scene, self)
        self.panel = PreviewPanel()
        panel, live, roofs = self.panel, self.live, self.roofs
        panel.preview_switched.connect(live.switch)
        panel.preview_switched.connect(self._on_switched)
        panel.roofs_switched.connect(roofs.switch)
        panel.layer_chosen.connect(live.show_layer)
        panel.layer_chosen.connect(lambda _name: self._show_shares())
        panel.opacity_chosen.connect(live.set_opacity)
        roofs.switched.connect(panel.roofs.setChecked)
        live.said.connect(panel.say)
        live.troubled.connect(panel.show_trouble)
        live.layers_known.connect(self._on_layers)
        live.pictured.connect(self._on_picture)
        QgsProject.instance().cleared.connect(self.close)
        QgsApplication.instance().aboutToQuit.connect(self.close)

    def follow_page(self) -> None:
        """Look anew at what the page holds: layers, model or options have changed."""
        self.live.follow()

    def set_engine_ready(self, ready: bool) -> None:
        """Offer both only where there is an engine; one that goes, or is made anew, is not kept warm."""
        self.panel.setEnabled(ready)
        if not ready:
            self.close()

    def renew(self) -> None:
        """Let the engine go, which may hold a model that is about to change or has; a preview begins anew."""
        self.engine.stop()
        self.live.follow()

    def close(self) -> None:
        """Switch both off and end the engine; all can be switched on again."""
        self.panel.preview.setChecked(False)
        self.panel.roofs.setChecked(False)
        self.engine.stop()

    def release(self) -> None:
        """Let go of map and project, for good."""
        QgsProject.instance().cleared.disconnect(self.close)
        QgsApplication.instance().aboutToQuit.disconnect(self.close)
        self.close()
        self.engine.shut_down()

    def _scene(self) -> Scene:
        return scene_of(self._page)

    def _on_layers(self, names: Any) -> None:
        self.panel.offer_layers(names)
        self.live.show_layer(str(self.panel.layer.currentData() or ""))

    def _on_picture(self, summary: Dict[str, Any]) -> None:
        self._summary = summary
        self._show_shares()

    def _on_switched(self, on: bool) -> None:
        if not on:
            self._summary = {}

    def _show_shares(self) -> None:
        shares = self._summary.get("shares", {}).get(self.live.shown, {})
        if self._summary and not shares:
            self.panel.show_scale(self.live.scale)
            return
        self.panel.show_shares(shares, self._page.current_model)
