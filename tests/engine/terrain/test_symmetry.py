"""Turning a picture turns its slopes: channels of the turned surface equal the turned channels."""

import numpy as np
import pytest

from ridgeline.engine.terrain.height_channels import height_channels
from ridgeline.engine.terrain.symmetry import turned, turned_back, turned_channels


@pytest.mark.parametrize("symmetry", range(8))
def test_channels_of_the_turned_surface_are_the_turned_channels(symmetry):
    random = np.random.default_rng(3)
    surface = random.normal(100, 1, (96, 96)).astype(np.float32).cumsum(axis=0) * 0.05
    valid = np.ones(surface.shape, bool)
    # blocks of the local ground lie alike in both pictures: 96 pixels are a whole number of 8-pixel blocks
    turned_first = height_channels(turned(surface[None], symmetry)[0], valid, 0.25, 0, 0)
    turned_last = turned_channels(height_channels(surface, valid, 0.25, 0, 0), symmetry)
    np.testing.assert_allclose(turned_first, turned_last, atol=1e-4)


@pytest.mark.parametrize("symmetry", range(8))
def test_what_was_turned_is_turned_back(symmetry):
    layers = np.random.default_rng(4).normal(size=(2, 3, 8, 8))
    np.testing.assert_array_equal(turned_back(turned(layers, symmetry), symmetry), layers)


def test_slopes_are_known_by_their_names_wherever_they_stand():
    values = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2) + 1
    found = turned_channels(values, 3, ("slope_y", "valid", "slope_x"))
    expected = values[..., ::-1, ::-1] * np.array([-1, 1, -1], np.float32)[:, None, None]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(turned_channels(values, 3, ("a", "b", "c")), values[..., ::-1, ::-1])
