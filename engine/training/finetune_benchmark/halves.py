"""One area of several mosaics as one picture, each mosaic cut into a half that teaches and a half that tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.windows import from_bounds
from shapely.geometry.base import BaseGeometry

from .layers import write_layer


@dataclass(frozen=True)
class Half:
    """Ground on one side of the cuts.

    Attributes:
        ground: where every building is labelled; no building lies across its border.
        buildings: outlines within it.
    """

    ground: BaseGeometry
    buildings: tuple[BaseGeometry, ...]


@dataclass(frozen=True)
class Mosaic:
    """One picture and the buildings on it.

    Attributes:
        picture: raster with red, green and blue.
        bounds: (west, south, east, north) in ``crs``.
        buildings: outlines, valid.
        crs: of all.
    """

    picture: Path
    bounds: tuple[float, float, float, float]
    buildings: tuple[BaseGeometry, ...]
    crs: CRS


def read_mosaic(picture: Path, outlines: Path) -> Mosaic:
    """Read a mosaic; outlines that cross themselves are repaired.

    Raises:
        rasterio.errors.RasterioIOError: if the picture cannot be read.
        pyogrio.errors.DataSourceError: if the outlines cannot.
    """
    with rasterio.open(picture) as source:
        bounds, crs = tuple(source.bounds), source.crs
    _, _, geometry, _ = pyogrio.raw.read(outlines, columns=[])
    buildings = [shapely.make_valid(item) for item in shapely.from_wkb(geometry)]
    return Mosaic(picture, bounds, tuple(item for item in buildings if item.area > 0), crs)


def cut(mosaic: Mosaic) -> tuple[Half, Half]:
    """Cut a mosaic from north to south where it leaves as many buildings in the west as in the east.

    Buildings across the cut are in neither half, and so is the ground under them: what one half shows of a building
    the other never does.
    """
    west, south, east, north = mosaic.bounds
    shapes = np.array(mosaic.buildings, dtype=object)
    middle = float(np.median(shapely.get_x(shapely.point_on_surface(shapes))))
    boxes = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    first, second = (_clear(box, shapes, shapely.LineString([(middle, south), (middle, north)])) for box in boxes)
    return first, second


def outermost(mosaic: Mosaic, half: Half, count: int, from_east: bool = False) -> Half:
    """Return the outer part of a half that holds its ``count`` outermost buildings: so much somebody has labelled.

    Args:
        mosaic: that the half is of.
        half: a half.
        count: of buildings.
        from_east: whether it is the eastern half, whose outer side lies in the east.

    Raises:
        ValueError: if the half holds fewer buildings.
    """
    if not 0 < count <= len(half.buildings):
        raise ValueError(f"the half holds {len(half.buildings)} buildings, not {count}")
    west, south, east, north = mosaic.bounds
    shapes = np.array(half.buildings, dtype=object)
    bounds = shapely.bounds(shapes)
    order = np.argsort(-bounds[:, 0] if from_east else bounds[:, 2])
    kept, rest = shapes[order[:count]], shapes[order[count:]]
    if from_east:
        west = float(bounds[order[:count], 0].min())
    else:
        east = float(bounds[order[:count], 2].max())
    ground = shapely.intersection(half.ground, shapely.box(west, south, east, north))
    return Half(shapely.difference(ground, shapely.union_all(rest)), tuple(kept))


def together(halves: Sequence[Half]) -> Half:
    """Return several halves as one."""
    ground = shapely.union_all([half.ground for half in halves])
    return Half(ground, tuple(item for half in halves for item in half.buildings))


def write_picture(mosaics: Sequence[Mosaic], target: Path) -> None:
    """Write the mosaics, of one CRS and resolution, into one picture with alpha: transparent between them.

    Raises:
        rasterio.errors.RasterioIOError: if one cannot be read.
    """
    bounds = np.array([item.bounds for item in mosaics])
    west, north = bounds[:, 0].min(), bounds[:, 3].max()
    with rasterio.open(mosaics[0].picture) as first:
        gsd = first.res[0]
    profile = {
        "driver": "GTiff",
        "width": round((bounds[:, 2].max() - west) / gsd),
        "height": round((north - bounds[:, 1].min()) / gsd),
        "count": 4,
        "dtype": "uint8",
        "crs": mosaics[0].crs,
        "transform": rasterio.Affine(gsd, 0, west, 0, -gsd, north),
        "tiled": True,
        "compress": "deflate",
        "sparse_ok": True,
    }
    with rasterio.open(target, "w", **profile) as sink:
        sink.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        for mosaic in mosaics:
            with rasterio.open(mosaic.picture) as source:
                window = from_bounds(*source.bounds, transform=sink.transform).round_offsets().round_lengths()
                sink.write(source.read((1, 2, 3)), (1, 2, 3), window=window)
                sink.write(np.full(source.shape, 255, np.uint8), 4, window=window)


def write_half(half: Half, crs: CRS, labels: Path, area: Path) -> None:
    """Write a half as two layers: its buildings, and the ground on which every building is labelled."""
    write_layer(labels, half.buildings, crs.to_wkt())
    write_layer(area, (half.ground,), crs.to_wkt())


def _clear(box: shapely.Polygon, shapes: NDArray[np.object_], line: shapely.LineString) -> Half:
    across = shapely.intersects(shapes, line)
    inside = shapely.intersects(shapes, box) & ~across
    return Half(shapely.difference(box, shapely.union_all(shapes[across])), tuple(shapes[inside]))
