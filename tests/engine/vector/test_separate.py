"""Touching buildings come apart along the outlines that the model tells."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ridgeline.engine.vector.separate import split_touching

LEVEL = 0.05


def test_two_houses_that_share_a_wall_come_apart_at_the_wall():
    mask = np.ones((20, 40), bool)
    boundary = np.zeros(mask.shape)
    boundary[[0, 1, -2, -1]] = boundary[:, [0, 1, 19, 20, -2, -1]] = 0.9
    labels = split_touching(mask, boundary, LEVEL, 20)
    assert (labels[:, :20] == 1).all()
    assert (labels[:, 20:] == 2).all()


def test_one_house_stays_whole_and_so_does_one_that_is_all_outline():
    mask = np.ones((12, 12), bool)
    assert (split_touching(mask, np.zeros(mask.shape), LEVEL, 4) == 1).all()
    assert (split_touching(mask, np.ones(mask.shape), LEVEL, 4) == 1).all()


def test_a_speck_of_a_core_founds_no_building():
    mask = np.ones((20, 20), bool)
    boundary = np.zeros(mask.shape)
    boundary[:, 15], boundary[:18, 16:] = 1, 1
    assert split_touching(mask, boundary, LEVEL, 20).max() == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.1, 0.9), least=st.integers(1, 60))
def test_the_parts_cover_the_mask_and_each_is_connected(seed, share, least):
    rng = np.random.default_rng(seed)
    blobs, _ = ndimage.label(ndimage.gaussian_filter(rng.random((40, 40)), 2) > 0.49)
    mask = blobs == np.bincount(blobs[blobs > 0]).argmax() if blobs.any() else np.ones((40, 40), bool)
    labels = split_touching(mask, (rng.random(mask.shape) < share).astype(float), LEVEL, 3, least)
    assert np.array_equal(labels > 0, mask)
    assert all(ndimage.label(labels == i)[1] == 1 for i in range(1, labels.max() + 1))
    assert labels.max() < 2 or np.bincount(labels.ravel())[1:].min() >= least


def test_a_party_wall_that_the_network_only_suspects_parts_two_houses():
    mask = np.ones((20, 41), dtype=bool)
    boundary = np.zeros(mask.shape)
    boundary[:, 20] = 0.1
    labels = split_touching(mask, boundary, LEVEL, 20)
    assert labels.max() == 2 and (labels[:, :20] == 1).all() and (labels[:, 21:] == 2).all()


def test_a_part_smaller_than_asked_for_goes_to_its_neighbour_and_a_larger_one_stays():
    mask = np.ones((20, 46), dtype=bool)
    boundary = np.zeros(mask.shape)
    boundary[:, 40] = 1
    assert split_touching(mask, boundary, LEVEL, 10, 100).max() == 2
    assert split_touching(mask, boundary, LEVEL, 10, 140).max() == 1
