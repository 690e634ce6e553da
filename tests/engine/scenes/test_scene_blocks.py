"""Blocks: every kind fills plots of any size."""

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
