"""Class rasters that only a fine-tuned model has come on the map, with the names and colours that the file brings."""

import pytest
from osgeo import gdal, ogr, osr
from qgis.core import QgsProject

from ridgeline.plugin.layers.results import add_run, extra_kinds

gdal.UseExceptions()


OWN = {1: ("solar", (255, 0, 0, 255)), 2: ("tile", (0, 0, 255, 255)), 3: ("background", (240, 240, 240, 255))}


def class_raster(path, classes=OWN):
    data = gdal.GetDriverByName("GTiff").Create(str(path), 20, 20, 1, gdal.GDT_Byte)
    data.SetGeoTransform((500_000, 1, 0, 5_600_000, 0, -1))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(25832)
    data.SetProjection(reference.ExportToWkt())
    table = gdal.ColorTable()
    for value, (_, colour) in classes.items():
        table.SetColorEntry(value, colour)
    band = data.GetRasterBand(1)
    band.SetColorTable(table)
    band.SetCategoryNames([classes.get(value, ("",))[0] for value in range(max(classes) + 1)])
    band.SetNoDataValue(0)
    band.Fill(1)
    data.FlushCache()
    return str(path)


def test_own_classes_are_in_the_group_with_names_and_colours(qgis_new_project, tmp_path):
    outputs = {"classes": class_raster(tmp_path / "classes.tif"), "run_json": str(tmp_path / "run.json")}
    added = add_run(outputs, "My roofs")
    layer = added.layers["classes"]
    assert layer.name() == "Own classes" and layer.renderer().type() == "paletted"
    assert layer.renderer().opacity() == 0.75, "the picture beneath is to be seen"
    shown = {item.value: (item.label, item.color.name()) for item in layer.renderer().classes()}
    assert shown == {1: ("solar", "#ff0000"), 2: ("tile", "#0000ff")}, (
        "the rest of the colour table means nothing, and the background is what the map shows"
    )
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    assert node is not None and node.itemVisibilityChecked()


def test_land_cover_of_other_classes_than_ours_is_shown_as_what_it_is(qgis_new_project, tmp_path):
    layer = add_run({"land_cover": class_raster(tmp_path / "land_cover.tif")}, "My roofs").layers["land_cover"]
    assert layer.name() == "Own classes"
    assert [item.label for item in layer.renderer().classes()] == ["solar", "tile"]
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    assert node.itemVisibilityChecked() and node.isExpanded()


def test_land_cover_of_some_of_our_classes_has_our_style(qgis_new_project, tmp_path):
    classes = {1: ("impervious_surface", (200, 200, 200, 255)), 4: ("tree", (0, 255, 0, 255))}
    path = class_raster(tmp_path / "land_cover.tif", classes)
    layer = add_run({"land_cover": path}, "Trees").layers["land_cover"]
    assert layer.name() == "Land cover" and len(layer.renderer().classes()) == 6
    assert not QgsProject.instance().layerTreeRoot().findLayer(layer.id()).itemVisibilityChecked()


def buildings_layer(path):
    data = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(25832)
    layer = data.CreateLayer("buildings", reference, ogr.wkbPolygon)
    for name, kind in (("roof_class", ogr.OFTString), ("own_class", ogr.OFTString), ("share_solar_panel", ogr.OFTReal)):
        layer.CreateField(ogr.FieldDefn(name, kind))
    return str(path)


@pytest.mark.parametrize("own_classes", [False, True])
def test_roof_classes_are_shown_at_first_where_nothing_of_the_users_own_is(qgis_new_project, tmp_path, own_classes):
    outputs = {"buildings": buildings_layer(tmp_path / "buildings.gpkg")}
    if own_classes:
        outputs["classes"] = class_raster(tmp_path / "classes.tif")
    layer = add_run(outputs, "My roofs").layers["buildings"]
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    assert node.itemVisibilityChecked() is not own_classes


def test_attributes_of_own_classes_have_names_for_people(qgis_new_project, tmp_path):
    layer = add_run({"buildings": buildings_layer(tmp_path / "buildings.gpkg")}, "My roofs").layers["buildings"]
    shown = {item.name(): item.displayName() for item in layer.fields()}
    assert shown["own_class"] == "Own class" and shown["share_solar_panel"] == "Share of solar panel (0–1)"


def test_known_results_and_other_files_are_no_extra():
    outputs = {"land_cover": "a/land_cover.tif", "run": "a/run.json", "buildings": "a/buildings.gpkg"}
    assert extra_kinds(outputs) == ()
    assert [kind.title for kind in extra_kinds({"classes_2": "a/classes_2.tif"})] == ["Classes 2"]
