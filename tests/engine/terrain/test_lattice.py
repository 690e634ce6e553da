"""Small helpers on blocks of pixels do what scipy's larger ones do."""

import numpy as np
import pytest
from scipy import ndimage

from ridgeline.engine.terrain.lattice import eroded, framed


@pytest.mark.parametrize("width", [0, 1, 2, 5])
@pytest.mark.parametrize("shape", [(1, 1), (3, 30), (40, 25)])
def test_erosion_leaves_what_lies_deeper_than_so_many_pixels(width, shape):
    mask = ndimage.uniform_filter(np.random.default_rng(width).random(shape), 5) > 0.45
    depth = ndimage.distance_transform_cdt(framed(mask), metric="chessboard")[1:-1, 1:-1]
    assert np.array_equal(eroded(mask, width), depth > width)
