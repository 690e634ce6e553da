"""Truth rasters brought onto a result's grid, and result masks read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject

from ..models.package import ModelSpec

OUTSIDE = 255
"""Value of pixels that the truth raster does not cover."""


@dataclass(frozen=True)
class Layer:
    """A class raster in memory: values uint8 [H, W] on a grid."""

    values: NDArray[np.uint8]
    crs: CRS
    transform: Affine

    @property
    def gsd(self) -> float:
        """Metres per pixel (of a grid in metres)."""
        return float(self.transform.a)


def read_layer(path: Path) -> Layer:
    """Read the first band of a class raster.

    Raises:
        rasterio.errors.RasterioIOError: if it cannot be read.
    """
    with rasterio.open(path) as source:
        return Layer(source.read(1), source.crs, source.transform)


def nearest_on_grid_of(truth: Path, layer: Layer, outside: int) -> NDArray[np.int64]:
    """Return a truth raster [H, W] on the grid of ``layer``, by nearest neighbour; ``outside`` where it has none.

    Raises:
        rasterio.errors.RasterioIOError: if it cannot be read.
    """
    with rasterio.open(truth) as source:
        # a truth's own 0 is a class here ("not building"), so the file's nodata plays no part
        values = source.read(1).astype(np.int32)
        found = np.full(layer.values.shape, -1, np.int32)
        reproject(
            values,
            found,
            src_transform=source.transform,
            src_crs=source.crs,
            src_nodata=-2,
            dst_transform=layer.transform,
            dst_crs=layer.crs,
            dst_nodata=-1,
            init_dest_nodata=True,
            resampling=Resampling.nearest,
        )
    return np.where(found >= 0, found, outside).astype(np.int64)


def building_mask(folder: Path, spec: ModelSpec) -> tuple[NDArray[np.bool_], Layer]:
    """Return the building mask [H, W] of a run's folder, and the layer that it was read from.

    Roof classes stand on buildings alone; a model without them says ``building`` in its land cover.

    Raises:
        ValueError: if the model finds no buildings at all.
    """
    if spec.output_of_role("roof_class") is not None:
        layer = read_layer(folder / "roof_class.tif")
        return layer.values > 0, layer
    cover = spec.output_of_role("land_cover")
    ids = [item.id for item in cover.classes if item.name == "building"] if cover is not None else []
    if not ids:
        raise ValueError(f"the model {spec.name!r} gives no buildings")
    layer = read_layer(folder / "land_cover.tif")
    return layer.values == ids[0], layer
