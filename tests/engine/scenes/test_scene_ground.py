"""Water lies where it is said to lie, and a bridge leads over it."""

import numpy as np

from ridgeline.engine.scenes.chip import render
from ridgeline.engine.scenes.ground import COVER_IDS, Area, Road, Soil
from ridgeline.engine.scenes.plan import Plan
from ridgeline.engine.scenes.terrain import Terrain

SOIL = Soil("low_vegetation", (0.2, 0.3, 0.1), (0.2, 0.3, 0.1))
WATER = Soil("clutter", (0.05, 0.1, 0.1), (0.05, 0.1, 0.1), bump_m=0.0)
DECK = Soil("impervious_surface", (0.4, 0.4, 0.4), (0.4, 0.4, 0.4))


def drawn(*roads):
    river = Area(((0.0, 20.0), (60.0, 20.0), (60.0, 40.0), (0.0, 40.0)), WATER, level=-5.0)
    return render(Plan(Terrain(), SOIL, areas=[river], roads=list(roads)), 0.5, 0, 0, 120, 120)


def test_water_lies_at_its_level_and_its_banks_above():
    canvas = drawn()
    assert (canvas.surface[45:75] == -5).all()
    assert (canvas.ground[45:75] == -5).all()
    assert np.abs(canvas.surface[:38]).max() < 0.2
    assert canvas.water[45:75].all()


def test_a_bridge_lies_level_over_water_is_no_building_and_no_water():
    canvas = drawn(Road(30.0, 10.0, 30.0, 50.0, 6.0, DECK, level=0.5))
    deck = canvas.surface[45:75, 57:63]
    assert (deck == 0.5).all()
    assert not canvas.water[45:75, 57:63].any()
    assert (canvas.cover[45:75, 57:63] == COVER_IDS["impervious_surface"]).all()
    assert not canvas.building.any()
    assert (canvas.surface[45:75, :50] == -5).all()
