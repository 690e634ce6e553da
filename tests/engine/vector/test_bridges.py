"""Bridges go on at their ends; buildings end in steps, whatever lies beside them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.vector.bridges import is_bridge, is_slender

GSD = 0.5
SHAPE = (140, 140)
LOW, DECK = 100.0, 108.0


def strip(angle, length, width, middle=(70, 70)):
    """Metres along and across a strip's middle line for every pixel, and the strip's own pixels."""
    rows, cols = np.indices(SHAPE) - np.array(middle)[:, None, None]
    along = (rows * np.sin(angle) + cols * np.cos(angle)) * GSD
    across = (rows * np.cos(angle) - cols * np.sin(angle)) * GSD
    return along, across, (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def valley(angle, width, rise=0.0, noise=0.0, seed=0):
    """A deck over a valley of 40 m, whose banks are as high as the deck at its ends."""
    along, across, _ = strip(angle, 40, width)
    surface = np.where((np.abs(along) > 20) | (np.abs(across) <= width / 2), DECK + rise * along, LOW)
    return (surface + np.random.default_rng(seed).normal(0, noise, SHAPE)).astype(np.float32)


def around(mask, surface, value, which):
    changed = surface.copy()
    changed[which & ~mask] = value
    return changed


@settings(max_examples=40, deadline=None)
@given(
    angle=st.floats(0, np.pi),
    width=st.floats(3, 9),
    found=st.floats(0.85, 1),
    rise=st.floats(-0.05, 0.05),
    noise=st.floats(0, 0.1),
)
def test_a_deck_over_a_valley_is_a_bridge_whatever_its_direction(angle, width, found, rise, noise):
    mask = strip(angle, 40 * found, width)[2]
    assert is_slender(mask, GSD)
    assert is_bridge(mask, valley(angle, width, rise, noise), GSD)


@settings(max_examples=40, deadline=None)
@given(angle=st.floats(0, np.pi), width=st.floats(3, 9), height=st.floats(2, 20), noise=st.floats(0, 0.1))
def test_a_long_building_on_level_ground_is_none(angle, width, height, noise):
    mask = strip(angle, 38, width)[2]
    surface = np.where(mask, LOW + height, LOW) + np.random.default_rng(0).normal(0, noise, SHAPE)
    assert not is_bridge(mask, surface.astype(np.float32), GSD)


@pytest.mark.parametrize("end", [-1, 1])
def test_one_end_may_lie_where_nothing_is_known(end):
    along, _, mask = strip(0.4, 38, 5)
    surface = around(mask, valley(0.4, 5), np.nan, along * end > 15)
    assert is_bridge(mask, surface, GSD)


def test_of_a_thing_on_an_island_of_data_nothing_is_said():
    _, _, mask = strip(0.4, 38, 5)
    surface = around(mask, valley(0.4, 5), np.nan, np.ones(SHAPE, bool))
    assert not is_bridge(mask, surface, GSD)
    assert not is_bridge(mask, np.full(SHAPE, np.nan, np.float32), GSD)


def test_what_ends_in_a_step_at_one_end_is_a_building():
    along, _, mask = strip(0.4, 38, 5)
    surface = around(mask, valley(0.4, 5), LOW, along > 15)
    assert not is_bridge(mask, surface, GSD)


@pytest.mark.parametrize("side", [-1, 1])
def test_what_has_no_step_at_one_side_is_no_bridge(side):
    """A row of garages in a slope: their roofs go on into the ground behind them."""
    _, across, mask = strip(0.4, 38, 5)
    surface = around(mask, valley(0.4, 5), DECK, across * side > 0)
    assert not is_bridge(mask, surface, GSD)


def test_two_pieces_of_one_deck_are_each_a_bridge():
    along, _, mask = strip(0.7, 38, 4)
    surface = valley(0.7, 4)
    for piece in (mask & (along < -1), mask & (along > 1)):
        assert is_bridge(piece, surface, GSD)


@pytest.mark.parametrize(("length", "width", "expected"), [(38, 8, True), (38, 14, False), (20, 18, False)])
def test_slender_is_much_longer_than_wide(length, width, expected):
    assert is_slender(strip(0.3, length, width)[2], GSD) is expected


@settings(max_examples=60, deadline=None, derandomize=True)  # at the limit itself a rounding decides
@given(angle=st.floats(0, np.pi), length=st.floats(4, 50), width=st.floats(2, 20))
def test_its_box_rules_out_nothing_slender(angle, length, width):
    """What the box alone tells is what the axes tell in a box that is much larger."""
    mask = strip(angle, length, width)[2]
    rows, cols = np.nonzero(mask)
    box = mask[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    assert is_slender(box, GSD) == is_slender(mask, GSD)


@pytest.mark.parametrize("pixels", [0, 1, 2, 5])
def test_specks_are_judged_without_a_fault(pixels):
    mask = np.zeros((9, 9), bool)
    mask.ravel()[40 : 40 + pixels] = True
    assert not is_bridge(mask, np.full((9, 9), DECK, np.float32), GSD)
    assert is_slender(mask, GSD) is (pixels == 5)  # a row of five
