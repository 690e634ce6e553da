"""Terrain: the same height whether asked for by point or by window, and the drops that it was given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.scenes.terrain import Step, Terrain, draw_terrain


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), x=st.floats(-50, 1050), y=st.floats(-50, 1050))
def test_a_point_and_a_window_agree(seed: int, x: float, y: float) -> None:
    terrain = draw_terrain(np.random.default_rng(seed), (0, 0, 1000, 1000), 0.3, 0.0)
    there = terrain.height(np.array([[x]], np.float32), np.array([[y]], np.float32))[0, 0]
    assert terrain.at(float(np.float32(x)), float(np.float32(y))) == pytest.approx(float(there), abs=0.05)


def test_a_wall_drops_at_once_and_a_bank_slowly() -> None:
    x, y = np.arange(-10, 10, 0.5, dtype=np.float32)[None, :], np.zeros((1, 1), np.float32)
    wall = Terrain(steps=(Step(1.0, 0.0, 0.0, 2.0, 0.3),)).height(x, y)[0]
    bank = Terrain(steps=(Step(1.0, 0.0, 0.0, 2.0, 6.0),)).height(x, y)[0]
    assert np.diff(wall).max() > 0.9 and np.diff(bank).max() < 0.3
    assert wall[-1] - wall[0] == bank[-1] - bank[0] == pytest.approx(2.0)


def test_terraces_are_level_between_their_walls() -> None:
    x, y = np.arange(0, 100, 0.25, dtype=np.float32)[None, :], np.zeros((1, 1), np.float32)
    heights = Terrain(slope_x=0.2, terrace=1.5).height(x, y)[0]
    assert (np.abs(np.diff(heights)) < 1e-5).mean() > 0.7
    assert heights[-1] == pytest.approx(0.2 * 100, abs=1.6)


def test_slopes_reach_but_never_pass_the_steepest() -> None:
    rng = np.random.default_rng(0)
    slopes = [np.hypot(t.slope_x, t.slope_y) for t in (draw_terrain(rng, (0, 0, 99, 99), 0.3, 0.3) for _ in range(300))]
    assert max(slopes) <= 0.3 and max(slopes) > 0.25 and min(slopes) == 0.0
