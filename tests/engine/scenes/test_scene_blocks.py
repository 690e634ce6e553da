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


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_district_is_as_steep_as_its_kind_of_place(style: str) -> None:
    plan = Plan(Terrain(0.0, 0.0, (), ()), make_soil(np.random.default_rng(0), "low_vegetation", "lawn", "meadow"))
    low, high = STYLES[style].pitch
    drawn = [District(plan, np.random.default_rng(k), STYLES[style], 0.0, 0.0, 0.0, 0.4).pitch for k in range(40)]
    assert low <= min(drawn) and max(drawn) <= high
    assert max(drawn) - min(drawn) > 0.7 * (high - low)


def test_long_rows_lie_along_the_street_under_many_chimneys_and_skylights() -> None:
    rng = np.random.default_rng(3)
    plan = Plan(Terrain(0.0, 0.0, (), ()), make_soil(rng, "low_vegetation", "lawn", "meadow"))
    district = District(plan, rng, STYLES["south"], 0.0, 0.0, 0.0, 0.0)
    for k in range(12):
        fill_block(district, "long_rows", (0.0, 60.0 * k, 120.0, 60.0 * k + 50.0))
    boxes = [building.polygon().minimum_rotated_rectangle.exterior.coords for building in plan.buildings]
    sides = [sorted((math.dist(c[0], c[1]), math.dist(c[1], c[2]))) for c in boxes]
    rows = [b for b, side in zip(plan.buildings, sides) if side[1] > 3 * side[0] and side[0] > 7]
    assert len(rows) > 6
    assert all(abs(math.sin(b.angle)) < 0.01 for b in rows)
    pitched = [b for b in rows if b.roof.form != "flat"]
    chimneys = [sum(detail.kind == "box" for detail in b.details) for b in pitched]
    skylights = [sum(detail.kind == "window" for detail in b.details) for b in pitched]
    assert np.mean(chimneys) > 5  # other roofs as long have half as many
    assert np.mean(skylights) > 3
    for b in pitched:
        p0, q0, p1, q1 = b.outline.bounds
        assert all(p0 <= detail.p <= p1 and q0 <= detail.q <= q1 for detail in b.details if detail.kind != "box")
