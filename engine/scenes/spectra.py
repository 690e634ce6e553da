"""What other cameras make of a scene: false colour with near infrared, and grey.

Surveys are often flown with near infrared and shown as near infrared, red and green (as in the ISPRS benchmark of
Vaihingen: Rottensteiner et al. 2012, "The ISPRS benchmark on urban object classification and 3D building
reconstruction"), and old orthophotos are black and white. The near infrared is derived from a picture and its land
cover: leaves reflect a multiple of what they reflect of green, the more the greener they are; all else about as much
as of red (Jensen, "Remote sensing of the environment", chapter 11).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..classes import LAND_COVER

Floats = NDArray[np.float32]

_IDS = {item.name: item.id for item in LAND_COVER}
_PLANTS = (_IDS["low_vegetation"], _IDS["tree"])
_BLUR_PX = 0.8
"""Of the edge between plants and all else: labels have sharp edges, pictures have none."""


def false_colour(picture: Floats, land_cover: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return near infrared, red and green in place of red, green and blue.

    Args:
        picture: float32 [3, H, W], 0–255.
        land_cover: int64 [H, W], class ids, 0: no label.
        rng: source of chance.
    """
    infrared = near_infrared(picture, land_cover, rng)
    return _developed(np.stack([infrared, picture[0], picture[1]]), rng)


def grey(picture: Floats, rng: np.random.Generator) -> Floats:
    """Return the picture in black and white, the same three times: float32 [3, H, W], 0–255.

    Args:
        picture: float32 [3, H, W], 0–255.
        rng: source of chance; films differ in what they see of each colour.
    """
    shares = rng.dirichlet((3.0, 4.0, 2.0)).astype(np.float32)
    one = _developed(np.tensordot(shares, picture, axes=1)[None], rng)
    return np.repeat(one, 3, axis=0)


def near_infrared(picture: Floats, land_cover: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return what the picture may look like in near infrared: float32 [H, W], 0 and more.

    Args:
        picture: float32 [3, H, W], red, green and blue, 0–255.
        land_cover: int64 [H, W], class ids, 0: no label.
        rng: source of chance: how vigorous plants are, whether green roofs are planted or painted.
    """
    red, green, blue = picture
    greenness = np.clip((green - np.maximum(red, blue) + 15) / 30, 0, 1)
    plants = np.isin(land_cover, _PLANTS).astype(np.float32)
    if rng.random() < 0.5:
        plants = np.maximum(plants, greenness * (land_cover == _IDS["building"]))
    plants = ndimage.gaussian_filter(plants, _BLUR_PX)
    patches = ndimage.gaussian_filter(rng.normal(size=green.shape), rng.uniform(4, 20))
    patches = (patches - patches.mean()) / max(float(patches.std()), 1e-6)
    vigour = rng.uniform(0.4, 1.3) * (0.3 + 0.7 * greenness) * (1 + 0.15 * patches)
    of_plants = green * (1 + np.maximum(vigour, 0))
    infrared = plants * of_plants + (1 - plants) * rng.uniform(0.75, 1.15) * red
    return np.asarray(infrared, np.float32)


def _developed(picture: Floats, rng: np.random.Generator) -> Floats:
    """Return a picture [C, H, W] with its bands brightened and curved as another camera would."""
    gains = rng.uniform(0.85, 1.15, size=(len(picture), 1, 1))
    curve = rng.uniform(0.8, 1.25)
    developed = 255 * np.clip(picture * gains / 255, 0, 1) ** curve
    return np.asarray(developed, np.float32)
