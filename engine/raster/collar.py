"""Black collars: the empty corners of a picture whose file does not say that black means nothing.

Pictures cut out along a slanted line, or mosaics of them, are filled up to a rectangle with black. Seen as ground that
was photographed, the collar's edges look like roofs.
"""

from __future__ import annotations

from typing import Any

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

CORNER_PX = 16
"""A collar fills this square in a corner at least; shadows as black as that are not looked for in every corner."""


def has_black_collar(dataset: Any, bands: tuple[int, ...]) -> bool:
    """Return whether a corner of the raster is black through and through: 0 in all bands of 16×16 pixels.

    Args:
        dataset: open rasterio dataset.
        bands: its bands, from 1.

    Returns:
        False, too, for rasters smaller than a corner and for those that cannot be read there: whoever reads on says so.
    """
    width, height = dataset.width, dataset.height
    if min(width, height) <= CORNER_PX:
        return False
    try:
        for row in (0, height - CORNER_PX):
            for col in (0, width - CORNER_PX):
                corner = Window(col, row, CORNER_PX, CORNER_PX)
                if not any(dataset.read(band, window=corner).any() for band in bands):  # bands may differ in type
                    return True
    except (RasterioError, CPLE_BaseError):
        return False
    return False
