"""What a town holds as polygons agrees with what its pictures show."""

import numpy as np
import pytest
import shapely

from ridgeline.engine.scenes.ground import Road, Soil
from ridgeline.engine.scenes.town import draw_town
from ridgeline.engine.training.finetune_benchmark.town_things import (
    METAL,
    PANEL,
    PIECE_M,
    POOL,
    ROAD,
    TILED,
    panel_outline,
    road_pieces,
    things_of,
)


@pytest.fixture(scope="module")
def plan():
    return draw_town(np.random.default_rng(3), (0.0, 0.0, 300.0, 300.0), {"suburb": 1.0}, 0.3, 0.05)


def test_panels_lie_on_their_roofs(plan):
    panels = [(one, item) for one in plan.buildings for item in one.details if item.kind == "panel"]
    assert len(panels) > 3
    for building, panel in panels:
        outline = panel_outline(building, panel)
        assert outline.is_empty or building.polygon().buffer(1e-6).covers(outline)
        assert outline.area <= panel.length * panel.width + 1e-6
    found = [item.outline.area for item in things_of(plan) if item.name == PANEL]
    assert 3 < len(found) <= len(panels) and min(found) > 0


def test_pools_and_roads_lie_beside_buildings(plan):
    things = list(things_of(plan))
    assert {item.name for item in things} == {PANEL, TILED, METAL, POOL, ROAD}
    built = shapely.union_all([building.polygon() for building in plan.buildings])
    for item in things:
        if item.name in (POOL, ROAD):
            assert shapely.intersection(item.outline, built).area < 1e-6
        if item.name == POOL:
            assert item.outline.area < 80


@pytest.mark.parametrize("bend", [0.0, 6.0])
def test_pieces_make_up_a_road_and_follow_its_bend(bend):
    road = Road(10.0, 20.0, 110.0, 20.0, 6.0, Soil("impervious_surface", (0.1,) * 3, (0.1,) * 3), bend)
    pieces = list(road_pieces(road))
    assert len(pieces) == 5 and all(
        piece.is_valid and piece.area == pytest.approx(6 * PIECE_M, rel=0.1) for piece in pieces
    )
    whole = shapely.union_all(pieces)
    assert whole.area == pytest.approx(600, rel=0.05) and whole.geom_type == "Polygon"
    assert whole.contains(shapely.Point(60, 20 + bend)) and whole.buffer(1e-6).contains(shapely.Point(10, 20))
