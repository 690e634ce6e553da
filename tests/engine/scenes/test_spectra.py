"""What other cameras make of a scene: near infrared that plants reflect, pictures in grey, one place under both."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ridgeline.engine.classes import LAND_COVER
from ridgeline.engine.scenes.spectra import false_colour, grey, near_infrared

IDS = {item.name: item.id for item in LAND_COVER}


def lawn_and_roof() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return a lawn in the west and a red roof in the east, and their land cover."""
    picture = np.empty((3, 40, 40), np.float32)
    picture[:, :, :20] = np.array([70, 110, 60], np.float32)[:, None, None]
    picture[:, :, 20:] = np.array([150, 80, 70], np.float32)[:, None, None]
    cover = np.full((40, 40), IDS["low_vegetation"], np.int64)
    cover[:, 20:] = IDS["building"]
    return picture, cover


@pytest.mark.parametrize("seed", range(8))
def test_plants_are_bright_in_near_infrared_and_roofs_as_they_are_in_red(seed: int) -> None:
    picture, cover = lawn_and_roof()
    infrared = near_infrared(picture, cover, np.random.default_rng(seed))
    assert infrared.shape == (40, 40) and infrared.dtype == np.float32 and infrared.min() >= 0
    assert (infrared[:, :15] > 1.15 * picture[1, :, :15]).mean() > 0.95
    assert np.allclose(infrared[:, 25:] / picture[0, :, 25:], infrared[0, 30] / 150, rtol=0.01)
    assert 0.7 < infrared[0, 30] / 150 < 1.2


def test_dry_grass_reflects_less_than_green() -> None:
    picture, cover = lawn_and_roof()
    dry = picture.copy()
    dry[:, :, :20] = np.array([140, 110, 60], np.float32)[:, None, None]
    green, yellow = (near_infrared(item, cover, np.random.default_rng(1)) for item in (picture, dry))
    assert yellow[:, :15].mean() < green[:, :15].mean()


def test_false_colour_shows_red_and_green_a_band_further() -> None:
    picture, cover = lawn_and_roof()
    shown = false_colour(picture, cover, np.random.default_rng(3))
    assert shown.shape == (3, 40, 40) and shown.dtype == np.float32
    assert 0 <= shown.min() and shown.max() <= 255
    for band, before in ((1, 0), (2, 1)):
        assert np.corrcoef(shown[band].ravel(), picture[before].ravel())[0, 1] > 0.99
    assert shown[0, :, :15].mean() > shown[1, :, :15].mean()  # lawns are red


def test_black_and_white_has_one_band_three_times() -> None:
    picture, _ = lawn_and_roof()
    shown = grey(picture, np.random.default_rng(3))
    assert shown.shape == (3, 40, 40) and shown.dtype == np.float32
    assert np.array_equal(shown[0], shown[1]) and np.array_equal(shown[0], shown[2])
    assert 0 <= shown.min() and shown.max() <= 255 and shown.std() > 1
