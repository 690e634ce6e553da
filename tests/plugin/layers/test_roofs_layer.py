"""The layer “Ridgeline roofs” is found again by its mark, but a project cannot pass off any other layer as it."""

import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer

from ridgeline.plugin.layers.roofs import ROOFS_PROPERTY, add_roof, find_layer
from ridgeline.plugin.paths import SAMPLES

ROOF = {
    "outline_wkt": "Polygon ((0 0, 10 0, 10 8, 0 8, 0 0))",
    "roof_class": "gable",
    "area_m2": 80.0,
}


@pytest.fixture()
def saved(qgis_new_project, tmp_path):
    project = QgsProject.instance()
    project.write(str(tmp_path / "project.qgz"))
    return project


def roof():
    from qgis.core import QgsCoordinateReferenceSystem

    return {**ROOF, "crs_wkt": QgsCoordinateReferenceSystem("EPSG:25832").toWkt()}


def test_a_roof_is_kept_once_and_its_layer_found_whatever_it_is_called(saved):
    assert add_roof(roof(), "toy")
    layer = find_layer()
    layer.setName("Houses")
    assert not add_roof(roof(), "toy")
    assert find_layer() is layer and layer.featureCount() == 1


def test_every_field_of_the_form_has_a_name_for_people_and_the_row_number_is_not_shown(saved):
    assert add_roof(roof(), "toy")
    layer = find_layer()
    for index, field in enumerate(layer.fields()):
        hidden = layer.editorWidgetSetup(index).type() == "Hidden"
        assert hidden == (field.name() == "fid"), field.name()
        assert hidden or field.alias(), field.name()


@pytest.mark.parametrize("kind", ["raster", "lines", "memory"])
def test_another_layer_that_bears_the_mark_gets_nothing(saved, kind):
    if kind == "raster":
        other = QgsRasterLayer(str(SAMPLES / "herault_rgb.tif"), "roofs")
    else:
        geometry = "LineString" if kind == "lines" else "Polygon"
        other = QgsVectorLayer(f"{geometry}?crs=EPSG:25832", "roofs", "memory")
    other.setCustomProperty(ROOFS_PROPERTY, "1")
    saved.addMapLayer(other)
    assert find_layer() is None
    assert add_roof(roof(), "toy")
    assert find_layer() is not other and find_layer().featureCount() == 1
