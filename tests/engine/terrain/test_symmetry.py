"""Turning a picture turns its slopes: channels of the turned surface equal the turned channels."""

import numpy as np
import pytest

from ridgeline.engine.terrain.height_channels import height_channels
from ridgeline.engine.terrain.symmetry import turned, turned_channels


@pytest.mark.parametrize("symmetry", range(8))
def test_channels_of_the_turned_surface_are_the_turned_channels(symmetry):
    random = np.random.default_rng(3)
    surface = random.normal(100, 1, (96, 96)).astype(np.float32).cumsum(axis=0) * 0.05
    valid = np.ones(surface.shape, bool)
    # blocks of the local ground lie alike in both pictures: 96 pixels are a whole number of 8-pixel blocks
    turned_first = height_channels(turned(surface[None], symmetry)[0], valid, 0.25, 0, 0)
    turned_last = turned_channels(height_channels(surface, valid, 0.25, 0, 0), symmetry)
    np.testing.assert_allclose(turned_first, turned_last, atol=1e-4)
