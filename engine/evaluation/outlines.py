"""How close regular outlines come to the truth: rotated houses, rasterised, traced, regularised, compared."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
import shapely
import shapely.affinity
from rasterio.features import rasterize
from rasterio.transform import Affine
from scipy import ndimage

from ..vector.regularise import RegulariseOptions, regularise
from ..vector.trace import outline

_EXTENT_M = 100.0


def example(seed: int) -> shapely.Polygon:
    """Return a rectangle, L, T or U of house size, turned by any angle, near (45, 45) metres."""
    rng = np.random.default_rng(seed)
    width, depth = rng.uniform(8, 25), rng.uniform(7, 16)
    house = shapely.box(0, 0, width, depth)
    kind = seed % 4
    if kind == 1:
        house = house.union(shapely.box(0, 0, rng.uniform(0.3, 0.6) * width, depth + rng.uniform(4, 12)))
    elif kind == 2:
        left = rng.uniform(0.2, 0.4) * width
        house = house.union(shapely.box(left, 0, left + rng.uniform(0.25, 0.4) * width, depth + rng.uniform(4, 10)))
    elif kind == 3:
        house = house.union(shapely.box(0, 0, 0.3 * width, depth + 6))
        house = house.union(shapely.box(0.7 * width, 0, width, depth + 5))
    turned = shapely.affinity.rotate(house, rng.uniform(0, 180), origin="centroid")
    x, y = rng.uniform(45, 46, 2)
    moved: shapely.Polygon = shapely.affinity.translate(turned, x - turned.centroid.x, y - turned.centroid.y)
    return moved


def raster_outline(truth: shapely.Polygon, gsd: float, roughness_px: float = 0.0, seed: int = 0) -> shapely.Polygon:
    """Return the pixel outline of a polygon, its edge first pushed about by ``roughness_px`` pixels (1 sigma)."""
    size = int(_EXTENT_M / gsd)
    transform = Affine(gsd, 0.0, 0.0, 0.0, -gsd, _EXTENT_M)
    mask = rasterize([truth], (size, size), transform=transform).astype(bool)
    if roughness_px:
        inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
        push = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=mask.shape), 3)
        mask = inside - outside + push / push.std() * roughness_px > 0.5
        labels, _ = ndimage.label(mask)
        mask = ndimage.binary_fill_holes(labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1)
    return outline(mask, transform)


def iou(first: shapely.Polygon, second: shapely.Polygon) -> float:
    """Return intersection over union."""
    return float(first.intersection(second).area / first.union(second).area)


def measure(count: int = 100, gsd: float = 0.25) -> list[dict[str, float | str]]:
    """Return rows of the benchmark: for each way to make outlines, IoU with the truth, corners, time.

    buildingregulariser is measured beside ours where it is installed.
    """
    rows: list[dict[str, float | str]] = []
    for roughness in (0.0, 1.0):
        truths = [example(seed) for seed in range(count)]
        raws = [raster_outline(truth, gsd, roughness, seed) for seed, truth in enumerate(truths)]
        ways: dict[str, Callable[[list[shapely.Polygon]], list[shapely.Polygon]]] = {
            "raw": list,
            "ridgeline": lambda items: [regularise(item, RegulariseOptions(1.0, gsd)) for item in items],
        }
        if importlib.util.find_spec("buildingregulariser") and importlib.util.find_spec("geopandas"):
            ways["buildingregulariser"] = _other
        for name, way in ways.items():
            began = time.perf_counter()
            found = way(raws)
            spent = time.perf_counter() - began
            rows.append(
                {
                    "name": name,
                    "roughness_px": roughness,
                    "iou_mean": float(np.mean([iou(a, b) for a, b in zip(found, truths)])),
                    "iou_least": float(np.min([iou(a, b) for a, b in zip(found, truths)])),
                    "corners": float(np.mean([shapely.count_coordinates(item) - 1 for item in found])),
                    "ms_each": 1000 * spent / count,
                }
            )
    return rows


def _other(raws: list[shapely.Polygon]) -> list[shapely.Polygon]:
    import geopandas
    from buildingregulariser import regularize_geodataframe

    frame = geopandas.GeoDataFrame(geometry=raws, crs="EPSG:25832")
    return list(regularize_geodataframe(frame, num_cores=1).geometry)
