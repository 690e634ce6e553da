"""Planes fitted around blocks: a plane stays a plane, what is unknown has no say, windows agree."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.terrain.trend import local_planes


@settings(deadline=None)
@given(
    tilt=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    shape=st.tuples(st.integers(12, 40), st.integers(12, 40)),
    base=st.floats(-400, 4000),
)
def test_a_plane_comes_back_up_to_the_rim(tilt, shape, base):
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    plane = (base + tilt[0] * cols + tilt[1] * rows).astype(np.float32)
    planes = local_planes(plane, np.ones(shape, bool), 8)
    assert np.abs(planes - plane).max() < 0.3  # the fit's stiffness takes a little of the tilt at the rim


@settings(deadline=None)
@given(share=st.floats(0, 1), seed=st.integers(0, 99), junk=st.sampled_from([np.inf, np.nan, -9999.0]))
def test_unknown_blocks_have_no_say(share, seed, junk):
    random = np.random.default_rng(seed)
    heights = random.normal(0, 3, (20, 23)).astype(np.float32)
    known = random.random(heights.shape) >= share
    planes = local_planes(np.where(known, heights, np.float32(junk)), known, 4)
    assert np.isfinite(planes).all()
    assert np.array_equal(planes, local_planes(heights, known, 4))


def test_windows_agree_bit_for_bit_beyond_the_reach():
    random = np.random.default_rng(5)
    heights, known = random.normal(300, 3, (60, 60)).astype(np.float32), random.random((60, 60)) > 0.3
    whole, part = local_planes(heights, known, 8), local_planes(heights[7:, 9:], known[7:, 9:], 8)
    assert np.array_equal(whole[15:52, 17:52], part[8:45, 8:43])


def test_where_nothing_is_known_the_plane_is_zero():
    assert (local_planes(np.zeros((3, 4), np.float32), np.zeros((3, 4), bool), 8) == 0).all()
