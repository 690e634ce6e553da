"""The pixel size of a run follows the rasters as far as the model says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.jobs.pixel_size import run_gsd

metres = st.floats(0.05, 5.0)


@given(metres, st.floats(0, 3), st.floats(0, 1), metres)
def test_it_lies_between_what_the_model_was_trained_at_and_the_most_it_accepts(
    trained: float, more: float, share: float, native: float
) -> None:
    assert trained <= run_gsd(trained, trained + more, share, native) <= trained + more + 1e-9


@given(metres, metres)
def test_a_model_that_says_nothing_works_as_it_was_trained(trained: float, native: float) -> None:
    assert run_gsd(trained, 2 * trained, 0.0, native) == trained


@given(metres, metres)
def test_finer_rasters_change_nothing(trained: float, native: float) -> None:
    assert run_gsd(trained, 2 * trained, 0.7, min(native, trained)) == trained


@pytest.mark.parametrize(("native", "gsd"), [(0.2, 0.25), (0.35, 0.25), (0.5, 0.35), (0.8, 0.56), (1.0, 0.6)])
def test_coarse_rasters_are_seen_at_a_share_of_their_pixels(native: float, gsd: float) -> None:
    assert run_gsd(0.25, 0.6, 0.7, native) == pytest.approx(gsd)
