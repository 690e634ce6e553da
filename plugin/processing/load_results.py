"""Results as styled layers in the project, where the toolbox is told to open them."""

from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from qgis.core import QgsProcessingContext, QgsProcessingLayerPostProcessorInterface

from ..layers.results import ResultKind, apply_style, result_kinds
from ..layers.split import style_split

_LOOKS: Dict[str, Callable[[Any], None]] = {"split": style_split}
"""What gives a layer its look, by kind, where that is no file of styles."""


class ApplyStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives a layer the look of its kind once it has been opened: QGIS opens it as files of its format look.

    Args:
        kind: what the layer shows.
    """

    def __init__(self, kind: ResultKind) -> None:
        super().__init__()
        self._kind = kind

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        """Give it the look."""
        look = _LOOKS.get(self._kind.name)
        if look is not None:
            look(layer)
        else:
            apply_style(layer, self._kind)
        layer.triggerRepaint()


_KEPT: Dict[str, ApplyStyle] = {}
"""QGIS owns the post-processors, but Python's half of them must live until the layers are opened."""


def load_on_completion(outputs: Mapping[str, str], context: Any, others: Optional[Mapping[str, str]] = None) -> None:
    """Ask for the layers of a run to be opened, styled, if the algorithm was started from the toolbox.

    Args:
        outputs: paths by kind, as the engine named them.
        context: the algorithm's context.
        others: titles, by kind, of layers that not every run leaves behind.
    """
    project = context.project()
    if project is None:
        return
    more = [
        ResultKind(Path(outputs[name]).name, title, visible=True, expanded=True)
        for name, title in (others or {}).items()
        if outputs.get(name)
    ]
    for kind in (*more, *reversed(result_kinds())):
        path = outputs.get(kind.name)
        if path:
            details = QgsProcessingContext.LayerDetails(kind.title, project, kind.name)
            _KEPT[kind.name] = ApplyStyle(kind)
            details.setPostProcessor(_KEPT[kind.name])
            context.addLayerToLoadOnCompletion(path, details)
