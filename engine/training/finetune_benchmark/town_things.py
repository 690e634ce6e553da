"""What stands and lies in a synthetic town, as polygons: solar panels, roofs by covering, swimming pools, roads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from ...feedback import Feedback
from ...scenes.buildings import Building, Detail
from ...scenes.ground import Area, Road
from ...scenes.plan import Plan
from ...scenes.town import draw_town
from ...scenes.write import EASTING, NORTHING, SceneFiles, TownConfig, write_town

PANEL, TILED, METAL, POOL, ROAD = "solar panel", "tiled roof", "metal roof", "swimming pool", "road"
COVERINGS = {"tile": TILED, "old_tile": TILED, "metal": METAL, "sheets": METAL, "rusty": METAL}
"""What the coverings of the scene generator are called; the others have no class."""
PIECE_M = 20.0
"""Roads are cut into pieces of about this length: so much of one somebody labels."""


@dataclass(frozen=True)
class Thing:
    """A polygon with its class, in the CRS of the town."""

    outline: BaseGeometry
    name: str


def draw_town_with_things(
    folder: Path, seed: int, config: TownConfig, feedback: Feedback
) -> tuple[SceneFiles, list[Thing]]:
    """Write a town's rasters; return them, and what is in it.

    Raises:
        RidgelineError: if the rasters cannot be written.
    """
    files = write_town(folder, "town", seed, config, feedback)
    # the same draw as the rasters came from: what roofs are covered with is in no file
    extent = config.size_m
    plan = draw_town(
        np.random.default_rng((seed, 40961)),
        (0.0, 0.0, extent, extent),
        dict(config.styles),
        config.balance,
        config.max_slope,
    )
    frame = shapely.box(0, 0, extent, extent)
    seen = [Thing(shapely.intersection(item.outline, frame), item.name) for item in things_of(plan)]
    return files, [Thing(_placed(item.outline), item.name) for item in seen if item.outline.area > 1]


def things_of(plan: Plan) -> Iterator[Thing]:
    """Yield what has a class, in the plan's frame (x right, y down)."""
    roofs = [building for building in plan.buildings if not building.hollow]
    for building in roofs:
        panels = (panel_outline(building, item) for item in building.details if item.kind == "panel")
        yield from (Thing(outline, PANEL) for outline in panels if outline.area > 0)  # over a court none is drawn
        if building.material in COVERINGS:
            yield Thing(building.polygon(), COVERINGS[building.material])
    built = shapely.union_all([building.polygon() for building in plan.buildings])
    pools = [shapely.Polygon(area.corners) for area in plan.areas if _is_pool(area)]
    water = shapely.union_all([shapely.Polygon(area.corners) for area in plan.areas if area.level is not None])
    yield from (Thing(shapely.difference(pool, built), POOL) for pool in pools)
    for road in plan.roads:
        if road.level is None and not road.lift:  # bridges are another matter
            yield from (Thing(shapely.difference(piece, built | water), ROAD) for piece in road_pieces(road))


def panel_outline(building: Building, panel: Detail) -> shapely.Polygon:
    """Return where a panel lies, in the town's frame."""
    x, y = building.world(panel.p, panel.q)
    half_p, half_q = panel.length / 2, panel.width / 2
    flat = shapely.affinity.rotate(
        shapely.box(-half_p, -half_q, half_p, half_q), building.angle + panel.turned, origin=(0, 0), use_radians=True
    )
    return shapely.affinity.translate(flat, x, y).intersection(building.polygon())


def road_pieces(road: Road) -> Iterator[shapely.Polygon]:
    """Yield a road's carriageway in pieces of about `PIECE_M`, in the town's frame."""
    along = np.array([road.x1 - road.x0, road.y1 - road.y0])
    length = max(float(np.hypot(*along)), 1.0)
    along /= length
    across = np.array([-along[1], along[0]])
    middle = np.array([road.x0 + road.x1, road.y0 + road.y1]) / 2
    count = max(round(length / PIECE_M), 1)
    for number in range(count):
        p = np.linspace(number / count - 0.5, (number + 1) / count - 0.5, 9) * length
        line = middle + p[:, None] * along + (road.bend * np.cos(p * math.pi / length))[:, None] * across
        side = road.width / 2 * across
        yield shapely.Polygon(np.concatenate([line + side, (line - side)[::-1]]))


def _is_pool(area: Area) -> bool:
    return area.level is not None and area.ragged == 0


def _placed(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: np.column_stack([xy[:, 0] + EASTING, NORTHING - xy[:, 1]]))
