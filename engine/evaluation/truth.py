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


def on_grid_of(truth: Path, layer: Layer) -> NDArray[np.uint8]:
    """Return the truth raster [H, W] on the grid of ``layer``, by nearest neighbour; `OUTSIDE` where it has none.

    Raises:
        rasterio.errors.RasterioIOError: if it cannot be read.
    """
    found = np.full(layer.values.shape, OUTSIDE, np.uint8)
    with rasterio.open(truth) as source:
        # a truth's own 0 is a class here ("not building"), so nodata is kept out of the warp
        values = source.read(1).astype(np.int16)
        covered = np.full(layer.values.shape, -1, np.int16)
        reproject(
            values,
            covered,
            src_transform=source.transform,
            src_crs=source.crs,
            src_nodata=-2,
            dst_transform=layer.transform,
            dst_crs=layer.crs,
            dst_nodata=-1,
            init_dest_nodata=True,
            resampling=Resampling.nearest,
        )
    np.copyto(found, covered.astype(np.uint8), where=covered >= 0)
    return found


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
