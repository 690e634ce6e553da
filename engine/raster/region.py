"""The region of interest: from a box, WKT or a vector file to valid polygons in the CRS of the grid."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from ..jobs.errors import ErrorCode, RidgelineError
from ..jobs.inputs import Region
from .crs import parse_crs, transform_points
from .grid import Grid

_EDGE_PARTS = 64  # a box's edge becomes so many pieces before it is bent into another CRS
_MASK_BLOCK = 512  # the mask is drawn in anchored squares, so that it cannot depend on the window


def region_geometry(region: Region, default: CRS, target: CRS) -> BaseGeometry:
    """Return the region as one valid (multi)polygon in ``target``.

    Args:
        region: what the user asked for.
        default: the CRS of a region that states none (and whose file has none).
        target: CRS of the grid.

    Raises:
        RidgelineError: (BAD_REGION) if it has no area or invalid polygons; (INPUT_MISSING, INPUT_UNREADABLE) for its
            file; (BAD_CRS) if its CRS is not understood.
    """
    stated = parse_crs(region.crs, "the region") if region.crs is not None else None
    if region.path is not None:
        polygons, file_crs = _read_polygons(region.path, region.layer)
        crs = stated or file_crs or default
    else:
        polygons = [_box(region.bbox)] if region.bbox is not None else [_from_wkt(region.wkt or "")]
        crs = stated or default
    for number, polygon in enumerate(polygons, start=1):
        if not polygon.is_valid:
            which = f"polygon {number} of the region" if len(polygons) > 1 else "the region's polygon"
            reason = shapely.is_valid_reason(polygon)
            raise _bad(f"{which[:1].upper()}{which[1:]} is invalid ({reason}).", "Repair it (in QGIS: Fix geometries).")
    moved = [_moved(polygon, crs, target) for polygon in polygons]
    whole = _areas(shapely.union_all(moved))
    if whole.is_empty or not whole.area > 0:
        raise _bad("The region has no area.", "Draw a region that encloses something.")
    return whole


def _areas(shape: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape: one that moving has made valid may hold lines, which would mark pixels, too."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    return shapely.union_all([part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"])


def region_mask(whole: BaseGeometry, window: Grid) -> NDArray[np.bool_]:
    """Return [H, W]: whether each pixel's centre lies in the region. The same pixel gives the same answer always."""
    mask = np.zeros(window.shape, np.bool_)
    if not (window.width and window.height):
        return mask
    shapely.prepare(whole)
    size = _MASK_BLOCK
    for row in range(window.row0 // size, -(-window.row1 // size)):
        for col in range(window.col0 // size, -(-window.col1 // size)):
            block = window.window(row * size, col * size, size, size)
            common = block.intersection(window)
            here = _slices(common, window)
            outline = shapely.box(*block.padded(1).bounds)
            if not whole.intersects(outline):
                continue
            if whole.contains(outline):
                mask[here] = True
                continue
            drawn = rasterize([(whole, 1)], out_shape=block.shape, transform=block.transform, dtype="uint8")
            mask[here] = drawn[_slices(common, block)] != 0
    return mask


def _read_polygons(path: str, layer: str | None) -> tuple[list[BaseGeometry], CRS | None]:
    name = Path(path).name
    if not path.startswith("/vsi") and "://" not in path and not os.path.exists(path):
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            f"The region's file {Path(path).name!r} does not exist ({path}).",
            "Check the path.",
        )
    name = Path(path).name
    try:
        meta, _fids, geometry, _fields = pyogrio.raw.read(path, layer=layer, columns=[], force_2d=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as fault:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE,
            f"The region's file {name!r} cannot be read ({fault}).",
            "Choose a vector file with polygons, and a layer that it has.",
        ) from fault
    shapes = [shape for shape in _shapes(geometry, name) if shape is not None and not shape.is_empty]
    polygons = [shape for shape in shapes if shape.geom_type in ("Polygon", "MultiPolygon")]
    if not polygons:
        raise _bad(f"The region's file {name!r} holds no polygons.", "Choose a layer of polygons.")
    return polygons, _file_crs(meta)


def _shapes(geometry: Any, name: str) -> list[BaseGeometry]:
    try:
        return list(shapely.from_wkb(geometry)) if geometry is not None else []
    except (shapely.errors.ShapelyError, NotImplementedError) as fault:  # a ring that is not closed, curves
        raise _bad(
            f"The region's file {name!r} holds a polygon that cannot be used: its outline is not closed, or curved.",
            "Repair it (in QGIS: Fix geometries), or choose another layer.",
        ) from fault


def _file_crs(meta: dict[str, Any]) -> CRS | None:
    return parse_crs(meta["crs"], "the region's file") if meta.get("crs") else None


def _box(bbox: tuple[float, float, float, float]) -> BaseGeometry:
    xmin, ymin, xmax, ymax = bbox
    if not all(map(math.isfinite, bbox)) or xmin >= xmax or ymin >= ymax:
        raise _bad(
            f"The region's box {xmin:.12g} {ymin:.12g} {xmax:.12g} {ymax:.12g} has no area.",
            "Give it as xmin ymin xmax ymax, with xmin < xmax and ymin < ymax.",
        )
    return shapely.box(xmin, ymin, xmax, ymax)


def _from_wkt(text: str) -> BaseGeometry:
    try:
        shape = shapely.from_wkt(text)
    except (shapely.errors.ShapelyError, NotImplementedError) as fault:  # what is not implemented: curves
        raise _bad(
            "The region's WKT is not understood.", "Give a POLYGON or MULTIPOLYGON with straight edges."
        ) from fault
    if shape is None or shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise _bad("The region's WKT is no polygon.", "Give a POLYGON or MULTIPOLYGON.")
    return shape


def _moved(polygon: BaseGeometry, crs: CRS, target: CRS) -> BaseGeometry:
    """Return the polygon in ``target``, with points added along its edges where these become curves."""
    if crs == target:
        return polygon
    longest = max(polygon.bounds[2] - polygon.bounds[0], polygon.bounds[3] - polygon.bounds[1])
    try:
        dense = shapely.segmentize(polygon, longest / _EDGE_PARTS) if longest > 0 else polygon
    except shapely.errors.ShapelyError as fault:  # edges of no length on Earth
        raise _unreachable() from fault

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform_points(crs, target, points[:, 0], points[:, 1]))

    moved = shapely.transform(dense, move)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise _unreachable()
    return moved if moved.is_valid else shapely.make_valid(moved)


def _slices(part: Grid, whole: Grid) -> tuple[slice, slice]:
    row, col = part.row0 - whole.row0, part.col0 - whole.col0
    return slice(row, row + part.height), slice(col, col + part.width)


def _unreachable() -> RidgelineError:
    return _bad(
        "The region lies where the CRS of the grid does not reach.", "Check the region's CRS, and draw it smaller."
    )


def _bad(message: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_REGION, message, hint)
