"""Small rasters, and model packages without weights (the plugin reads only ``model.json``)."""

import json
from pathlib import Path

from osgeo import gdal, osr

gdal.UseExceptions()


def write_raster(
    path: Path,
    bands: int = 1,
    kind: int = gdal.GDT_Float32,
    crs: "int | None" = 25832,
    origin: "tuple[float, float]" = (500_000.0, 5_600_000.0),
    pixel: float = 0.25,
    size: int = 200,
) -> Path:
    """Write a GeoTIFF of ``size`` pixels square whose upper left corner is ``origin``."""
    data = gdal.GetDriverByName("GTiff").Create(str(path), size, size, bands, kind)
    data.SetGeoTransform((origin[0], pixel, 0, origin[1], 0, -pixel))
    if crs is not None:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(crs)
        data.SetProjection(reference.ExportToWkt())
    for number in range(1, bands + 1):
        data.GetRasterBand(number).Fill(40 + number)
    data.FlushCache()
    return path


def model_json(name="toy", title="Toy", input_sets=(("rgb", "dsm"), ("dsm",), ("rgb",)), **changes):
    """What a ``model.json`` says."""
    classes = [{"id": 1, "name": "flat", "colour": "#bbbbbb"}, {"id": 2, "name": "gable", "colour": "#be130c"}]
    data = {
        "name": name,
        "version": "1.0",
        "title": title,
        "description": "For tests.",
        "licence": "GPL-2.0-or-later",
        "gsd": {"trained": 0.25, "min": 0.1, "max": 0.5},
        "tile": {"size": 256, "multiple": 32, "overlap": 64},
        "inputs": [{"name": "rgb", "kind": "rgb"}, {"name": "dsm", "kind": "dsm"}],
        "outputs": [{"name": "roof_class", "kind": "classes", "role": "roof_class", "classes": classes}],
        "weights": [{"file": "a.onnx", "format": "onnx", "inputs": list(kinds)} for kinds in input_sets],
    }
    return {**data, **changes}


def put_model(folder: Path, data: dict) -> Path:
    """Write a model package without weights."""
    package = folder / str(data["name"])
    package.mkdir(parents=True, exist_ok=True)
    (package / "model.json").write_text(json.dumps(data), encoding="utf-8")
    return package


def desktop_font(widget):
    """The font size of desktops; the offscreen platform's is a third larger."""
    font = widget.font()
    font.setPointSize(9)
    return font
