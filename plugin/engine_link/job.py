"""A job from what the user chose in QGIS: layers become rasters that the engine can open, geometries become regions."""

import math
import os
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProviderRegistry, QgsRectangle

from ...engine.jobs import ErrorCode, RasterInput, Region, RidgelineError
from ..i18n import tr

_REMOTE_PREFIXES = ("/vsicurl/", "/vsis3/", "/vsigs/", "/vsiaz/", "/vsiadls/", "/vsioss/", "/vsiswift/")


@dataclass(frozen=True)
class LayerSource:
    """What crosses to the engine for a layer.

    Attributes:
        raster: how the engine opens it; None if it must be written to a file first (`layers.export`).
        name: the layer's name.
    """

    raster: Optional[RasterInput]
    name: str


def layer_source(layer: Any, bands: Sequence[int] = (), vertical_unit: Optional[str] = None) -> LayerSource:
    """Return how ``layer`` crosses to the engine.

    Args:
        layer: a QgsRasterLayer.
        bands: bands to use, counted from 1; empty: the engine guesses.
        vertical_unit: unit of heights where the user knows it better than the file.

    Raises:
        RidgelineError: (INPUT_MISSING) if the layer's file is gone, (BAD_BANDS) if it lacks a band.
    """
    name = layer.name()
    if not layer.isValid():
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            tr("The layer “{name}” cannot be read: its file or service is not there.", name=name),
            tr("Repair the layer's source, or choose another layer."),
        )
    for band in bands:
        if not 1 <= band <= layer.bandCount():
            raise RidgelineError(
                ErrorCode.BAD_BANDS,
                tr(
                    "The layer “{name}” has no band {band}; it has {count}.",
                    name=name,
                    band=band,
                    count=layer.bandCount(),
                ),
                tr("Choose bands that the layer has."),
            )
    path = gdal_path(layer)
    if path is None:
        return LayerSource(None, name)
    nodata = _user_nodata(layer, bands[0] if bands else 1)
    return LayerSource(RasterInput(path, tuple(bands), crs_override(layer), nodata, vertical_unit, name), name)


def gdal_path(layer: Any) -> Optional[str]:
    """Return the name by which GDAL opens ``layer``, or None if only QGIS can read it.

    Files, their subdatasets and files behind a web address can be opened by the engine. Services, databases, memory and
    layers with opening options of their own cannot, or not in the same way.
    """
    if layer.providerType() != "gdal":
        return None
    source = layer.source()
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    path = str(parts.get("path", ""))
    if parts.get("openOptions") or parts.get("credentialOptions") or "authcfg" in source:
        return None
    if str(parts.get("vsiPrefix", "")).startswith("/vsimem") or path.startswith("/vsimem"):
        return None
    if path.startswith(_REMOTE_PREFIXES) or str(parts.get("vsiPrefix", "")).startswith(_REMOTE_PREFIXES):
        return source
    if not os.path.exists(path):
        return None
    return os.path.abspath(path) if source == path else source


def crs_override(layer: Any) -> Optional[str]:
    """Return the CRS that the user gave the layer, where it differs from the file's own; else None."""
    chosen = layer.crs()
    if not chosen.isValid() or chosen == layer.dataProvider().crs():
        return None
    return crs_text(chosen)


def crs_text(crs: Any) -> str:
    """Return a CRS as the engine understands it: an authority's code, or WKT where there is none."""
    code = crs.authid()
    if code and not code.upper().startswith("USER:"):
        return str(code)
    return str(crs.toWkt(QgsCoordinateReferenceSystem.WKT_PREFERRED))


def region_of_extent(extent: QgsRectangle, crs: Any) -> Region:
    """Return the region of a rectangle."""
    _require_area(extent.width() * extent.height())
    box = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    return Region(bbox=box, crs=crs_text(crs) if crs.isValid() else None)


def region_of_geometry(geometry: QgsGeometry, crs: Any) -> Region:
    """Return the region of a polygon or multipolygon.

    Raises:
        RidgelineError: (BAD_REGION) if it has no area.
    """
    _require_area(geometry.area())
    return Region(wkt=geometry.asWkt(9), crs=crs_text(crs) if crs.isValid() else None)


def region_of_features(source: Any) -> Tuple[QgsGeometry, Any]:
    """Return the polygons of a feature source as one geometry, and its CRS.

    Raises:
        RidgelineError: (BAD_REGION) if there are none.
    """
    geometries = [feature.geometry() for feature in source.getFeatures() if feature.hasGeometry()]
    if not geometries:
        raise RidgelineError(
            ErrorCode.BAD_REGION,
            tr("The region layer “{name}” has no polygon to work on.", name=source.sourceName()),
            tr("Select polygons in it, or untick “selected features only”."),
        )
    return QgsGeometry.unaryUnion(geometries), source.sourceCrs()


def _require_area(area: float) -> None:
    if not 0 < area < math.inf:
        raise RidgelineError(
            ErrorCode.BAD_REGION, tr("The region has no area."), tr("Draw a region, or choose one with an area.")
        )


def _user_nodata(layer: Any, band: int) -> Optional[float]:
    ranges = layer.dataProvider().userNoDataValues(band)
    single = [item.min() for item in ranges if item.min() == item.max()]
    return float(single[0]) if single else None
