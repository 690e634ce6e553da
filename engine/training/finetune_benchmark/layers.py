"""Polygons with their attributes as a GeoPackage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely
from shapely.geometry.base import BaseGeometry


def write_layer(
    path: Path, shapes: Sequence[BaseGeometry], crs: str, fields: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Write polygons and their text attributes; a file that is there is replaced.

    Args:
        path: the GeoPackage.
        shapes: one geometry each.
        crs: any text that names a CRS.
        fields: a value a polygon, by name.
    """
    path.unlink(missing_ok=True)
    fields = fields or {}
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(shapes, dtype=object)),
        [np.array(values, dtype=object) for values in fields.values()],
        list(fields),
        geometry_type="Unknown",
        crs=crs,
        driver="GPKG",
    )
