"""Views: what is seen and what it is called move alike, and number 0 shows a tile as it is."""

import numpy as np
import pytest
from finetune_helpers import INPUTS

from ridgeline.engine.terrain.height_channels import CHANNELS
from ridgeline.engine.training.finetune.views import PLAIN, View, can_zoom, seen_input, seen_map, view_of

RGB, DSM = INPUTS
SIZE = 64


def blocks(seed=0):
    """A map of large squares, so that a pixel's rim is a small part of it."""
    return np.kron(np.random.default_rng(seed).integers(0, 2, (8, 8)), np.ones((8, 8), int)).astype(np.uint8)


def test_number_0_shows_a_tile_as_it_is():
    values = np.random.default_rng(1).normal(size=(3, SIZE, SIZE)).astype(np.float32)
    assert view_of(1, 5, 0, True) == PLAIN
    assert np.array_equal(seen_input(RGB, values, PLAIN), values) and np.array_equal(
        seen_map(blocks(), PLAIN), blocks()
    )


@pytest.mark.parametrize("symmetry", range(8))
@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_labels_move_like_the_picture(symmetry, zoom):
    view = View(symmetry, zoom)
    labels = blocks(symmetry)
    picture = seen_input(RGB, np.repeat(labels[None], 3, axis=0).astype(np.float32), view)
    weight = seen_map(np.ones((SIZE, SIZE), np.float32), view)
    agree = (picture[0] > 0.5) == (seen_map(labels, view) == 1)
    assert agree[weight > 0].mean() > 0.96
    assert (weight == 0).any() == (zoom < 1)  # from farther away, one sees over the rim


def test_heights_turn_with_the_picture_and_never_change_in_size():
    heights = np.zeros((len(CHANNELS), SIZE, SIZE), np.float32)
    heights[0] = blocks(3)
    assert can_zoom(INPUTS, ["rgb"]) and not can_zoom(INPUTS, ["rgb", "dsm"])
    for number in range(1, 20):
        view = view_of(7, 0, number, can_zoom=False)
        assert view.zoom == 1.0
        assert np.array_equal(seen_input(DSM, heights, view)[0], seen_map(heights[0], view))


def test_views_repeat_by_seed_and_differ_by_number():
    values = np.random.default_rng(2).normal(size=(3, SIZE, SIZE)).astype(np.float32)
    seen = [seen_input(RGB, values, view_of(3, 0, number, True)) for number in (1, 1, 2)]
    assert np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[0], seen[2])
    assert all(np.isfinite(item).all() and item.dtype == np.float32 for item in seen)


def test_things_are_painted_anew_only_where_colours_say_nothing():
    values = np.random.default_rng(4).normal(0, 0.1, (3, SIZE, SIZE)).astype(np.float32)
    things = np.kron(np.arange(16).reshape(4, 4), np.ones((16, 16), int)).astype(np.int32) - 1  # the first is none
    view = View(light=(1, 2, 3))
    spread = []
    for given in (None, things):
        seen = seen_input(RGB, values, view, given)
        spread.append(np.std([seen[:, things == number].mean() for number in range(15)]))
    assert spread[1] > 5 * spread[0]
