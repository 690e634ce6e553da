"""What looks wrong before a run is said in one sentence that names the layer."""

from dataclasses import replace

import pytest
from dock_data import model_json, put_model
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRasterLayer, QgsRectangle

from ridgeline.plugin.dock.logic.checks import Inputs, Weight, check, covered, export_megabytes
from ridgeline.plugin.dock.logic.ground import pixel_size_m
from ridgeline.plugin.dock.logic.models import read_model


@pytest.fixture
def good(raster, shelf):
    """Inputs with which nothing is wrong."""
    return Inputs(
        rgb=raster("ortho", bands=3, kind=gdal.GDT_Byte),
        dsm=raster("dsm"),
        model=read_model(shelf / "toy"),
        region=QgsGeometry.fromRect(QgsRectangle(500_010, 5_599_960, 500_040, 5_599_990)),
        region_crs=QgsCoordinateReferenceSystem("EPSG:25832"),
        region_problem="",
        gsd=None,
    )


def only(inputs):
    findings = check(inputs)
    assert len(findings) == 1, findings
    return findings[0]


def test_nothing_is_said_where_nothing_is_wrong(good):
    assert check(good) == []


def test_the_run_works_at_what_was_asked_else_at_what_the_model_takes_over_the_layers(good):
    assert good.run_gsd == good.model.gsd_trained
    eager = replace(good.model, gsd_trained=0.1, gsd_native_share=0.8, gsd_max=2.0)
    over_surface = replace(good, model=eager).run_gsd
    assert over_surface == pytest.approx(0.8 * pixel_size_m(good.dsm), abs=0.005)
    assert replace(good, model=eager, dsm=None).run_gsd == pytest.approx(0.8 * pixel_size_m(good.rgb), abs=0.005)
    assert replace(good, model=eager, gsd=0.3).run_gsd == 0.3
    assert replace(good, model=None).run_gsd is None


def test_exports_are_written_at_what_was_asked_else_as_the_model_was_trained(good):
    eager = replace(good.model, gsd_trained=0.1, gsd_native_share=0.8, gsd_max=2.0)
    size = export_megabytes(good.rgb, replace(good, model=eager))
    assert size == export_megabytes(good.rgb, replace(good, model=eager, gsd=0.1))
    assert size > 2 * export_megabytes(good.rgb, replace(good, model=eager, gsd=0.2))


def test_open_questions_are_asked_and_are_no_faults(good):
    findings = check(replace(good, rgb=None, dsm=None, model=None, region=None, region_problem="Draw it."))
    assert [finding.weight for finding in findings] == [Weight.ASKS] * 3
    assert any("Draw it." in finding.text for finding in findings)
    assert all(finding.weight.stops for finding in findings)


def test_swapped_layers(good):
    finding = only(replace(good, rgb=good.dsm, dsm=good.rgb))
    assert finding.weight is Weight.STOPS and "swapped" in finding.text and "ortho" in finding.text


def test_the_same_layer_twice(good):
    assert any("chosen both" in finding.text for finding in check(replace(good, dsm=good.rgb)))


def test_too_few_bands(good, raster):
    finding = only(replace(good, rgb=raster("grey", kind=gdal.GDT_Byte), dsm=None))
    assert finding.weight is Weight.STOPS and "grey" in finding.text and "1 band" in finding.text


def test_a_picture_as_surface(good, raster):
    finding = only(replace(good, rgb=None, dsm=raster("photo", bands=3, kind=gdal.GDT_Byte)))
    assert finding.weight is Weight.STOPS and "photo" in finding.text
    byte_heights = only(replace(good, dsm=raster("coarse", kind=gdal.GDT_Byte)))
    assert byte_heights.weight is Weight.WARNS and "coarse" in byte_heights.text


def test_no_crs(good, raster):
    layer = raster("lost", bands=3, kind=gdal.GDT_Byte, crs=None)
    layer.setCrs(QgsCoordinateReferenceSystem())
    finding = only(replace(good, rgb=layer))
    assert finding.weight is Weight.STOPS and "lost" in finding.text and "no CRS" in finding.text


def test_degrees_and_web_mercator_are_brought_to_metres_and_that_is_said(good, raster):
    box = QgsGeometry.fromRect(QgsRectangle(690_000, 5_334_000, 691_000, 5_335_000))
    utm = QgsCoordinateReferenceSystem("EPSG:32632")
    degrees = raster("deg", bands=3, kind=gdal.GDT_Byte, crs=4326, origin=(11.5, 48.2), pixel=0.001)
    finding = only(replace(good, rgb=degrees, dsm=None, region=box, region_crs=utm, model=_any_pixel(good)))
    assert finding.weight is Weight.TELLS and "degrees" in finding.text
    web = raster("web", bands=3, kind=gdal.GDT_Byte, crs=3857, origin=(1_280_000, 6_135_000), pixel=60.0)
    finding = only(replace(good, rgb=web, dsm=None, region=box, region_crs=utm, model=_any_pixel(good)))
    assert finding.weight is Weight.TELLS and "true metres" in finding.text


def _any_pixel(good):
    return replace(good.model, gsd_max=1000.0)


def test_no_overlap_with_the_region_or_between_the_layers(good, raster):
    far = replace(good, region=QgsGeometry.fromRect(QgsRectangle(0, 0, 50, 50)))
    assert "outside the RGB layer" in only(far).text
    beside = raster("beside_dsm", origin=(500_050.5, 5_600_000.0))
    wide = QgsGeometry.fromRect(QgsRectangle(500_000, 5_599_950, 500_100, 5_600_000))
    assert "do not overlap" in only(replace(good, dsm=beside, region=wide)).text


def test_a_region_that_is_partly_without_data(good):
    half = replace(good, region=QgsGeometry.fromRect(QgsRectangle(500_025, 5_599_950, 500_075, 5_600_000)))
    finding = only(half)
    assert finding.weight is Weight.TELLS and "50" in finding.text
    assert covered(half).area() == pytest.approx(25 * 50, rel=1e-3)


def test_pixels_too_coarse_for_the_model_and_a_gsd_out_of_its_range(good, raster):
    coarse = raster("coarse_ortho", bands=3, kind=gdal.GDT_Byte, pixel=2.0)
    finding = only(replace(good, rgb=coarse))
    assert finding.weight is Weight.WARNS and "coarse_ortho" in finding.text and "2\u00a0m" in finding.text
    assert only(replace(good, gsd=1.0)).weight is Weight.STOPS
    assert check(replace(good, gsd=0.5)) == []


def test_a_model_that_needs_other_inputs_says_which(good, shelf):
    needy = read_model(put_model(shelf, model_json("needy", "Needy", input_sets=(("rgb", "dsm"),))))
    text = only(replace(good, dsm=None, model=needy)).text
    assert "Needy" in text and "RGB and DSM together" in text


def test_a_layer_that_the_model_does_not_look_at_is_told_and_no_fault(good, shelf):
    outputs = [{"name": "building", "kind": "probability", "role": "building"}]
    colours = read_model(put_model(shelf, model_json("colours", "Colours", input_sets=(("rgb",),))))
    finding = only(replace(good, model=colours))
    assert finding.weight is Weight.TELLS and "does not look at the DSM" in finding.text
    assert "heights" not in finding.text, "it finds no buildings that could have any"
    roofs = read_model(put_model(shelf, model_json("roofs", "Roofs", input_sets=(("rgb",),), outputs=outputs)))
    assert "heights of buildings" in only(replace(good, model=roofs)).text
    heights = read_model(put_model(shelf, model_json("heights", "Heights", input_sets=(("dsm",),))))
    assert "RGB" in only(replace(good, model=heights)).text
    assert only(replace(good, model=heights, dsm=None)).weight is Weight.STOPS
    either = read_model(put_model(shelf, model_json("either", "Either", input_sets=(("rgb",), ("dsm",)))))
    assert only(replace(good, model=either)).weight is Weight.STOPS, "the engine would show it both"


def test_a_layer_that_the_model_does_not_look_at_chooses_no_pixel_size(good, shelf, raster):
    coarse = replace(good, dsm=raster("coarse_dsm", pixel=0.5, size=100))
    alone = read_model(put_model(shelf, model_json("alone", input_sets=(("rgb",),))))
    for model, gsd in ((alone, 0.2), (coarse.model, 0.4)):
        eager = replace(model, gsd_trained=0.1, gsd_native_share=0.8, gsd_max=2.0)
        assert replace(coarse, model=eager).run_gsd == pytest.approx(gsd, abs=0.005)


def test_a_layer_that_is_no_file_is_announced_with_its_size_and_stopped_at_the_cap(good):
    uri = "type=xyz&url=file:///nowhere/{z}/{x}/{y}.png&zmax=19&zmin=0&crs=EPSG:3857"
    online = QgsRasterLayer(uri, "tiles", "wms")
    assert online.isValid()
    finding = next(item for item in check(replace(good, rgb=online)) if "no local file" in item.text)
    assert finding.weight is Weight.TELLS and "tiles" in finding.text and "MB" in finding.text
    stopped = next(item for item in check(replace(good, rgb=online, export_cap_mb=0.1)) if "no local" in item.text)
    assert stopped.weight is Weight.STOPS and "Advanced" in stopped.text
