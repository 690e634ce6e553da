"""Live preview: results for what the map shows follow it as it is panned and zoomed."""

from typing import Any, Callable, Dict, List, Optional, Tuple

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.serve import PreviewRequest, Scene
from ..engine_link.job import crs_text
from ..i18n import tr
from ..layers.results import apply_style, result_kinds
from .overlay import PictureMaker, PreviewItem
from .warm_engine import WarmEngine, is_cancelled

DEBOUNCE_MS = 80
"""The engine is asked at the first move, and again once the map has been still for so long: longer than between two
steps of a wheel. A request too many costs little: it ends at its next tile, and what it computed is kept."""


class LivePreview(QObject):
    """Asks for pictures of the view while it is on, and shows one of the layers that come back.

    Args:
        canvas: the map canvas.
        engine: answers; shared with others.
        scene: returns what to look at; raises RidgelineError saying what is missing.
    """

    said = pyqtSignal(str)
    """What it does now, in words; empty: nothing to say."""
    troubled = pyqtSignal(object)
    """Why there is no picture: a RidgelineError; None: there is one again."""
    pictured = pyqtSignal(object)
    """A new picture: the summary of the request."""
    layers_known = pyqtSignal(object)
    """Names of the layers that can be shown."""

    def __init__(
        self, canvas: Any, engine: WarmEngine, scene: Callable[[], Scene], parent: Optional[QObject] = None
    ) -> None:
        super().__init__(parent)
        self._canvas, self._engine, self._scene = canvas, engine, scene
        self._on = False
        self._asked = ""
        self._wanted = ""
        self._paths: Dict[str, str] = {}
        self.scale: List[Tuple[str, str]] = []
        """What the colours of a measure that is shown mean: colour and words; empty for classes."""
        self._item: Optional[PreviewItem] = None
        self._opacity = 0.6
        self._maker = PictureMaker(canvas, self._show_image, self)
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(DEBOUNCE_MS)
        self._still.timeout.connect(self._on_still)
        self._stale = False
        engine.answered.connect(self._on_answer)
        engine.failed.connect(self._on_fault)
        engine.progressed.connect(self._on_progress)

    @property
    def is_on(self) -> bool:
        """Whether it follows the map."""
        return self._on

    @property
    def item(self) -> Optional[PreviewItem]:
        """What draws the picture; None while it is off."""
        return self._item

    @property
    def shown(self) -> str:
        """Name of the layer that is shown; empty without one."""
        return self._wanted if self._wanted in self._paths else next(iter(self._paths), "")

    def switch(self, on: bool) -> None:
        """Begin or cease to follow the map."""
        if on == self._on:
            return
        self._on = on
        # QGIS draws what lies around the map ahead of the next pan, on the processors that the engine needs now
        self._canvas.setPreviewJobsEnabled(not on)
        signals = ((self._canvas.extentsChanged, self._on_moved), (self._canvas.destinationCrsChanged, self.follow))
        if on:
            self._item = PreviewItem(self._canvas)
            self._item.setOpacity(self._opacity)
            for signal, slot in signals:
                signal.connect(slot)
            self._ask()
            return
        for signal, slot in signals:
            signal.disconnect(slot)
        self._still.stop()
        self._maker.stop()
        self._forget_request()
        self._paths = {}
        if self._item is not None:
            self._canvas.scene().removeItem(self._item)
            self._item = None
        self.said.emit("")
        self.troubled.emit(None)

    def follow(self, *_args: Any) -> None:
        """Ask anew once the map is still; what was asked before is no longer wanted."""
        if self._on:
            self._forget_request()
            self._stale = True
            self._still.start()

    def _on_moved(self) -> None:
        """Ask at once, unless the map moves already: a pan is one move, a turned wheel many."""
        if self._still.isActive():
            self.follow()
        else:
            self._ask()
            self._still.start()

    def _on_still(self) -> None:
        if self._stale:
            self._ask()

    def show_layer(self, name: str) -> None:
        """Show this layer of the results, now and from now on."""
        self._wanted = name
        self._draw()

    def set_opacity(self, opacity: float) -> None:
        """Set how much the picture covers the map: 0 (nothing) to 1."""
        self._opacity = opacity
        if self._item is not None:
            self._item.setOpacity(opacity)

    def _ask(self) -> None:
        if not self._on or self._canvas.extent().isEmpty():
            return
        self._forget_request()
        self._stale = False
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            if not crs.isValid():
                raise _no_crs()
            scene = self._scene()
        except RidgelineError as fault:
            self._trouble(fault)
            return
        extent = self._canvas.mapSettings().visibleExtent()
        box = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
        self._asked = self._engine.ask(PreviewRequest(scene, box, self._engine.folder, crs=crs_text(crs)))
        self.said.emit(tr("Computing …"))

    def _forget_request(self) -> None:
        if self._asked:
            self._engine.cancel(self._asked)
            self._asked = ""

    def _on_progress(self, identity: str, event: Any) -> None:
        if identity != self._asked:
            return
        outputs = (event.detail or {}).get("outputs") if event.phase == "part" else None
        if isinstance(outputs, dict):
            self._take(outputs)
        elif event.total > 1:
            self.said.emit(tr("Computing: {done} of {total} tiles", done=int(event.done), total=int(event.total)))

    def _on_answer(self, identity: str, result: Any) -> None:
        if identity != self._asked:
            return
        self._asked = ""
        self.said.emit("")
        self.troubled.emit(None)
        self._take(result.outputs)
        self.pictured.emit(result.summary)

    def _on_fault(self, identity: str, fault: RidgelineError) -> None:
        if identity != self._asked:
            return
        self._asked = ""
        if is_cancelled(fault):
            self.said.emit("")
        else:
            self._trouble(fault)

    def _trouble(self, fault: RidgelineError) -> None:
        self._maker.stop()
        if self._item is not None:
            self._item.wipe()
        self.said.emit("")
        self.troubled.emit(fault)

    def _take(self, outputs: Dict[str, str]) -> None:
        if list(outputs) != list(self._paths):
            self.layers_known.emit(list(outputs))
        self._paths = dict(outputs)
        self._draw()

    def _draw(self) -> None:
        path = self._paths.get(self.shown)
        if self._on and path:
            layer = QgsRasterLayer(path, self.shown)
            if layer.isValid():
                _style(layer, self.shown)
                self.scale = _scale(layer)
                self._maker.make(layer)

    def _show_image(self, image: Any, settings: Any) -> None:
        if self._item is not None:
            self._item.show_picture(image, settings)


def _style(layer: Any, name: str) -> None:
    """Give measures the look that they have as results; classes bring the model's colours with them."""
    if layer.renderer() is not None and layer.renderer().type() == "paletted":
        return
    kind = next((item for item in result_kinds() if item.name == name), None)
    if kind is not None:
        apply_style(layer, kind)
    if layer.renderer() is not None:
        layer.renderer().setOpacity(1.0)  # how much shows through is the preview's own choice


def _scale(layer: Any) -> "List[Tuple[str, str]]":
    """Return colours and words of a measure's styled layer; of classes none, which have their shares."""
    renderer = layer.renderer()
    if renderer is None or renderer.type() != "singlebandpseudocolor":
        return []
    steps = renderer.shader().rasterShaderFunction().colorRampItemList()
    return [(step.color.name(), step.label) for step in steps if step.color.alpha() > 0]


def _no_crs() -> RidgelineError:
    return RidgelineError(ErrorCode.NO_CRS, tr("The map has no CRS."), tr("Set it at the right of the status bar."))
