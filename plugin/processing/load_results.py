"""Results as styled layers in the project, where the toolbox is told to open them."""

from typing import Any, Dict, Mapping, Optional

from qgis.core import QgsProcessingContext, QgsProcessingLayerPostProcessorInterface

from ..layers.results import ResultKind, result_kinds


class ApplyStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives a layer the style of its kind once it has been opened.

    Args:
        kind: what the layer shows.
    """

    def __init__(self, kind: ResultKind) -> None:
        super().__init__()
        self._kind = kind

    def postProcessLayer(self, layer: Any, context: Any, feedback: Any) -> None:
        """Load the style."""
        if self._kind.style.is_file():
            layer.loadNamedStyle(str(self._kind.style))
            layer.triggerRepaint()


_KEPT: Dict[str, ApplyStyle] = {}
"""QGIS owns the post-processors, but Python's half of them must live until the layers are opened."""


def load_on_completion(outputs: Mapping[str, str], context: Any, others: Optional[Mapping[str, str]] = None) -> None:
    """Ask for the layers of a run to be opened, styled, if the algorithm was started from the toolbox.

    Args:
        outputs: paths by kind, as the engine named them.
        context: the algorithm's context.
        others: titles, by kind, of layers that have no style of their own.
    """
    project = context.project()
    if project is None:
        return
    for name, title in (others or {}).items():
        if outputs.get(name):
            details = QgsProcessingContext.LayerDetails(title, project, name)
            context.addLayerToLoadOnCompletion(outputs[name], details)
    for kind in reversed(result_kinds()):
        path = outputs.get(kind.name)
        if path:
            details = QgsProcessingContext.LayerDetails(kind.title, project, kind.name)
            _KEPT[kind.name] = ApplyStyle(kind)
            details.setPostProcessor(_KEPT[kind.name])
            context.addLayerToLoadOnCompletion(path, details)
