"""Rasters made for the tests."""

import itertools

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin


@pytest.fixture(scope="session")
def raster_file(tmp_path_factory):
    """Return a function that writes bands [C, H, W] to a new GeoTIFF and returns its path."""
    folder = tmp_path_factory.mktemp("rasters")
    numbers = itertools.count()

    def write(bands, crs="EPSG:25832", transform=None, mask=None, gcps=None, **profile):
        bands = np.asarray(bands)
        bands = bands[None] if bands.ndim == 2 else bands
        path = folder / f"raster{next(numbers)}.tif"
        place = {"transform": transform or from_origin(500000.0, 5600000.0, 0.5, 0.5)}
        if gcps is not None:
            place = {"gcps": gcps}
        tags = {key: profile.pop(key) for key in ("units", "scales", "offsets", "colorinterp") if key in profile}
        count, height, width = bands.shape
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=bands.dtype,
            crs=crs,
            **place,
            **profile,
        ) as dataset:
            dataset.write(bands)
            for name, value in tags.items():
                setattr(dataset, name, value)
            if mask is not None:
                dataset.write_mask(mask)
        return str(path)

    return write


@pytest.fixture(scope="session")
def rotated():
    """Return a geotransform turned by an angle: (x, y, pixel size, degrees) of its upper left corner."""

    def make(x, y, size, degrees):
        angle = np.radians(degrees)
        c, s = size * np.cos(angle), size * np.sin(angle)
        return Affine(c, s, x, s, -c, y)

    return make
