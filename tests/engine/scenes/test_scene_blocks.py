"""Blocks: every kind fills plots of any size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.scenes.blocks import BLOCKS, fill_block
from ridgeline.engine.scenes.plan import District, Plan, make_soil
from ridgeline.engine.scenes.styles import STYLES
from ridgeline.engine.scenes.terrain import Terrain


@pytest.mark.parametrize("kind", BLOCKS)
@given(st.integers(0, 10_000), st.floats(4, 90), st.floats(4, 90), st.sampled_from(sorted(STYLES)))
@settings(max_examples=25, deadline=None)
def test_every_kind_of_block_fills_every_plot(kind: str, seed: int, length: float, depth: float, style: str) -> None:
    rng = np.random.default_rng(seed)
    plan = Plan(Terrain(0.0, 0.0, (), ()), make_soil(rng, "low_vegetation", "lawn", "meadow"))
    district = District(plan, rng, STYLES[style], 0.0, 0.0, 0.0, 0.4)
    fill_block(district, kind, (0.0, 0.0, length, depth))
    assert all(np.isfinite(building.polygon().area) for building in plan.buildings)


def test_a_long_row_is_as_low_and_straight_as_a_strip_of_street() -> None:
    rng = np.random.default_rng(3)
    plan = Plan(Terrain(0.0, 0.0, (), ()), make_soil(rng, "low_vegetation", "lawn", "meadow"))
    district = District(plan, rng, STYLES["south"], 0.0, 0.0, 0.0, 0.0)
    for k in range(6):
        fill_block(district, "long_rows", (0.0, 60.0 * k, 120.0, 60.0 * k + 50.0))
    boxes = [building.polygon().minimum_rotated_rectangle.exterior.coords for building in plan.buildings]
    sides = [sorted((math.dist(c[0], c[1]), math.dist(c[1], c[2]))) for c in boxes]
    rows = [(b, side) for b, side in zip(plan.buildings, sides) if side[1] > 3 * side[0] and side[0] > 7]
    assert len(rows) > 3
    assert max(b.roof.values.get("slope", 0.0) for b, _ in rows) < 0.8
    assert all(abs(math.sin(2 * b.angle)) < 0.1 for b, _ in rows)  # along the street
    assert sum(len(b.details) for b, _ in rows) > len(rows)  # chimneys, skylights
