"""The three ways to say where: a geometry, an extent, or the polygons of a layer; at most one of them."""

from typing import Any, Dict, Optional, Tuple

from qgis.core import (
    QgsGeometry,
    QgsProcessing,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterGeometry,
    QgsWkbTypes,
)

from ...engine.jobs import ErrorCode, Region, RidgelineError
from ..engine_link.job import region_of_extent, region_of_features, region_of_geometry
from ..i18n import tr
from .base import RidgelineAlgorithm

EXTENT, REGION_LAYER, REGION = "EXTENT", "REGION_LAYER", "REGION"


def add_region_parameters(algorithm: RidgelineAlgorithm) -> None:
    """Add the three parameters to an algorithm; all are optional."""
    algorithm.add(
        QgsProcessingParameterExtent(EXTENT, tr("Region: extent"), optional=True),
        tr("Where to work. Without any region, the area that all inputs share."),
    )
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            REGION_LAYER, tr("Region: polygons of a layer"), [QgsProcessing.TypeVectorPolygon], optional=True
        ),
        tr("Polygons to work in, instead of an extent; tick “selected features only” for the selected ones."),
    )
    algorithm.add(
        QgsProcessingParameterGeometry(
            REGION,
            tr("Region: drawn polygon"),
            optional=True,
            geometryTypes=[QgsWkbTypes.PolygonGeometry],
        ),
        tr("A polygon as text (WKT), with its CRS in front: CRS=EPSG:2154;POLYGON((…))."),
        advanced=True,
    )


def read_region(
    algorithm: Any, parameters: Dict[str, Any], context: Any
) -> Tuple[Optional[Region], Optional[QgsGeometry], Any]:
    """Return the region for the engine, the same as a geometry, and its CRS; None twice if none was given.

    Raises:
        RidgelineError: (BAD_REGION) if it is empty.
    """
    if is_given(parameters, REGION):
        geometry = algorithm.parameterAsGeometry(parameters, REGION, context)
        crs = algorithm.parameterAsGeometryCrs(parameters, REGION, context)
        if geometry.isNull() or geometry.type() != QgsWkbTypes.PolygonGeometry:
            raise RidgelineError(
                ErrorCode.BAD_REGION,
                tr("The drawn region is no polygon."),
                tr("Give it as CRS=EPSG:2154;POLYGON((…))."),
            )
        return region_of_geometry(geometry, crs), geometry, crs
    if is_given(parameters, REGION_LAYER):
        source = algorithm.parameterAsSource(parameters, REGION_LAYER, context)
        if source is None:
            raise RidgelineError(
                ErrorCode.INPUT_MISSING, tr("The region's layer cannot be read."), tr("Choose another layer.")
            )
        geometry, crs = region_of_features(source)
        return region_of_geometry(geometry, crs), geometry, crs
    if is_given(parameters, EXTENT):
        extent = algorithm.parameterAsExtent(parameters, EXTENT, context)
        crs = algorithm.parameterAsExtentCrs(parameters, EXTENT, context)
        return region_of_extent(extent, crs), QgsGeometry.fromRect(extent), crs
    return None, None, None


def region_problem(parameters: Dict[str, Any]) -> str:
    """Return what is wrong with the choice of region; empty if nothing is."""
    given = [name for name in (EXTENT, REGION_LAYER, REGION) if is_given(parameters, name)]
    if len(given) > 1:
        return tr("Give one region only: {names} are all set.", names=", ".join(given))
    return ""


def is_given(parameters: Dict[str, Any], name: str) -> bool:
    """Return whether a parameter has a value."""
    value = parameters.get(name)
    return not (value is None or (isinstance(value, str) and not value.strip()))
