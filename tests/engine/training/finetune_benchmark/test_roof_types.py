"""Roofs of a surveyed place: each teaches or tests, small ones and those across the middle do neither."""

import numpy as np
import pyogrio.raw
import shapely

from ridgeline.engine.training.finetune_benchmark.roof_types import _halves


def test_each_roof_teaches_or_tests_and_none_does_both(tmp_path):
    places = [(0, 10), (20, 10), (45, 20), (80, 10), (100, 10), (120, 2)]  # west border and side, in metres
    shapes = [shapely.box(x, 0, x + side, side) for x, side in places] + [shapely.box(30, 40, 42, 52)]
    classes = np.array([2, 1, 2, 1, 2, 2, 0], np.int32)
    names = np.array(["gable", "flat", "gable", "flat", "gable", "gable", "unknown"], object)
    truth = tmp_path / "truth.gpkg"
    pyogrio.raw.write(
        truth,
        shapely.to_wkb(np.array(shapes, dtype=object)),
        [classes, names],
        ["roof_class", "roof_name"],
        layer="buildings",
        geometry_type="Polygon",
        crs="EPSG:25832",
        driver="GPKG",
    )
    west, east, counts = _halves(truth, tmp_path)
    read = [pyogrio.raw.read(layer.path) for layer in (west, east)]
    bounds = [shapely.bounds(shapely.from_wkb(item[2])) for item in read]
    assert counts == (2, 2) and [len(item) for item in bounds] == [2, 2]
    assert bounds[0][:, 2].max() < bounds[1][:, 0].min()
    assert [list(item[3][0]) for item in read] == [["gable", "flat"], ["flat", "gable"]]
