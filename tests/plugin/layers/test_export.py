"""Layers that are no local file are written for the region, in true colours and heights, at the right place."""

import math

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsRectangle,
)

from ridgeline.engine.jobs import Cancelled, ErrorCode, RidgelineError
from ridgeline.plugin.layers.export import MARGIN_M, ground_size, plan_export, write_export
from ridgeline.plugin.paths import SAMPLES

LAMBERT = QgsCoordinateReferenceSystem("EPSG:2154")
MERCATOR = QgsCoordinateReferenceSystem("EPSG:3857")
CONTEXT = QgsCoordinateTransformContext()
TILE_ZOOM, WORLD = 17, 20037508.342789244


@pytest.fixture
def heights(qgis_app):
    """A layer in memory of GDAL, which another process cannot open."""
    from osgeo import gdal

    gdal.FileFromMemBuffer("/vsimem/export_dsm.tif", (SAMPLES / "herault_dsm.tif").read_bytes())
    layer = QgsRasterLayer("/vsimem/export_dsm.tif", "heights in memory")
    assert layer.isValid()
    yield layer
    gdal.Unlink("/vsimem/export_dsm.tif")


@pytest.fixture
def tiles(tmp_path, qgis_app):
    """An XYZ layer: red west of x = 500 m, green east of it, served from files, around 0° 0°."""
    from qgis.PyQt.QtGui import QColor, QImage

    size = 2 * WORLD / 2**TILE_ZOOM
    middle = 2 ** (TILE_ZOOM - 1)
    for column in range(middle - 3, middle + 6):
        for row in range(middle - 6, middle + 3):
            image = QImage(256, 256, QImage.Format.Format_RGB32)
            for pixel in range(256):
                x = -WORLD + (column + (pixel + 0.5) / 256) * size
                colour = QColor(200, 10, 20) if x < 500 else QColor(10, 180, 30)
                for line in range(256):
                    image.setPixelColor(pixel, line, colour)
            folder = tmp_path / "tiles" / str(TILE_ZOOM) / str(column)
            folder.mkdir(parents=True, exist_ok=True)
            image.save(str(folder / f"{row}.png"))
    url = f"file://{tmp_path}/tiles/%7Bz%7D/%7Bx%7D/%7By%7D.png"
    layer = QgsRasterLayer(f"type=xyz&url={url}&zmax={TILE_ZOOM}&zmin={TILE_ZOOM}", "photo tiles", "wms")
    assert layer.isValid()
    return layer


def region(x0, y0, x1, y1):
    return QgsGeometry.fromRect(QgsRectangle(x0, y0, x1, y1))


def test_heights_arrive_where_they_were(heights, tmp_path):
    area = region(770560, 6277560, 770580, 6277590)
    plan = plan_export(heights, area, LAMBERT, 0.2, CONTEXT, 100)
    # the margin reaches beyond the layer, so the whole layer is written
    assert plan.extent == heights.extent()
    assert (plan.columns, plan.rows) == pytest.approx((252, 252), abs=1)
    written = QgsRasterLayer(str(write_export(plan, tmp_path / "out é", CONTEXT, None)), "written")
    assert written.isValid() and written.crs() == LAMBERT
    from qgis.core import QgsPointXY

    for x, y in ((770561, 6277562), (770575, 6277580), (770590, 6277595)):
        there = heights.dataProvider().sample(QgsPointXY(x, y), 1)
        here = written.dataProvider().sample(QgsPointXY(x, y), 1)
        assert there[1] and here[1]
        assert here[0] == pytest.approx(there[0], abs=1.0)


def test_tiles_of_a_service_arrive_as_a_picture_at_the_asked_resolution(tiles, tmp_path):
    plan = plan_export(tiles, region(400, 400, 600, 600), MERCATOR, 2.0, CONTEXT, 100)
    assert plan.columns == pytest.approx((200 + 2 * MARGIN_M) / 2, abs=3)
    assert plan.megabytes == pytest.approx(plan.columns * plan.rows * 4 / 1e6)
    written = QgsRasterLayer(str(write_export(plan, tmp_path / "out", CONTEXT, None)), "written")
    assert written.isValid() and written.bandCount() >= 3
    from qgis.core import QgsPointXY

    def colour(x):
        return tuple(written.dataProvider().sample(QgsPointXY(x, 500), band)[0] for band in (1, 2, 3))

    assert colour(450) == pytest.approx((200, 10, 20), abs=3)
    assert colour(550) == pytest.approx((10, 180, 30), abs=3)


def test_a_file_that_is_there_is_used_again(heights, tmp_path):
    plan = plan_export(heights, None, None, 0.5, CONTEXT, 100)
    first = write_export(plan, tmp_path, CONTEXT, None)
    stamp = first.stat().st_mtime_ns
    assert write_export(plan_export(heights, None, None, 0.5, CONTEXT, 100), tmp_path, CONTEXT, None) == first
    assert first.stat().st_mtime_ns == stamp
    other = plan_export(heights, None, None, 0.4, CONTEXT, 100)
    assert other.file_name != plan.file_name


def test_too_large_a_file_is_refused_with_its_size(tiles):
    with pytest.raises(RidgelineError) as caught:
        plan_export(tiles, region(0, 0, 50_000, 50_000), MERCATOR, 0.25, CONTEXT, 500)
    assert caught.value.code is ErrorCode.BAD_REGION
    assert "photo tiles" in caught.value.message and "500 MB" in caught.value.message


def test_a_region_beside_the_layer_is_told(heights):
    with pytest.raises(RidgelineError) as caught:
        plan_export(heights, region(0, 0, 100, 100), LAMBERT, 0.2, CONTEXT, 500)
    assert caught.value.code is ErrorCode.NO_OVERLAP
    assert "heights in memory" in caught.value.message


def test_cancel_leaves_no_file(heights, tmp_path):
    feedback = QgsProcessingFeedback()
    feedback.cancel()
    plan = plan_export(heights, None, None, 0.5, CONTEXT, 100)
    with pytest.raises(Cancelled):
        write_export(plan, tmp_path / "out", CONTEXT, feedback)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_pixel_of_web_mercator_is_measured_on_the_ground(qgis_app):
    north = QgsRectangle(0, 8_399_000, 1000, 8_400_000)  # 60° north, where Web Mercator is twice too large
    width, height = ground_size(north, MERCATOR, CONTEXT)
    assert width == pytest.approx(1000 * math.cos(math.radians(60)), rel=0.01)
    assert height == pytest.approx(width, rel=0.02)
