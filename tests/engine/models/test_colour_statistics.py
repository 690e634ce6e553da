"""Means, deviations and products of colours around each cell."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ridgeline.engine.models.colour_statistics import WINDOWS, ColourStatistics


def pictures(bands=3, side=32, seed=0):
    return torch.randn(2, bands, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("cell", [1, 2, 4])
def test_there_are_as_many_as_it_says_at_the_size_of_the_cells(bands, cell):
    statistics = ColourStatistics(bands, cell)
    assert statistics(pictures(bands)).shape == (2, statistics.channels, 32 // cell, 32 // cell)


def test_they_are_what_scipy_gives_far_from_the_rim():
    picture = pictures()
    found = ColourStatistics(3, 1)(picture)[0].numpy()
    plain = picture[0].numpy()
    wanted = []
    for side in WINDOWS:
        mean = np.stack([ndimage.uniform_filter(band, side) for band in plain])
        wanted.append(mean)
        if side > 1:
            wanted.append(4 * np.stack([ndimage.uniform_filter(band, side) for band in np.abs(plain - mean)]))
    red, green, blue = plain
    wanted.append(np.stack([red * red, red * green, red * blue, green * green, green * blue, blue * blue]))
    inner = (slice(None), slice(11, -11), slice(11, -11))
    np.testing.assert_allclose(found[inner], np.concatenate(wanted)[inner], atol=1e-5)


@given(colour=st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=3))
def test_a_picture_of_one_colour_has_its_means_everywhere_and_no_deviations(colour):
    picture = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    found = ColourStatistics(3, 2)(picture)[0, : 3 * (2 * len(WINDOWS) - 1)].view(-1, 3, 8, 8)
    # means stand first, then means and deviations by turns
    for number, values in enumerate(found):
        is_mean = number == 0 or number % 2 == 1
        wanted = picture[0, :, :8, :8] if is_mean else torch.zeros(3, 8, 8)
        torch.testing.assert_close(values, wanted, rtol=0, atol=1e-5)


@given(turns=st.integers(0, 3))
def test_they_turn_with_the_picture(turns):
    statistics, picture = ColourStatistics(3, 2), pictures(side=16)
    turned = statistics(torch.rot90(picture, turns, (2, 3)))
    torch.testing.assert_close(turned, torch.rot90(statistics(picture), turns, (2, 3)), rtol=0, atol=1e-5)
