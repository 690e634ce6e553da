"""Black corners that no file declares count as empty; black inside a picture does not."""

import numpy as np
import pytest
from rasterio.transform import Affine

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.raster.native import NativeReader
from ridgeline.engine.raster.source import describe

PLACE = Affine(0.5, 0, 500000, 0, -0.5, 5600000)


def picture(height=80, width=100):
    return np.random.default_rng(3).integers(1, 250, (3, height, width)).astype(np.uint8)


def codes_and_valid(item):
    source = describe(item, "rgb")
    reader = NativeReader(source)
    valid = reader.read(0, 0, source.height, source.width)[1]
    reader.close()
    return [code for code, _ in source.notes], valid


@pytest.mark.parametrize("row", [0, -1])
@pytest.mark.parametrize("col", [0, -1])
def test_a_black_corner_is_empty_and_said(raster_file, row, col):
    bands = picture()
    slanted = np.add.outer(np.arange(80), np.arange(100)) < 70
    bands[:, slanted[:: -1 if row else 1, :: -1 if col else 1]] = 0
    codes, valid = codes_and_valid(RasterInput(raster_file(bands, transform=PLACE)))
    assert codes == ["black_is_nodata"]
    np.testing.assert_array_equal(valid, bands.any(axis=0))


def test_black_inside_a_picture_and_in_one_band_is_a_colour(raster_file):
    bands = picture()
    bands[:, 20:60, 20:60] = 0
    bands[1, :20, :20] = 0
    codes, valid = codes_and_valid(RasterInput(raster_file(bands, transform=PLACE)))
    assert codes == []
    assert valid.all()


@pytest.mark.parametrize("stated", [-1.0, 77.0])
def test_a_stated_nodata_value_goes_before(raster_file, stated):
    bands = picture()
    bands[:, :30, :30] = 0
    codes, valid = codes_and_valid(RasterInput(raster_file(bands, transform=PLACE), nodata=stated))
    assert codes == []
    assert valid[:30, :30].all()


def test_a_file_that_declares_what_is_empty_is_believed(raster_file):
    bands = picture()
    bands[:, :30, :30] = 0
    codes, valid = codes_and_valid(RasterInput(raster_file(bands, transform=PLACE, nodata=255)))
    assert codes == []
    assert valid[:30, :30].all()


def test_rasters_smaller_than_a_corner_are_left_alone(raster_file):
    codes, valid = codes_and_valid(RasterInput(raster_file(np.zeros((3, 12, 12), np.uint8), transform=PLACE)))
    assert codes == []
    assert valid.all()
