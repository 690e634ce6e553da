"""Where on the ground a raster and a region lie: working CRS, true pixel size, areas."""

import math
from typing import Any, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsUnitTypes,
)

_METRES = QgsUnitTypes.DistanceMeters
_WEB_MERCATOR = ("EPSG:3857", "EPSG:900913", "EPSG:3785", "EPSG:102100", "ESRI:102100", "EPSG:102113", "ESRI:102113")


def is_metric(crs: Any) -> bool:
    """Whether a unit of the CRS is a metre on the ground: projected, in metres, and no Web Mercator."""
    if not crs.isValid() or crs.isGeographic() or crs.mapUnits() != _METRES or crs.authid() in _WEB_MERCATOR:
        return False
    return "+proj=webmerc" not in crs.toProj() and "+proj=merc +a=6378137 +b=6378137" not in crs.toProj()


def utm_crs(longitude: float, latitude: float) -> Any:
    """Return the WGS 84 UTM zone of a place in degrees."""
    zone = min(60, max(1, int((longitude + 180) // 6) + 1))
    return QgsCoordinateReferenceSystem(f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}")


def working_crs(layer: Any) -> Optional[Any]:
    """Return the CRS in which the engine will work on ``layer``: its own if metric, else the UTM zone of its centre.

    None if the layer has no CRS, or its centre cannot be found on the Earth.
    """
    crs = layer.crs()
    if not crs.isValid():
        return None
    if is_metric(crs):
        return crs
    centre = transformed_point(layer.extent().center(), crs, QgsCoordinateReferenceSystem("EPSG:4326"))
    return None if centre is None else utm_crs(centre.x(), centre.y())


def transformed(geometry: Any, source: Any, target: Any) -> Optional[Any]:
    """Return a copy of ``geometry`` in ``target``; None if it cannot be transformed."""
    copy = QgsGeometry(geometry)
    if source == target:
        return copy
    transform = QgsCoordinateTransform(source, target, QgsProject.instance().transformContext())
    try:
        copy.transform(transform)
    except QgsCsException:
        return None
    box = copy.boundingBox()
    finite = all(math.isfinite(v) for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()))
    return copy if finite else None


def transformed_point(point: Any, source: Any, target: Any) -> Optional[Any]:
    """Return ``point`` in ``target``; None if it cannot be transformed."""
    geometry = transformed(QgsGeometry.fromPointXY(QgsPointXY(point)), source, target)
    return None if geometry is None else geometry.asPoint()


def outline_of(layer: Any) -> Any:
    """Return the layer's extent as a polygon, with vertices along its edges so that it bends as it is transformed."""
    extent: QgsRectangle = layer.extent()
    step = max(extent.width(), extent.height()) / 8
    polygon = QgsGeometry.fromRect(extent)
    return polygon.densifyByDistance(step) if step > 0 else polygon


def pixel_size_m(layer: Any) -> Optional[float]:
    """Return the side of the layer's pixels on the ground in metres; None without pixels, CRS or place."""
    target = working_crs(layer)
    if target is None or layer.width() < 1 or layer.height() < 1:
        return None
    step_x, step_y = layer.rasterUnitsPerPixelX(), layer.rasterUnitsPerPixelY()
    if not (step_x > 0 and step_y > 0):
        return None
    if target == layer.crs():
        return float(math.sqrt(step_x * step_y))
    centre = layer.extent().center()
    pixel = QgsRectangle(
        centre.x() - step_x / 2, centre.y() - step_y / 2, centre.x() + step_x / 2, centre.y() + step_y / 2
    )
    geometry = transformed(QgsGeometry.fromRect(pixel), layer.crs(), target)
    return None if geometry is None else math.sqrt(geometry.area())


def area_m2(geometry: Any, crs: Any) -> float:
    """Return the true area in square metres, on the CRS's ellipsoid."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, QgsProject.instance().transformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    return float(measure.convertAreaMeasurement(measure.measureArea(geometry), QgsUnitTypes.AreaSquareMeters))


def size_m(geometry: Any) -> Tuple[float, float]:
    """Return width and height of a geometry that is in a metric CRS."""
    box = geometry.boundingBox()
    return box.width(), box.height()
