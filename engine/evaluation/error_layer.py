"""What a model got wrong as a map layer, with the style that tells the kinds of fault apart."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyogrio.errors
import pyogrio.raw
import shapely
from rasterio.crs import CRS

from ..jobs import ErrorCode, RidgelineError
from ..vector.geopackage import VERSION
from .objects import Fault

STYLE = Path(__file__).resolve().parents[2] / "resources" / "styles" / "errors.qml"


def write_errors(path: Path, faults: Sequence[Fault], crs: CRS) -> None:
    """Write the faults as a GeoPackage, and its style beside it under the name by which QGIS finds it.

    Raises:
        RidgelineError: (OUTPUT_NOT_WRITABLE) if it cannot be written.
    """
    part = path.with_name(f".{path.stem}.partial.gpkg")
    part.unlink(missing_ok=True)
    texts = [
        np.array(column, dtype=object)
        for column in ([f.kind for f in faults], [f.truth for f in faults], [f.found for f in faults])
    ]
    numbers = [np.array([f.iou for f in faults], np.float64), np.array([f.outline.area for f in faults], np.float64)]
    shapes = np.array([_multi(fault.outline) for fault in faults], dtype=object)
    try:
        pyogrio.raw.write(
            str(part),
            geometry=shapely.to_wkb(shapes) if len(shapes) else np.array([], dtype=object),
            field_data=[*texts, *numbers],
            fields=np.array(["kind", "truth", "found", "iou", "area_m2"], dtype=object),
            layer="errors",
            driver="GPKG",
            dataset_options={"VERSION": VERSION},
            geometry_type="MultiPolygon",
            crs=crs.to_wkt(),
        )
        os.replace(part, path)
        shutil.copyfile(STYLE, path.with_suffix(".qml"))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as fault:
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The file {path.name} cannot be written in {path.parent} ({fault}).",
            "Choose a folder that you may write to, or close the program that has the file open.",
        ) from fault


def _multi(shape: shapely.Geometry) -> shapely.MultiPolygon:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)
