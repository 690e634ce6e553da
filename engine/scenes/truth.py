"""What is known of each building of a scene: its outline, class and heights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from shapely import Polygon

from ..classes import ROOF_CLASSES
from .buildings import Building
from .roofs import roof_surface
from .terrain import Terrain

_NAMES = {info.id: info.name for info in ROOF_CLASSES}


@dataclass(frozen=True)
class BuildingTruth:
    """The truth about one building.

    Attributes:
        id: as in the rasters of building ids.
        roof_class: id of its roof class.
        roof_name: name of its roof class.
        outline: the roof's outline in world coordinates (x right, y down, metres).
        eave_m: height of the eave above the ground at its middle, metres.
        ridge_m: height of the roof's highest point (without chimneys and plant) above the same ground, metres.
        ground_m: height of that ground above the scene's zero, metres.
        overhang_m: how far the roof stands over the walls, metres.
    """

    id: int
    roof_class: int
    roof_name: str
    outline: Polygon
    eave_m: float
    ridge_m: float
    ground_m: float
    overhang_m: float


def building_truth(building: Building, terrain: Terrain) -> BuildingTruth:
    """Return the truth about a building: its ridge is found on a grid of about 0.1 m over its outline."""
    p0, q0, p1, q1 = building.outline.bounds
    step = max((p1 - p0) / 200, 0.1)
    p, q = np.meshgrid(np.arange(p0, p1, step).astype(np.float32), np.arange(q0, q1, step).astype(np.float32))
    values = {name: value for name, value in building.roof.values.items() if name != "parapet"}
    bare = type(building.roof)(building.roof.roof_class, building.roof.form, values)
    height, _, _ = roof_surface(bare, building.outline, p, q)
    inside = building.outline.contains(p, q)
    rise = float(height[inside].max()) if inside.any() else 0.0
    ground = terrain.at(building.x, building.y)
    eave = building.base + building.eave - ground
    return BuildingTruth(
        id=building.id,
        roof_class=building.roof.roof_class,
        roof_name=_NAMES[building.roof.roof_class],
        outline=building.polygon(),
        eave_m=eave,
        ridge_m=eave + max(rise, 0.0),
        ground_m=ground,
        overhang_m=building.overhang,
    )
