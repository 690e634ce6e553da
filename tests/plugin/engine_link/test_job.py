"""Layers become what the engine can open; what QGIS knows better than the file goes along."""

import shutil
from pathlib import Path

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRasterRange,
    QgsRectangle,
    QgsVectorLayer,
)

from ridgeline.engine.jobs import ErrorCode, RidgelineError, SegmentJob, from_dict, to_dict
from ridgeline.plugin.engine_link.job import (
    crs_text,
    layer_source,
    region_of_extent,
    region_of_features,
    region_of_geometry,
)
from ridgeline.plugin.paths import SAMPLES

LAMBERT = QgsCoordinateReferenceSystem("EPSG:2154")


@pytest.fixture
def ortho(tmp_path, qgis_app):
    file = tmp_path / "mes données" / "ortho été.tif"
    file.parent.mkdir()
    shutil.copy(SAMPLES / "herault_rgb.tif", file)
    layer = QgsRasterLayer(str(file), "ortho d'été")
    assert layer.isValid()
    return layer


def test_a_local_file_crosses_by_its_path(ortho):
    raster = layer_source(ortho, (3, 2, 1)).raster
    assert raster.path == ortho.source()
    assert raster.bands == (3, 2, 1)
    assert raster.name == "ortho d'été"
    assert raster.crs is None and raster.nodata is None


def test_the_crs_that_the_user_gave_the_layer_goes_along(ortho):
    ortho.setCrs(QgsCoordinateReferenceSystem("EPSG:3943"))
    assert layer_source(ortho).raster.crs == "EPSG:3943"
    ortho.setCrs(LAMBERT)
    assert layer_source(ortho).raster.crs is None


def test_a_crs_of_the_users_own_goes_along_as_text(ortho):
    own = QgsCoordinateReferenceSystem.fromProj(
        "+proj=tmerc +lat_0=43 +lon_0=3.5 +k=1 +x_0=1 +y_0=2 +ellps=GRS80 +units=m"
    )
    ortho.setCrs(own)
    text = layer_source(ortho).raster.crs
    assert QgsCoordinateReferenceSystem.fromWkt(text) == own


def test_nodata_that_the_user_set_goes_along(ortho):
    ortho.dataProvider().setUserNoDataValue(1, [QgsRasterRange(0, 0)])
    assert layer_source(ortho).raster.nodata == 0


def test_a_band_that_is_not_there_is_told(ortho):
    with pytest.raises(RidgelineError) as caught:
        layer_source(ortho, (1, 2, 9))
    assert caught.value.code is ErrorCode.BAD_BANDS
    assert "ortho d'été" in caught.value.message


def test_a_layer_whose_file_is_gone_is_told(tmp_path, qgis_app):
    with pytest.raises(RidgelineError) as caught:
        layer_source(QgsRasterLayer(str(tmp_path / "gone.tif"), "gone"))
    assert caught.value.code is ErrorCode.INPUT_MISSING


def test_a_file_in_a_zip_crosses_as_gdal_names_it(tmp_path, qgis_app):
    import zipfile

    archive = tmp_path / "a b.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(SAMPLES / "herault_dsm.tif", "dsm.tif")
    layer = QgsRasterLayer(f"/vsizip/{archive}/dsm.tif", "dsm")
    assert layer.isValid()
    assert layer_source(layer).raster.path == f"/vsizip/{archive}/dsm.tif"


def test_layers_that_only_qgis_can_read_are_to_be_written_first(tmp_path, qgis_app):
    xyz = QgsRasterLayer("type=xyz&url=file:///nowhere/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax=19&zmin=0", "tiles", "wms")
    assert xyz.isValid()
    assert layer_source(xyz).raster is None
    from osgeo import gdal

    gdal.FileFromMemBuffer("/vsimem/dsm.tif", Path(SAMPLES / "herault_dsm.tif").read_bytes())
    memory = QgsRasterLayer("/vsimem/dsm.tif", "memory")
    assert memory.isValid()
    assert layer_source(memory).raster is None
    gdal.Unlink("/vsimem/dsm.tif")


def test_regions_of_every_kind_survive_the_way_to_the_engine(qgis_app):
    box = QgsRectangle(770549.8, 6277549.8, 770600.2, 6277600.2)
    regions = [
        region_of_extent(box, LAMBERT),
        region_of_geometry(QgsGeometry.fromRect(box), LAMBERT),
    ]
    assert regions[0].bbox == (770549.8, 6277549.8, 770600.2, 6277600.2)
    for region in regions:
        assert region.crs == "EPSG:2154"
        job = SegmentJob(out="x", region=region)
        assert from_dict(SegmentJob, to_dict(job)) == job


def test_polygons_of_a_layer_become_one_region(qgis_app):
    layer = QgsVectorLayer("Polygon?crs=EPSG:2154", "area", "memory")
    from qgis.core import QgsFeature

    features = []
    for x in (0, 5, 100):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, 0, x + 10, 10)))
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    from qgis.core import QgsProcessingContext, QgsProcessingFeatureSource

    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    geometry, crs = region_of_features(QgsProcessingFeatureSource(layer, context))
    assert geometry.area() == pytest.approx(250)
    assert crs == LAMBERT
    layer.dataProvider().truncate()
    with pytest.raises(RidgelineError) as caught:
        region_of_features(QgsProcessingFeatureSource(layer, context))
    assert caught.value.code is ErrorCode.BAD_REGION


@pytest.mark.parametrize("rectangle", [QgsRectangle(5, 5, 5, 9), QgsRectangle(1, 1, 1, 1)])
def test_a_region_without_area_is_told(qgis_app, rectangle):
    with pytest.raises(RidgelineError) as caught:
        region_of_extent(rectangle, LAMBERT)
    assert caught.value.code is ErrorCode.BAD_REGION


def test_a_code_of_an_authority_stays_a_code(qgis_app):
    assert crs_text(LAMBERT) == "EPSG:2154"
