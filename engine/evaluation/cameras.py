"""Real pictures as other cameras would have taken them: false colour with near infrared, and black and white.

No real area at hand has near infrared. What is made here shows whether a model needs natural colours, not how good it
is on a real flight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from ..classes import LAND_COVER
from ..scenes.spectra import false_colour, grey

CAMERAS = ("false colour", "grey")
_LOW = next(item.id for item in LAND_COVER if item.name == "low_vegetation")
_GREEN = 15
"""Of 255: excess green (twice green less red and blue) from which on a pixel is taken for a plant (Woebbecke et al.
1995, "Color indices for weed identification", Transactions of the ASAE 38(1))."""


def write_as_seen_by(source: Path, camera: str, target: Path, seed: int = 1) -> Path:
    """Write an 8-bit picture as another camera would have taken it, and return ``target``.

    Args:
        source: red, green and blue as the first three bands, 0–255.
        camera: one of ``CAMERAS``.
        target: the new file, with three bands and the same nodata and mask.
        seed: of the chance in how cameras differ.
    """
    with rasterio.open(source) as raster:
        picture, mask = raster.read([1, 2, 3]).astype(np.float32), raster.dataset_mask()
        profile = raster.profile | {"driver": "GTiff", "count": 3, "dtype": "uint8"}
    profile.pop("photometric", None)
    random = np.random.default_rng(seed)
    seen = grey(picture, random) if camera == "grey" else false_colour(picture, plants_of(picture), random)
    with rasterio.open(target, "w", **profile) as sink:
        sink.write(np.clip(np.rint(seen), 1, 255).astype(np.uint8))  # 0 is often nodata
        sink.write_mask(mask > 0)
    return target


def plants_of(picture: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return int64 [H, W]: the class of low vegetation where a picture [3, H, W] is green, elsewhere 0."""
    red, green, blue = picture
    return np.where(2 * green - red - blue > _GREEN, _LOW, 0)
