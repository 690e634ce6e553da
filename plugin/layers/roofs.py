"""The layer “Ridgeline roofs” of the project: roofs picked on the map, to be corrected by hand and learned from."""

from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsEditorWidgetSetup,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.places import data_home
from ..i18n import tr
from .classes import roof_titles
from .results import apply_style, result_kinds

ROOFS_PROPERTY = "ridgeline/roofs"
"""Custom property of the layer, by which it is found again whatever it is called."""
TABLE = "roofs"
FIELDS: Dict[str, Any] = {
    "roof_class": QVariant.String,
    "roof_confidence": QVariant.Double,
    "building_confidence": QVariant.Double,
    "area_m2": QVariant.Double,
    "ground_m": QVariant.Double,
    "height_max_m": QVariant.Double,
    "height_mean_m": QVariant.Double,
    "eave_height_m": QVariant.Double,
    "ridge_height_m": QVariant.Double,
    "volume_m3": QVariant.Double,
    "slope_deg": QVariant.Double,
    "azimuth_deg": QVariant.Double,
    "own_class": QVariant.String,
    "model": QVariant.String,
    "added": QVariant.String,
}
"""Named as in ``buildings.gpkg``; ``model`` says which model saw the roof, ``added`` when (ISO 8601)."""
_SAME = 0.5
"""Two outlines that share so much of the smaller one are the same roof."""


def find_layer(project: Any = None) -> Optional[Any]:
    """Return the project's layer of roofs, None if it has none that can be read.

    A project from other hands may mark any layer as this one: only a GeoPackage of polygons is taken for it.
    """
    layers = (project or QgsProject.instance()).mapLayers().values()
    return next((layer for layer in layers if layer.customProperty(ROOFS_PROPERTY) and _can_hold_roofs(layer)), None)


def _can_hold_roofs(layer: Any) -> bool:
    return bool(
        layer.isValid()
        and isinstance(layer, QgsVectorLayer)
        and layer.storageType() == "GPKG"
        and layer.geometryType() == QgsWkbTypes.PolygonGeometry
    )


def roofs_file(project: Any = None) -> Path:
    """Return a free file for the layer: beside the project, or in the user's data while it has no place of its own."""
    home = (project or QgsProject.instance()).absolutePath()
    folder = Path(home) if home else data_home() / "roofs"
    stem = "ridgeline_roofs" if home else f"ridgeline_roofs_{datetime.now():%Y-%m-%d_%H%M%S}"
    number, path = 1, folder / f"{stem}.gpkg"
    while path.exists():
        number += 1
        path = folder / f"{stem}_{number}.gpkg"
    return path


def add_roof(roof: Dict[str, Any], model: str, project: Any = None) -> bool:
    """Add a roof to the project's layer, which is made if there is none.

    Args:
        roof: what the engine said: ``outline_wkt``, ``crs_wkt`` and attributes.
        model: name of the model that saw it.
        project: None: the open one.

    Returns:
        False if the layer holds this roof already.

    Raises:
        RidgelineError: (OUTPUT_NOT_WRITABLE) if it cannot be written.
    """
    project = project or QgsProject.instance()
    crs = QgsCoordinateReferenceSystem.fromWkt(str(roof["crs_wkt"]))
    outline = QgsGeometry.fromWkt(str(roof["outline_wkt"]))
    layer = find_layer(project) or _make_layer(crs, project)
    if crs != layer.crs():
        outline.transform(QgsCoordinateTransform(crs, layer.crs(), project))
    if _holds(layer, outline):
        return False
    feature = QgsFeature(layer.fields())
    feature.setGeometry(outline)
    values = {**roof, "model": model, "added": f"{datetime.now():%Y-%m-%dT%H:%M:%S}"}
    for name in FIELDS:
        index = layer.fields().indexOf(name)
        if index >= 0 and values.get(name) is not None:
            feature.setAttribute(index, values[name])
    if layer.isEditable():
        done = layer.addFeature(feature)  # joins what the user is editing: undo takes it back
    else:
        done, _added = layer.dataProvider().addFeatures([feature])
        layer.updateExtents()
    if not done:
        raise _unwritable(layer.source().split("|")[0], "; ".join(layer.dataProvider().errors()))
    layer.triggerRepaint()
    return True


def _holds(layer: Any, outline: QgsGeometry) -> bool:
    for feature in layer.getFeatures(QgsFeatureRequest().setFilterRect(outline.boundingBox())):
        other = feature.geometry()
        smaller = min(outline.area(), other.area())
        shared = outline.intersection(other)
        if smaller > 0 and not shared.isNull() and shared.area() > _SAME * smaller:
            return True
    return False


def _make_layer(crs: Any, project: Any) -> Any:
    path = roofs_file(project)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _unwritable(str(path), str(fault)) from fault
    empty = QgsVectorLayer("Polygon", TABLE, "memory")
    empty.setCrs(crs)
    empty.dataProvider().addAttributes([QgsField(name, kind) for name, kind in FIELDS.items()])
    empty.updateFields()
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = TABLE
    outcome = QgsVectorFileWriter.writeAsVectorFormatV3(empty, str(path), project.transformContext(), options)
    layer = QgsVectorLayer(f"{path}|layername={TABLE}", tr("Ridgeline roofs"), "ogr")
    if outcome[0] != QgsVectorFileWriter.WriterError.NoError or not layer.isValid():
        raise _unwritable(str(path), str(outcome[1]))
    buildings = next(kind for kind in result_kinds() if kind.name == "buildings")
    apply_style(layer, buildings)
    _offer_classes(layer)
    _name_fields(layer)
    layer.setCustomProperty(ROOFS_PROPERTY, "1")
    project.addMapLayer(layer, False)
    project.layerTreeRoot().insertLayer(0, layer)
    return layer


def _offer_classes(layer: Any) -> None:
    """Let the class be chosen from a list while editing."""
    choices = [{title: name} for name, title in roof_titles().items() if name]
    index = layer.fields().indexOf("roof_class")
    layer.setEditorWidgetSetup(index, QgsEditorWidgetSetup("ValueMap", {"map": choices}))


def _name_fields(layer: Any) -> None:
    """Name what only this layer has, as the style does with the rest; numbers of rows are nobody's business."""
    fields = layer.fields()
    for name, title in (("model", tr("Seen by the model")), ("added", tr("Added on"))):
        layer.setFieldAlias(fields.indexOf(name), title)
    layer.setEditorWidgetSetup(fields.indexOf("fid"), QgsEditorWidgetSetup("Hidden", {}))


def _unwritable(path: str, why: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        tr("The file {path} cannot be written: {why}", path=path, why=why or tr("QGIS gives no reason")),
        tr("Save the project in a folder that you may write to."),
    )
