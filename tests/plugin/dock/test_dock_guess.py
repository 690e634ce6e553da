"""Which layer is guessed to be the orthophoto, and which the surface model."""

import pytest
from osgeo import gdal

from ridgeline.plugin.dock.logic.guess import guess_pair
from ridgeline.plugin.layers.results import RESULT_PROPERTY


@pytest.mark.parametrize("name", ["site_dsm", "MNS_2021", "bdom50", "surface", "Height", "unnamed"])
def test_a_float_band_is_the_surface_and_three_byte_bands_are_the_picture(raster, name):
    picture, surface = raster("a", bands=3, kind=gdal.GDT_Byte), raster(name)
    assert guess_pair([picture, surface]) == (picture, surface)
    assert guess_pair([surface, picture]) == (picture, surface)


def test_names_decide_between_rasters_of_the_same_kind(raster):
    other, dsm, dtm = raster("noise"), raster("city_dsm"), raster("city_dtm")
    plain, ortho = raster("scan", bands=3, kind=gdal.GDT_Byte), raster("dop20_rgb", bands=4, kind=gdal.GDT_Byte)
    assert guess_pair([other, dtm, plain, dsm, ortho]) == (ortho, dsm)


@pytest.mark.parametrize("name", ["city_dtm", "mnt", "dgm1", "hillshade", "slope"])
def test_what_is_named_as_something_else_is_no_surface_model(raster, name):
    assert guess_pair([raster(name)]) == (None, None)


def test_sixteen_bit_pictures_and_whole_number_heights_are_recognised(raster):
    picture, heights = raster("b", bands=4, kind=gdal.GDT_UInt16), raster("c_mns", kind=gdal.GDT_Int16)
    assert guess_pair([picture, heights]) == (picture, heights)


def test_a_single_byte_band_is_neither(raster):
    assert guess_pair([raster("classes_of_ground", kind=gdal.GDT_Byte)]) == (None, None)


def test_results_are_never_guessed_as_inputs(raster):
    layer = raster("height_dsm")
    layer.setCustomProperty(RESULT_PROPERTY, "height_above_ground")
    assert guess_pair([layer]) == (None, None)
