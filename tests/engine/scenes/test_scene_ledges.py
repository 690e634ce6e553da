"""Ledges: level strips at a building's walls that belong to it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from ridgeline.engine.scenes.buildings import BUILDING, Building, draw_building
from ridgeline.engine.scenes.canvas import Canvas
from ridgeline.engine.scenes.footprints import Outline, composed, rectangle
from ridgeline.engine.scenes.ledge_choice import SIDES, with_ledges
from ridgeline.engine.scenes.roofs import Roof

GREY = (0.3, 0.3, 0.3)


def house(outline: Outline, angle: float = 0.0, eave: float = 6.0) -> Building:
    """Return a flat house in the middle of a canvas of 40 m."""
    return Building(3, 20.0, 20.0, angle, outline, Roof(1, "flat", {}), 0.0, eave, GREY, GREY, 0.0, "gravel")


def drawn(building: Building) -> Canvas:
    """Return it on 160² pixels of 0.25 m."""
    canvas = Canvas.blank(0.25, 0, 0, 160, 160)
    draw_building(canvas, building)
    return canvas


@given(st.sampled_from(SIDES), st.integers(-4, 4), st.floats(-3, 3), st.floats(0.3, 1.2))
def test_ledges_lie_on_the_side_that_was_asked_for(side: str, quarters: int, frame: float, cover: float) -> None:
    bare = house(rectangle(12, 8), frame + quarters * math.pi / 2)
    full = with_ledges(bare, frame, side, 2.0, 3.0, cover, GREY, np.random.default_rng(1))
    added = full.polygon().difference(bare.polygon())
    out = frame + SIDES.index(side) * math.pi / 2
    x, y = added.centroid.x - 20.0, added.centroid.y - 20.0
    assert full.ledges and added.area > 1
    assert math.cos(out) * x + math.sin(out) * y > 4.5
    assert abs(math.cos(out) * y - math.sin(out) * x) < 1e-6
    assert full.polygon().geom_type == "Polygon"


def test_a_ledge_is_level_lower_than_the_roof_and_part_of_its_building() -> None:
    full = with_ledges(house(rectangle(12, 8)), 0.0, "+v", 2.0, 3.0, 1.0, GREY, np.random.default_rng(1))
    canvas = drawn(full)
    strip = canvas.surface[int(25.0 / 0.25), 62:98]  # a metre in front of the wall at y = 24
    assert np.allclose(strip, 3.0) and np.allclose(canvas.surface[80, 62:98], 6.0)
    found = canvas.building == 3
    assert np.array_equal(found, canvas.cover == BUILDING) and np.array_equal(found, canvas.plane > 0)
    assert set(np.unique(canvas.roof_class[found])) == {1}
    centres = (np.arange(160) + 0.5) * 0.25
    expected = [[full.polygon().contains(Point(x, y)) for x in centres] for y in centres]
    assert np.mean(found != np.array(expected)) < 0.001


def test_a_ledge_stays_under_the_eave() -> None:
    full = with_ledges(house(rectangle(12, 8), eave=3.0), 0.0, "-u", 2.0, 9.0, 1.0, GREY, np.random.default_rng(1))
    assert full.ledges[0].height == pytest.approx(2.7)


@pytest.mark.parametrize("kind", ["L", "T", "U", "cross"])
def test_no_ledge_hangs_where_no_wall_stands(kind: str) -> None:
    bare = house(composed(kind, 20, 14, 4))
    made = [
        with_ledges(bare, 0.0, side, 2.0, 3.0, cover, GREY, np.random.default_rng(2))
        for side in SIDES
        for cover in (0.5, 1.0)
    ]
    assert all(full.polygon().geom_type == "Polygon" for full in made)
    assert any(full.ledges for full in made) == (kind != "cross")  # whose arms are narrower than any piece


@pytest.mark.parametrize(
    "bare", [house(Outline(radius=5.0)), house(rectangle(9, 9), eave=2.0), house(rectangle(9, 9), 0.3)]
)
def test_round_low_and_turned_buildings_have_none(bare: Building) -> None:
    assert with_ledges(bare, 0.0, "+u", 2.0, 3.0, 1.0, GREY, np.random.default_rng(1)) == bare
