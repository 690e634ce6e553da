"""Results into the layer tree: one group a run, each layer with its style."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from qgis.core import (
    NULL,
    QgsLayerTreeGroup,
    QgsLayerTreeLayer,
    QgsMapLayerLegendUtils,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsRasterSymbolLegendNode,
    QgsVectorLayer,
)

from ..i18n import tr
from ..paths import RESOURCES
from .classes import BACKGROUND, OWN_CLASSES

RESULT_PROPERTY = "ridgeline/result"
"""Custom property of every layer that we add; its value is the kind of result."""
_OWN_PROPERTY = "ridgeline/own_classes"
"""Custom property of rasters with other classes than those that Ridgeline knows."""
_OPACITY = 0.75
"""Of rasters of own classes, as the styles of the others have it: the picture beneath stays to be seen."""
_OF_CLASSES = ("land_cover", "roof_class", OWN_CLASSES)


@dataclass(frozen=True)
class ResultKind:
    """One file of a run: its name, how its layer is called, whether it is shown at first, and opened out."""

    file: str
    title: str
    visible: bool
    expanded: bool

    @property
    def style(self) -> Path:
        """The layer's style."""
        return RESOURCES / "styles" / f"{Path(self.file).stem}.qml"

    @property
    def name(self) -> str:
        """The kind's key in a run's outputs, such as ``roof_class``."""
        return Path(self.file).stem


def result_kinds() -> Tuple[ResultKind, ...]:
    """Return what a run may leave behind, uppermost layer first."""
    return (
        ResultKind("buildings.gpkg", tr("Buildings"), True, True),
        ResultKind("roof_class.tif", tr("Roof class"), False, False),
        ResultKind("land_cover.tif", tr("Land cover"), False, False),
        ResultKind("confidence.tif", tr("Confidence"), False, False),
        ResultKind("height_above_ground.tif", tr("Height above ground"), False, False),
    )


def extra_kinds(outputs: Mapping[str, str]) -> Tuple[ResultKind, ...]:
    """Return the class rasters of a run that only its model knows, such as the new classes of a fine-tuned one.

    They bring names and colours in the file itself.
    """
    known = {kind.name for kind in result_kinds()}
    names = [name for name, path in outputs.items() if str(path).endswith(".tif") and name not in known]
    titles = {OWN_CLASSES: tr("Own classes")}
    return tuple(
        ResultKind(f"{name}.tif", titles.get(name, name.replace("_", " ").capitalize()), True, True) for name in names
    )


def is_result(layer: Any) -> bool:
    """Whether a layer was added as a result of a run."""
    return bool(layer.customProperty(RESULT_PROPERTY, ""))


@dataclass(frozen=True)
class AddedRun:
    """What was added to the tree: the group's name and the layers by kind."""

    group: str
    layers: Dict[str, Any] = field(default_factory=dict)
    missing: Tuple[str, ...] = ()
    """Files that are there but could not be opened."""


def add_run(outputs: Mapping[str, str], title: str, project: Any = None) -> AddedRun:
    """Add the results of a run as one group on top of the layer tree.

    Where a model has classes of the user's own, they are what is shown at first: roof classes in their colours over
    them could not be told from them.

    Args:
        outputs: paths by kind (``buildings``, ``roof_class``, …, and class rasters of the model's own); others are
            left alone.
        title: name of the group.
        project: the project to add to; None: the open one.
    """
    project = project or QgsProject.instance()
    layers: Dict[str, Any] = {}
    failed: List[str] = []
    first, *others = result_kinds()
    kinds = (first, *extra_kinds(outputs), *others)  # outlines on top, then what the user has taught
    for kind in kinds:
        path = outputs.get(kind.name)
        if not path or not Path(path).is_file():
            continue
        layer = open_result(Path(path), kind)
        if layer is None:
            failed.append(kind.file)
        else:
            layers[kind.name] = layer
    has_own = any(layer.customProperty(_OWN_PROPERTY) for layer in layers.values())
    group = QgsLayerTreeGroup(title)
    for kind in kinds:
        layer = layers.get(kind.name)
        if layer is None:
            continue
        project.addMapLayer(layer, False)
        # what a node shows is settled before it joins the tree, which builds its legend then
        node = QgsLayerTreeLayer(layer)
        is_own = bool(layer.customProperty(_OWN_PROPERTY))
        node.setItemVisibilityChecked(is_own or (kind.visible and not (has_own and kind is first)))
        node.setExpanded(is_own or kind.expanded)
        shorten_legend(node)
        group.addChildNode(node)
    project.layerTreeRoot().insertChildNode(0, group)
    return AddedRun(title, layers, tuple(failed))


def shorten_legend(node: Any) -> None:
    """Leave out of a layer's legend the band's heading, and the roof classes that no building has.

    They stay in the style: the layer properties (*Legend*) bring them back.
    """
    layer, kept = node.layer(), None
    if layer.customProperty(RESULT_PROPERTY) == "buildings":
        present = layer.uniqueValues(layer.fields().indexOf("roof_class"))
        values = [category.value() for category in layer.renderer().categories()]
        kept = [number for number, value in enumerate(values) if value in present or (not value and NULL in present)]
    elif isinstance(layer, QgsRasterLayer):
        items = layer.legend().createLayerTreeModelLegendNodes(node)
        kept = [number for number, item in enumerate(items) if isinstance(item, QgsRasterSymbolLegendNode)]
    if kept:
        QgsMapLayerLegendUtils.setLegendNodeOrder(node, kept)


def open_result(path: Path, kind: ResultKind) -> Optional[Any]:
    """Return the layer of a result with its style, or None if the file cannot be opened."""
    if path.suffix == ".gpkg":
        layer: Any = QgsVectorLayer(f"{path}|layername={path.stem}", kind.title, "ogr")
        if not layer.isValid():
            layer = QgsVectorLayer(str(path), kind.title, "ogr")
    else:
        layer = QgsRasterLayer(str(path), kind.title)
    if not layer.isValid():
        return None
    apply_style(layer, kind)
    layer.setCustomProperty(RESULT_PROPERTY, kind.name)  # after the style, which brings properties of its own
    return layer


def apply_style(layer: Any, kind: ResultKind) -> bool:
    """Give a layer the style of its kind; return whether it has it.

    A raster whose file names classes other than the style's shows those, and is marked as showing the user's own: a
    model may have any classes of land cover.
    """
    named = _named_classes(layer)
    if kind.style.is_file():
        _message, loaded = layer.loadNamedStyle(str(kind.style))
        if isinstance(layer, QgsVectorLayer):
            _name_own_fields(layer)
        if not named or _shown(named) <= _shown(_named_classes(layer)):
            layer.triggerRepaint()
            return bool(loaded)
    if named:
        band = layer.renderer().usesBands()[0]
        shown = [item for item in named if item.label != BACKGROUND]
        renderer = QgsPalettedRasterRenderer(layer.dataProvider(), band, shown)
        renderer.setOpacity(_OPACITY)
        layer.setRenderer(renderer)
        layer.setName(tr("Own classes") if kind.name in _OF_CLASSES else kind.title)
        layer.setCustomProperty(_OWN_PROPERTY, True)
        layer.triggerRepaint()
    return False


def _name_own_fields(layer: Any) -> None:
    """Give the attributes that only runs with the user's own classes have names for people."""
    for index, item in enumerate(layer.fields()):
        if item.name() == "own_class":
            layer.setFieldAlias(index, tr("Own class"))
        elif item.name().startswith("share_"):
            name = item.name()[len("share_") :].replace("_", " ")
            layer.setFieldAlias(index, tr("Share of {name} (0–1)", name=name))


def _named_classes(layer: Any) -> List[Any]:
    """Return the classes of a raster that have names: a file's colour table has 256 entries, most without meaning."""
    renderer = layer.renderer() if isinstance(layer, QgsRasterLayer) else None
    if renderer is None or renderer.type() != "paletted":
        return []
    return [item for item in renderer.classes() if item.label not in ("", str(int(item.value)))]


def _shown(classes: List[Any]) -> Set[Tuple[int, str]]:
    """Return values with their colours, which tell classes apart in any language."""
    return {(int(item.value), item.color.name()) for item in classes}


def store_style(layer: Any) -> bool:
    """Store the layer's style in its own GeoPackage, so that it looks the same wherever it is opened."""
    styles = layer.listStylesInDatabase()
    if layer.name() in styles[2]:
        return True
    message = layer.saveStyleToDatabase(layer.name(), tr("Ridgeline: buildings by roof class"), True, "")
    return not message


def read_run(path: Path) -> Dict[str, Any]:
    """Return what ``run.json`` says; empty if it cannot be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
