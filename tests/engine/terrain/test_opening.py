"""The grey opening takes off what is narrower than its square, and adds nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ridgeline.engine.terrain.opening import grey_opening

heights = arrays(np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 9))


@given(surface=heights, size=st.sampled_from([1, 3, 5]))
def test_nothing_is_added_and_twice_is_once(surface, size):
    opened = grey_opening(surface, size)
    assert (opened <= surface).all()
    assert np.array_equal(grey_opening(opened, size), opened)


def test_a_narrow_thing_is_taken_off_and_a_wide_one_stays():
    surface = np.zeros((20, 20), np.float32)
    surface[2:4, 2:4], surface[10:17, 10:17] = 7, 9
    opened = grey_opening(surface, 5)
    assert opened[2:4, 2:4].max() == 0 and opened[10:17, 10:17].min() == 9


def test_what_is_not_known_within_reach_stays_unknown():
    surface = np.full((9, 9), np.inf, np.float32)
    surface[4, 4] = 3
    assert np.isnan(grey_opening(surface, 3, np.isfinite(surface))[0, 0])
    assert grey_opening(surface, 3, np.isfinite(surface))[4, 4] == 3
