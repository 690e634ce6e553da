"""Make the .qml styles of this folder from the classes that the engine knows; run it by hand after changing either.

Usage, with the oldest QGIS that the plugin supports, so that all newer ones read the styles::

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 resources/styles/make_styles.py
"""

import os
import sys
import tempfile
from pathlib import Path

os.environ["QT_HASH_SEED"] = "0"  # else the order of attributes changes from run to run

from qgis.core import (
    QgsApplication,
    QgsAttributeTableConfig,
    QgsCategorizedSymbolRenderer,
    QgsColorRampShader,
    QgsEditorWidgetSetup,
    QgsFillSymbol,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsPalLayerSettings,
    QgsRasterLayer,
    QgsRasterShader,
    QgsRendererCategory,
    QgsSingleBandPseudoColorRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "engine"))
from classes import LAND_COVER, ROOF_CLASSES  # noqa: E402  (the module alone: it needs nothing)

FIELDS = (
    ("id", "integer", "Number"),
    ("roof_class", "string", "Roof class"),
    ("roof_class_id", "integer", "Roof class (number)"),
    ("roof_confidence", "double", "Certainty of the roof class (0–1)"),
    ("building_confidence", "double", "Certainty that it is a building (0–1)"),
    ("area_m2", "double", "Area (m²)"),
    ("perimeter_m", "double", "Perimeter (m)"),
    ("ground_m", "double", "Ground level (m)"),
    ("height_max_m", "double", "Greatest height above ground (m)"),
    ("height_mean_m", "double", "Mean height above ground (m)"),
    ("eave_height_m", "double", "Eave height above ground (m)"),
    ("ridge_height_m", "double", "Ridge height above ground (m)"),
    ("volume_m3", "double", "Volume (m³)"),
    ("slope_deg", "double", "Roof slope (°)"),
    ("azimuth_deg", "double", "Roof faces towards (° from north)"),
)
CONFIDENCE = (  # upper end in percent, colour: dark where the model doubts
    (50, "#440154", "under 50 %: a guess"),
    (70, "#31688e", "50 to 70 %"),
    (85, "#21918c", "70 to 85 %"),
    (95, "#90d743", "85 to 95 %"),
    (100, "#fde725", "over 95 %: sure"),
)
HEIGHTS = (  # upper end in metres, colour
    (0.5, "#00ffffff", "ground"),
    (2.5, "#ffffd9", "0.5 to 2.5 m"),
    (5.0, "#c7e9b4", "2.5 to 5 m"),
    (8.0, "#7fcdbb", "5 to 8 m"),
    (12.0, "#41b6c4", "8 to 12 m"),
    (20.0, "#1d91c0", "12 to 20 m"),
    (40.0, "#225ea8", "20 to 40 m"),
    (float("inf"), "#0c2c84", "over 40 m"),
)
STYLE_PARTS = QgsMapLayer.StyleCategory.AllStyleCategories


def buildings() -> None:
    """Polygons by roof class, with aliases that carry units, and labels that wait to be switched on."""
    fields = "&".join(f"field={name}:{kind}" for name, kind, _alias in FIELDS)
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:25832&{fields}", "Buildings", "memory")
    categories = [QgsRendererCategory(item.name, _fill(item.hex_colour), item.title, True) for item in ROOF_CLASSES]
    categories.append(QgsRendererCategory(None, _fill("#ffffff"), "Without a roof class", True))
    layer.setRenderer(QgsCategorizedSymbolRenderer("roof_class", categories))
    for name, kind, alias in FIELDS:
        index = layer.fields().indexOf(name)
        layer.setFieldAlias(index, alias)
        if name == "roof_class":
            choices = [{item.title: item.name} for item in ROOF_CLASSES]
            layer.setEditorWidgetSetup(index, QgsEditorWidgetSetup("ValueMap", {"map": choices}))
        elif kind == "double":
            places = 2 if name.endswith("confidence") else 1
            layer.setEditorWidgetSetup(
                index, QgsEditorWidgetSetup("Range", {"AllowNull": True, "Precision": places, "Style": "SpinBox"})
            )
    form = layer.editFormConfig()
    form.setReadOnly(layer.fields().indexOf("id"), True)
    layer.setEditFormConfig(form)
    layer.setDisplayExpression("represent_value(\"roof_class\") || ', ' || round(\"area_m2\") || ' m²'")
    layer.setAttributeTableConfig(_table(layer))
    layer.setLabeling(QgsVectorLayerSimpleLabeling(_labels()))
    layer.setLabelsEnabled(False)
    _save(layer, "buildings")


def class_raster(name: str, classes: tuple) -> None:
    """One colour a class, 0 not drawn."""
    layer = _raster()
    shown = [QgsPalettedRasterRenderer.Class(item.id, QColor(*item.colour), item.title) for item in classes]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, shown))
    layer.renderer().setOpacity(0.75)
    _save(layer, name)


def steps(name: str, rows: tuple) -> None:
    """One colour a range of values."""
    layer = _raster()
    ramp = QgsColorRampShader(0.0, rows[-2][0])
    ramp.setColorRampType(QgsColorRampShader.Type.Discrete)
    ramp.setColorRampItemList(
        [QgsColorRampShader.ColorRampItem(upper, QColor(colour), label) for upper, colour, label in rows]
    )
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    renderer = QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader)
    renderer.setOpacity(0.85)
    layer.setRenderer(renderer)
    _save(layer, name)


def _fill(colour: str) -> QgsFillSymbol:
    inside = QColor(colour)
    inside.setAlpha(165)
    return QgsFillSymbol.createSimple(
        {
            "color": f"{inside.red()},{inside.green()},{inside.blue()},{inside.alpha()}",
            "outline_color": "35,35,35,255",
            "outline_width": "0.3",
            "joinstyle": "miter",
        }
    )


def _labels() -> QgsPalLayerSettings:
    settings = QgsPalLayerSettings()
    settings.fieldName = (
        "represent_value(\"roof_class\") || coalesce('\\n' || format_number(\"height_max_m\", 1) || ' m', '')"
    )
    settings.isExpression = True
    settings.placement = QgsPalLayerSettings.Placement.Horizontal
    text, halo = QgsTextFormat(), QgsTextBufferSettings()
    text.setSize(8)
    text.setColor(QColor(20, 20, 20))
    halo.setEnabled(True)
    halo.setSize(0.8)
    halo.setColor(QColor(255, 255, 255))
    text.setBuffer(halo)
    settings.setFormat(text)
    return settings


def _table(layer: QgsVectorLayer) -> QgsAttributeTableConfig:
    config = layer.attributeTableConfig()
    config.update(layer.fields())
    columns = config.columns()
    for column in columns:
        column.hidden = column.name in ("fid", "roof_class_id")
    config.setColumns(columns)
    return config


def _raster() -> QgsRasterLayer:
    from osgeo import gdal

    path = Path(tempfile.mkdtemp()) / "blank.tif"
    gdal.GetDriverByName("GTiff").Create(str(path), 2, 2, 1, gdal.GDT_Byte).FlushCache()
    return QgsRasterLayer(str(path), "blank")


def _save(layer: QgsMapLayer, name: str) -> None:
    message, saved = layer.saveNamedStyle(str(HERE / f"{name}.qml"), STYLE_PARTS)
    if not saved:
        raise SystemExit(message)
    print(f"{name}.qml")


if __name__ == "__main__":
    application = QgsApplication([], False)
    application.initQgis()
    buildings()
    class_raster("roof_class", ROOF_CLASSES)
    class_raster("land_cover", LAND_COVER)
    steps("confidence", CONFIDENCE)
    steps("height_above_ground", HEIGHTS)
    application.exitQgis()
