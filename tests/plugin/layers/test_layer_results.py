"""Results in the layer tree: a group a run, the right styles, short legends, and a summary in words."""

import importlib.util
import json
from pathlib import Path

import pytest
from osgeo import gdal, ogr, osr
from qgis.core import QgsMapLayerLegendUtils, QgsProject, QgsRasterLayer, QgsVectorLayer

from ridgeline.plugin.layers import results
from ridgeline.plugin.layers.classes import roof_titles
from ridgeline.plugin.layers.summary import count_buildings, summary_lines

ROOT = Path(__file__).resolve().parents[3]
gdal.UseExceptions()
ogr.UseExceptions()
NUMBERS = ("roof_confidence", "building_confidence", "area_m2", "perimeter_m", "ground_m", "height_max_m",
           "height_mean_m", "eave_height_m", "ridge_height_m", "volume_m3", "slope_deg", "azimuth_deg")  # fmt: skip


def engine_classes():
    """The engine's own list, loaded as a module of its own: it needs the standard library only."""
    spec = importlib.util.spec_from_file_location("engine_classes", ROOT / "engine" / "classes.py")
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["engine_classes"] = module
    spec.loader.exec_module(module)
    return module


def reference():
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(25832)
    return crs


def write_buildings(path, roofs):
    """A GeoPackage as the engine writes it, with one square building of 100 m² for each roof class named."""
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer("buildings", reference(), ogr.wkbPolygon)
    for name, kind in (("id", ogr.OFTInteger), ("roof_class", ogr.OFTString), ("roof_class_id", ogr.OFTInteger)):
        layer.CreateField(ogr.FieldDefn(name, kind))
    for name in NUMBERS:
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTReal))
    for number, roof in enumerate(roofs):
        feature = ogr.Feature(layer.GetLayerDefn())
        x = 500_000 + 20 * number
        square = f"POLYGON(({x} 0, {x + 10} 0, {x + 10} 10, {x} 10, {x} 0))"
        feature.SetGeometry(ogr.CreateGeometryFromWkt(square))
        feature["id"] = number + 1
        if roof:
            feature["roof_class"] = roof
        feature["area_m2"] = 100.0
        layer.CreateFeature(feature)
    source = None
    return path


def write_raster(path, kind=gdal.GDT_Byte):
    data = gdal.GetDriverByName("GTiff").Create(str(path), 20, 20, 1, kind)
    data.SetGeoTransform((500_000, 1, 0, 20, 0, -1))
    data.SetProjection(reference().ExportToWkt())
    data.GetRasterBand(1).Fill(2)
    data.FlushCache()
    return path


@pytest.fixture
def run_folder(tmp_path):
    folder = tmp_path / "run é 1"
    folder.mkdir()
    write_buildings(folder / "buildings.gpkg", ["gable", "gable", "flat", None])
    for name in ("roof_class", "land_cover", "confidence"):
        write_raster(folder / f"{name}.tif")
    write_raster(folder / "height_above_ground.tif", gdal.GDT_Float32)
    return folder


def outputs(folder):
    return {path.stem: str(path) for path in folder.iterdir()}


def test_a_run_becomes_one_group_on_top_with_its_layers_in_order(qgis_new_project, run_folder):
    results.add_run(outputs(run_folder), "before")
    added = results.add_run(outputs(run_folder), "Toy, 12:00")
    groups = QgsProject.instance().layerTreeRoot().findGroups()
    assert [group.name() for group in groups] == ["Toy, 12:00", "before"]
    names = [node.layer().customProperty(results.RESULT_PROPERTY) for node in groups[0].findLayers()]
    assert names == ["buildings", "roof_class", "land_cover", "confidence", "height_above_ground"]
    shown = [node.layer().name() for node in groups[0].findLayers() if node.itemVisibilityChecked()]
    assert shown == ["Buildings"] and added.missing == ()
    assert all(results.is_result(node.layer()) for node in groups[0].findLayers())


def test_layers_that_are_absent_or_damaged_leave_the_rest_alone(qgis_new_project, run_folder):
    (run_folder / "confidence.tif").write_bytes(b"no raster")
    (run_folder / "land_cover.tif").unlink()
    added = results.add_run(outputs(run_folder) | {"land_cover": str(run_folder / "land_cover.tif")}, "Toy")
    assert set(added.layers) == {"buildings", "roof_class", "height_above_ground"}
    assert added.missing == ("confidence.tif",)


def test_roof_colours_are_those_of_the_engine_everywhere(qgis_new_project, run_folder):
    classes = engine_classes()
    layers = results.add_run(outputs(run_folder), "Toy").layers
    wanted = {item.name: item.colour for item in classes.ROOF_CLASSES}
    categories = {item.value(): item.symbol().color() for item in layers["buildings"].renderer().categories()}
    assert set(wanted) <= set(categories)
    for name, colour in wanted.items():
        found = categories[name]
        assert (found.red(), found.green(), found.blue()) == colour, name
    for kind, items in (("roof_class", classes.ROOF_CLASSES), ("land_cover", classes.LAND_COVER)):
        shown = {item.value: (item.color.red(), item.color.green(), item.color.blue(), item.label)
                 for item in layers[kind].renderer().classes()}  # fmt: skip
        assert shown == {item.id: (*item.colour, item.title) for item in items}


def test_every_roof_class_has_a_name_for_people(qgis_app):
    titles = roof_titles()
    assert {item.name for item in engine_classes().ROOF_CLASSES} | {""} == set(titles)
    for item in engine_classes().ROOF_CLASSES:
        assert titles[item.name].casefold() == item.title.casefold(), "another name than in the legend"


def test_the_form_has_aliases_with_units_and_labels_wait(qgis_new_project, run_folder):
    layer = results.add_run(outputs(run_folder), "Toy").layers["buildings"]
    for name, unit in (("area_m2", "m²"), ("perimeter_m", "(m)"), ("volume_m3", "m³"), ("slope_deg", "°")):
        alias = layer.attributeAlias(layer.fields().indexOf(name))
        assert unit in alias and "_" not in alias, name
    assert layer.labeling() is not None and not layer.labelsEnabled()
    roofs = layer.editorWidgetSetup(layer.fields().indexOf("roof_class"))
    assert roofs.type() == "ValueMap" and len(roofs.config()["map"]) == 12


def test_the_legend_shows_only_the_roof_classes_that_occur(qgis_new_project, run_folder):
    results.add_run(outputs(run_folder), "Toy")
    nodes = {node.layer().customProperty(results.RESULT_PROPERTY): node
             for node in QgsProject.instance().layerTreeRoot().findLayers()}  # fmt: skip
    order = QgsMapLayerLegendUtils.legendNodeOrder(nodes["buildings"])
    labels = [item.label() for item in nodes["buildings"].layer().renderer().categories()]
    assert [labels[number] for number in order] == ["Flat", "Gable", "Without a roof class"]
    assert QgsMapLayerLegendUtils.legendNodeOrder(nodes["land_cover"])[0] == 1, "the band's heading is shown"


def test_the_style_is_in_the_geopackage_and_comes_back_by_itself(qgis_new_project, run_folder):
    layer = results.add_run(outputs(run_folder), "Toy").layers["buildings"]
    assert results.store_style(layer) and results.store_style(layer)
    assert layer.listStylesInDatabase()[0] == 1, "the style was stored twice"
    again = QgsVectorLayer(f"{run_folder / 'buildings.gpkg'}|layername=buildings", "again", "ogr")
    assert again.renderer().type() == "categorizedSymbol" and len(again.renderer().categories()) == 13


def test_the_summary_counts_buildings_and_areas_by_roof_class(qgis_new_project, run_folder):
    layer = results.add_run(outputs(run_folder), "Toy").layers["buildings"]
    assert count_buildings(layer) == {"gable": (2, 200.0), "": (1, 100.0), "flat": (1, 100.0)}
    text = " ".join(summary_lines({"device": {"device": "cpu"}}, {"buildings": layer}, 75)).replace("\u00a0", " ")
    assert "4 buildings, 400 m² together." in text and "2 gable (200 m²)" in text
    assert "75 s" in text and "processor" in text


def test_the_summary_tells_the_area_of_each_class(qgis_app):
    areas = {"tree": 12_300.0, "clutter": 20_000.0}
    own = {"solar_panel": 40.0, "background": 90_000.0}
    record = {"areas_m2": {"land_cover": areas, "classes": own, "roof_class": {"flat": 5.0}, "gone": {"x": 1.0}}}
    titles = {"land_cover": "Land cover", "classes": "Own classes", "roof_class": "Roof class"}
    layers = {name: QgsRasterLayer("", title) for name, title in titles.items()}
    lines = [line.replace("\u00a0", " ") for line in summary_lines(record, layers, 3)]
    assert lines[:2] == ["Land cover: other surfaces 2.0 ha, tree 1.2 ha.", "Own classes: solar panel 40 m²."]
    assert len(lines) == 3, lines


def test_a_run_without_buildings_says_so(qgis_new_project, tmp_path):
    write_buildings(tmp_path / "buildings.gpkg", [])
    layer = results.add_run({"buildings": str(tmp_path / "buildings.gpkg")}, "Toy").layers["buildings"]
    assert summary_lines({}, {"buildings": layer}, 3)[0] == "No buildings were found in the region."


@pytest.mark.parametrize("text", ["", "[1]", "{", "\x00"])
def test_a_damaged_record_is_read_as_nothing(tmp_path, text):
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    assert results.read_run(tmp_path / "run.json") == {}
    (tmp_path / "run.json").write_text(json.dumps({"a": 1}), encoding="utf-8")
    assert results.read_run(tmp_path / "run.json") == {"a": 1}
