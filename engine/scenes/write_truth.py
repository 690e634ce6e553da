"""The truth of a scene as a GeoPackage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
from numpy.typing import NDArray
from shapely import Polygon, to_wkb, transform
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from ..classes import ROOF_CLASSES
from .city import City, roof_class_of
from .plan import Plan
from .truth import building_truth

_NAMES = {info.id: info.name for info in ROOF_CLASSES}
Row = tuple[int, int, float, float, float]
"""id, roof class id, eave, ridge and overhang in metres."""


def write_truth(path: Path, plan: Plan, size: tuple[float, float], corner: tuple[float, float], epsg: int) -> None:
    """Write the layers ``buildings`` (outlines, roof classes, heights) and ``region`` of a plan.

    Args:
        path: the GeoPackage; replaced if it exists.
        plan: the scene.
        size: width and height of the scene, metres; what lies wholly outside is left out, what crosses is clipped.
        corner: CRS coordinates of the upper left corner.
        epsg: EPSG code of the CRS.
    """
    frame = box(0, 0, *size)
    x0, y0 = corner

    def to_crs(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([xy[:, 0] + x0, y0 - xy[:, 1]])

    rows: list[Row] = []
    shapes: list[BaseGeometry] = []
    for building in plan.buildings:
        if building.hollow:
            continue
        truth = building_truth(building, plan.terrain)
        clipped = truth.outline.intersection(frame)
        if clipped.area > 0.5:
            rows.append((truth.id, truth.roof_class, truth.eave_m, truth.ridge_m, truth.overhang_m))
            shapes.append(transform(clipped, to_crs))
    _write(path, rows, shapes, (x0, y0, *size), epsg)


def write_city_truth(path: Path, city: City, frame: tuple[float, float, float, float]) -> None:
    """Write the same layers for a city model; ``frame`` is the upper left corner, width and height in its CRS."""
    rows: list[Row] = []
    shapes: list[BaseGeometry] = []
    for number, roof in enumerate(city.roofs, start=1):
        heights = np.concatenate([ring[0][:, 2] for ring in roof.rings]) - roof.ground
        rows.append((number, roof_class_of(roof), float(heights.min()), float(heights.max()), 0.0))
        shapes.append(roof.outline())
    _write(path, rows, shapes, frame, city.epsg)


def _write(
    path: Path, rows: list[Row], shapes: list[BaseGeometry], frame: tuple[float, float, float, float], epsg: int | None
) -> None:  # fmt: skip
    path.unlink(missing_ok=True)
    crs = f"EPSG:{epsg}" if epsg else None
    columns: dict[str, NDArray[Any]] = {
        "id": np.array([row[0] for row in rows], np.int32),
        "roof_class": np.array([row[1] for row in rows], np.int32),
        "roof_name": np.array([_NAMES.get(row[1], "unknown") for row in rows], object),
        "eave_m": np.array([row[2] for row in rows], np.float64),
        "ridge_m": np.array([row[3] for row in rows], np.float64),
        "area_m2": np.array([shape.area for shape in shapes], np.float64),
        "overhang_m": np.array([row[4] for row in rows], np.float64),
    }
    _layer(path, "buildings", shapes, columns, crs, "MultiPolygon", append=False)
    x0, y0, width, height = frame
    region = Polygon([(x0, y0), (x0 + width, y0), (x0 + width, y0 - height), (x0, y0 - height)])
    _layer(path, "region", [region], {"name": np.array(["region"], object)}, crs, "Polygon", append=True)


def _layer(
    path: Path, name: str, shapes: list[BaseGeometry], columns: dict[str, NDArray[Any]], crs: str | None, kind: str,
    append: bool,
) -> None:  # fmt: skip
    geometry = np.empty(len(shapes), object)
    geometry[:] = [to_wkb(shape) for shape in shapes]
    pyogrio.raw.write(
        path,
        layer=name,
        driver="GPKG",
        geometry=geometry,
        geometry_type=kind,
        promote_to_multi=kind == "MultiPolygon",
        crs=crs,
        fields=np.array(list(columns)),
        field_data=list(columns.values()),
        append=append,
    )
