"""Answers a click: the building at one place, outlined, classified and measured like those of a whole run."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from ..feedback import Feedback
from ..given import given
from ..inference.buildings import own_classes, own_names_of
from ..inference.finish import building_threshold
from ..jobs import BuildingOptions, ErrorCode, Result, RidgelineError
from ..jobs.serve import RoofRequest
from ..raster.crs import name_of, parse_crs, transform_points
from ..raster.grid import Grid
from ..terrain.ground import ground
from ..vector.buildings import Building, BuildingTracer, MapStrip
from ..vector.geopackage import FIELDS
from .mosaic import Planes
from .scenes import OpenScene

_SIDES_M = (32.0, 80.0, 200.0, 400.0)
"""Sides of the squares that are looked at, one after the other until the building lies inside."""
_NEAR_M = 2.0
"""A click so far beside a building still means it."""
_GROUND_CONTEXT_M = 110.0
"""So much of the surface around is looked at for the ground. A whole run looks further, which may shift the heights of
a building in a wide hollow or under large halls by some centimetres; for a click that would take too long."""


def find_roof(scene: OpenScene, request: RoofRequest, feedback: Feedback) -> Result:
    """Outline, classify and measure the building at a place.

    Returns:
        No files, and a summary: ``found``; if so ``outline_wkt``, ``crs``, ``crs_wkt`` and the attributes of
        ``buildings.gpkg`` (``roof_class``, ``roof_confidence``, ``area_m2``, ``height_max_m``, ``slope_deg``,
        ``azimuth_deg`` and so on, None where not known); always ``gsd_m`` and ``seconds``.

    Raises:
        RidgelineError: (NO_OVERLAP) if the place lies outside the rasters; (BAD_MODEL) if the model tells no buildings;
            else as a segment job.
    """
    began = time.perf_counter()
    if building_threshold(scene.setup.model) is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {scene.setup.model.name!r} does not tell buildings from the rest.",
            "Choose a model with an output or a class for buildings.",
        )
    grid = scene.setup.frame.grid
    x, y = _place(request, grid)
    row, col = int(np.floor(-y / grid.gsd)), int(np.floor(x / grid.gsd))
    if not (grid.row0 <= row < grid.row1 and grid.col0 <= col < grid.col1):
        raise RidgelineError(
            ErrorCode.NO_OVERLAP, "There is nothing to see at this place.", "Click inside the rasters."
        )
    building = None
    for side in _SIDES_M:
        half = round(side / grid.gsd / 2)
        window = grid.window(row - half, col - half, 2 * half, 2 * half).intersection(grid)
        building = _building_at(scene, window, shapely.Point(x, y), request.tolerance_m, feedback)
        if building is None or not _touches_rim(building.outline, window, grid):
            break
    summary = {
        "found": building is not None,
        "crs": name_of(grid.crs),
        "crs_wkt": grid.crs.to_wkt(),
        "gsd_m": grid.gsd,
        **({} if building is None else _card(building)),
        "seconds": round(time.perf_counter() - began, 3),
    }
    return Result({}, summary)


def _place(request: RoofRequest, grid: Grid) -> tuple[float, float]:
    """Return the place in the CRS of the grid."""
    if request.crs is None:
        return request.x, request.y
    crs: CRS = parse_crs(request.crs, "the place")
    xs, ys = transform_points(crs, grid.crs, np.array([request.x]), np.array([request.y]))
    if not (np.isfinite(xs[0]) and np.isfinite(ys[0])):
        raise RidgelineError(
            ErrorCode.NO_OVERLAP, "There is nothing to see at this place.", "Click inside the rasters."
        )
    return float(xs[0]), float(ys[0])


def _building_at(
    scene: OpenScene, window: Grid, place: shapely.Point, tolerance_m: float, feedback: Feedback
) -> Building | None:
    planes = scene.mosaic.read(window, lambda done, total: feedback.progress(done, total, "tiles", "roof"))
    name, value, at_least = given(building_threshold(scene.setup.model))  # asked before
    mask = planes[name] >= value if at_least else planes[name] == value
    if not _near(mask, window, place).any():
        return None
    surface = floor = None
    if "dsm" in scene.rasters:
        surface, floor = _heights(scene, window)
    roof = scene.setup.model.output_of_role("roof_class")
    names = {} if roof is None else {item.id: item.name for item in roof.classes}
    own, own_names = own_classes(scene.setup.model), own_names_of(scene.setup.model)
    tracer = BuildingTracer(window, BuildingOptions(tolerance_m=tolerance_m), names, own_names=own_names)
    strip = MapStrip(
        row0=window.row0,
        mask=mask,
        probability=_from_steps(planes, "building"),
        boundary=_from_steps(planes, "boundary"),
        roof_class=planes.get("roof_class"),
        roof_confidence=planes["roof_confidence"] / np.float32(100) if "roof_confidence" in planes else None,
        own_class=None if own is None else planes.get(own.name),
        surface=surface,
        ground=floor,
    )
    found = [*tracer.add(strip), *tracer.finish()]
    nearest = min(found, key=lambda item: item.outline.distance(place), default=None)
    return nearest if nearest is not None and nearest.outline.distance(place) <= _NEAR_M else None


def _near(mask: NDArray[np.bool_], window: Grid, place: shapely.Point) -> NDArray[np.bool_]:
    """Return the part of the mask around the click."""
    row, col = int(-place.y / window.gsd) - window.row0, int(place.x / window.gsd) - window.col0
    reach = int(np.ceil(_NEAR_M / window.gsd)) + 1
    return mask[max(row - reach, 0) : row + reach + 1, max(col - reach, 0) : col + reach + 1]


def _heights(scene: OpenScene, window: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    margin = round(_GROUND_CONTEXT_M / window.gsd)
    wide = window.padded(margin)
    block = scene.rasters["dsm"].read(wide)
    floor = ground(block.values[0], block.valid, wide.gsd, wide.col0, wide.row0)
    inner = np.s_[margin:-margin, margin:-margin]
    return block.values[0][inner].astype(np.float32), floor[inner]


def _from_steps(planes: Planes, name: str) -> NDArray[np.float32] | None:
    """Return a probability from its 254 steps (see ``inference.activate.to_steps``)."""
    if name not in planes:
        return None
    steps = planes[name].astype(np.float32)
    probability: NDArray[np.float32] = np.maximum(steps - np.float32(1), np.float32(0)) / np.float32(254)
    return probability


def _touches_rim(outline: shapely.Polygon, window: Grid, grid: Grid) -> bool:
    """Return whether a building may go on beyond the window, where the grid does."""
    slack = 2 * window.gsd
    inner = shapely.box(*window.bounds).buffer(-slack, join_style="mitre")
    if inner.contains(outline):
        return False
    xmin, ymin, xmax, ymax = outline.bounds
    wx0, wy0, wx1, wy1 = window.bounds
    gx0, gy0, gx1, gy1 = grid.bounds
    sides = ((xmin - wx0, gx0 < wx0), (ymin - wy0, gy0 < wy0), (wx1 - xmax, wx1 < gx1), (wy1 - ymax, wy1 < gy1))
    return any(gap <= slack and goes_on for gap, goes_on in sides)


def _card(building: Building) -> dict[str, Any]:
    fields = {name: value(building) for name, (_, value) in FIELDS.items() if name != "id"}
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}
    own = {name: round(share, 3) for name, share in building.own_shares.items()}
    mine = {"own_class": building.own_class, "own_shares": own} if own else {}
    return {"outline_wkt": shapely.to_wkt(building.outline, rounding_precision=3), **rounded, **mine}
