"""Polygon layers as inputs of a job: every layer, edits and selection included, crosses as a small file."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsGeometry,
    QgsProcessing,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMatrix,
)

from ...engine.jobs import ErrorCode, RidgelineError
from ...engine.jobs.finetune import ClassMapping, PolygonLayer
from ..engine_link.job import crs_text
from ..i18n import tr
from .region_parameters import is_given

FIELD, CLASSES, AREA = "FIELD", "CLASSES", "AREA"
INPUTS_FOLDER = "inputs"
"""Where in the output folder what the engine reads is written, as `layer_inputs` does with rasters."""
_COLUMNS = 3
_DECIMALS = 10


@dataclass(frozen=True)
class PlannedPolygons:
    """Polygons read in the main thread, to be written in the worker's.

    Attributes:
        name: the layer's name.
        crs: its CRS, as the engine understands it.
        text: the polygons as GeoJSON.
    """

    name: str
    crs: str
    text: str


def add_label_parameters(algorithm: Any, name: str, title: str, help_text: str) -> None:
    """Add a polygon layer, its field, what the field's values mean, and the area in which everything is labelled."""
    polygons = [QgsProcessing.TypeVectorPolygon]
    algorithm.add(QgsProcessingParameterFeatureSource(name, title, polygons), help_text)
    algorithm.add(
        QgsProcessingParameterField(FIELD, tr("Field with the class"), parentLayerParameterName=name, optional=True),
        tr("Text or whole numbers. Empty: all polygons are buildings."),
    )
    algorithm.add(
        QgsProcessingParameterMatrix(
            CLASSES, tr("What the values mean"), 1, False, [tr("Value"), tr("Class"), tr("Colour")], optional=True
        ),
        tr(
            "One row for each value: a class of the model, such as gable, building or tree, or the name of a new one; "
            "an empty class leaves polygons out. The colour (#rrggbb) is that of a new class and may be empty. Without "
            "any row each value is the class of that name."
        ),
    )
    algorithm.add(
        QgsProcessingParameterFeatureSource(AREA, tr("Area in which everything is labelled"), polygons, optional=True),
        tr(
            "In it, what no polygon covers is background; nothing outside it counts. Without it only what lies in "
            "polygons is known."
        ),
    )


def plan_polygons(algorithm: Any, parameters: Dict[str, Any], name: str, field: str, context: Any) -> PlannedPolygons:
    """Read a polygon parameter. To be called in the main thread.

    Args:
        algorithm: the algorithm.
        parameters: its parameters.
        name: of the parameter.
        field: the only field that is taken over; empty: none.
        context: of the algorithm.

    Raises:
        RidgelineError: naming the layer, if it cannot be read, has no CRS or no such field.
    """
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            tr("The polygon layer cannot be read."),
            tr("Repair its source, or choose another layer."),
        )
    label = source.sourceName()
    if not source.sourceCrs().isValid():
        raise RidgelineError(
            ErrorCode.NO_CRS, tr("The layer “{name}” has no CRS.", name=label), tr("Set it in the layer properties.")
        )
    if field and source.fields().indexOf(field) < 0:
        raise RidgelineError(
            ErrorCode.BAD_LABELS,
            tr("The layer “{name}” has no field “{field}”.", name=label, field=field),
            tr("Choose one of its fields."),
        )
    features: List[str] = []
    for feature in source.getFeatures():
        geometry = feature.geometry()
        shape = "null" if geometry.isNull() else _linear(geometry).asJson(_DECIMALS) or "null"
        properties = json.dumps({field: _plain(feature[field])} if field else {})
        features.append(f'{{"type":"Feature","properties":{properties},"geometry":{shape}}}')
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(features) + "\n]}\n"
    return PlannedPolygons(label, crs_text(source.sourceCrs()), text)


def ready_polygons(planned: Optional[PlannedPolygons], out: str) -> Optional[PolygonLayer]:
    """Write the polygons beside the results in ``out`` and return them as an input. In any thread.

    The file's name follows from its content, so that the same polygons are the same input when a run goes on.

    Raises:
        RidgelineError: (OUTPUT_NOT_WRITABLE) if the folder cannot be written.
    """
    if planned is None:
        return None
    digest = hashlib.sha256(planned.text.encode()).hexdigest()[:12]
    file = Path(out) / INPUTS_FOLDER / f"polygons_{digest}.geojson"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(planned.text, encoding="utf-8")
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            tr("The folder {folder} cannot be written ({why}).", folder=out, why=fault.strerror),
            tr("Choose another folder."),
        ) from fault
    return PolygonLayer(str(file), crs=planned.crs, name=planned.name)


def read_classes(algorithm: Any, parameters: Dict[str, Any], context: Any) -> Tuple[ClassMapping, ...]:
    """Return what the values mean.

    Raises:
        RidgelineError: (BAD_JOB) naming what is no colour, or if a row is not complete.
    """
    if not is_given(parameters, CLASSES):
        return ()
    flat = [_plain(item) for item in algorithm.parameterAsMatrix(parameters, CLASSES, context)]
    flat = ["" if item is None else str(item).strip() for item in flat]
    if len(flat) % _COLUMNS:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            tr("The table of classes has {count} cells.", count=len(flat)),
            tr("Each row needs a value, a class and a colour; the last two may be empty."),
        )
    rows = [flat[i : i + _COLUMNS] for i in range(0, len(flat), _COLUMNS)]
    try:
        return tuple(ClassMapping(value, target, colour or None) for value, target, colour in rows if value or target)
    except ValueError as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            tr("The table of classes is not right: {why}.", why=fault),
            tr("Write #rrggbb, or nothing."),
        ) from fault


def _linear(geometry: Any) -> Any:
    """Curves have no place in GeoJSON."""
    return QgsGeometry(geometry.constGet().segmentize())


def _plain(value: Any) -> Any:
    """A value of an attribute as Python has it; what is none becomes None, what JSON does not know becomes text."""
    if value is None or (hasattr(value, "isNull") and value.isNull()):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str)) else str(value)
