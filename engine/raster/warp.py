"""Warps one anchored block of the lattice from a raster: where its pixels come from, and GDAL's warper over them.

A block's result depends on the raster and on the block alone: the same source window, the same scale, the same
approximation of the transformation. (GDAL interpolates it along each row of the block. Over the few hundred metres of a
block that is off by millimetres; rasterio fixes its limit at an eighth of a source pixel.) So a pixel has the same bits
whatever window it is read through.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError, TransformWarning
from rasterio.transform import Affine, GCPTransformer
from rasterio.warp import reproject

from .crs import transform_points
from .grid import Grid
from .opening import unreadable
from .source import Source, apply_affine

SHRINKS_FROM = 1.3
"""From this many source pixels across a grid pixel, detail must be averaged away: pictures by area, heights by a wider
kernel. Below, cubic convolution and bilinear interpolation of the nearest pixels."""

_ANYWHERE = CRS.from_epsg(3857)  # stands for "the same CRS on both sides", which GDAL then never looks into
_EDGE = np.linspace(0.0, 1.0, 17)


@dataclass(frozen=True)
class Window:
    """A whole-pixel window of a source."""

    row0: int
    col0: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    def union(self, other: Window) -> Window:
        """Return the smallest window that holds both."""
        row0, col0 = min(self.row0, other.row0), min(self.col0, other.col0)
        row1 = max(self.row0 + self.height, other.row0 + other.height)
        col1 = max(self.col0 + self.width, other.col0 + other.width)
        return Window(row0, col0, row1 - row0, col1 - col0)


@dataclass(frozen=True)
class Warper:
    """Brings blocks of a lattice out of one source.

    Attributes:
        source: the raster.
        crs: CRS of the lattice.
        gsd: metres per pixel of the lattice.
        pixels_across: source pixels across one grid pixel, along columns and rows.
    """

    source: Source
    crs: CRS
    gsd: float
    pixels_across: tuple[float, float]

    @property
    def resampling(self) -> Resampling:
        """Heights: bilinear (its kernel widens when shrinking); pictures: average when shrinking, else cubic."""
        if self.source.kind == "dsm":
            return Resampling.bilinear
        return Resampling.average if max(self.pixels_across) >= SHRINKS_FROM else Resampling.cubic

    def source_window(self, block: Grid) -> tuple[Window, bool] | None:
        """Return the source pixels that a block needs, and whether the source holds all of them; None: none at all."""
        xs, ys = _outline(block)
        cols, rows = source_pixels(self.source, self.crs, xs, ys)
        good = np.isfinite(cols) & np.isfinite(rows)
        if not good.any():
            return None
        cols, rows = cols[good], rows[good]
        # kernel radius (cubic: 2) at the source's scale, and the bulge between the points that were transformed
        slack = 0.05 if self.source.gcps else 0.005
        margin_x = 3 * max(self.pixels_across[0], 1.0) + 2 + slack * np.ptp(cols)
        margin_y = 3 * max(self.pixels_across[1], 1.0) + 2 + slack * np.ptp(rows)
        wanted = (rows.min() - margin_y, rows.max() + margin_y, cols.min() - margin_x, cols.max() + margin_x)
        row0, row1 = max(math.floor(wanted[0]), 0), min(math.ceil(wanted[1]), self.source.height)
        col0, col1 = max(math.floor(wanted[2]), 0), min(math.ceil(wanted[3]), self.source.width)
        if row0 >= row1 or col0 >= col1:
            return None
        inside = (
            bool(good.all())
            and wanted[0] >= 0
            and wanted[2] >= 0
            and wanted[1] <= self.source.height
            and wanted[3] <= self.source.width
        )
        return Window(row0, col0, row1 - row0, col1 - col0), inside

    def warp(
        self, block: Grid, window: Window, inside: bool, values: NDArray[Any], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values [C, H, W] and validity [H, W] of a block, from the source pixels of its window.

        Args:
            block: the block, on the lattice.
            window: where ``values`` lie in the source (from :meth:`source_window`).
            inside: whether the source holds all that the block needs.
            values: [C, h, w].
            valid: [h, w]; what is invalid takes no part, whatever it holds.
        """
        channels = values.shape[0]
        if not valid.any():
            return self._blanked(np.zeros((channels, *block.shape), values.dtype), np.zeros(block.shape, np.bool_))
        if inside and valid.all():
            out = np.zeros((channels, *block.shape), values.dtype)
            self._reproject(values, out, block, window)
            return out, np.ones(block.shape, np.bool_)
        if values.dtype.kind == "f":
            filled = np.where(valid, values, np.float32(np.nan)).astype(np.float32, copy=False)
            out = np.full((channels, *block.shape), np.nan, np.float32)
            self._reproject(filled, out, block, window, src_nodata=np.nan, dst_nodata=np.nan)
            return self._blanked(out, np.asarray(np.isfinite(out).all(axis=0)))
        opaque = np.iinfo(values.dtype).max
        layers = np.concatenate([values, np.where(valid, opaque, 0).astype(values.dtype)[None]])
        out = np.zeros((channels + 1, *block.shape), values.dtype)
        alpha = channels + 1
        limits = {"SRC_ALPHA_MAX": str(opaque), "DST_ALPHA_MAX": str(opaque)}
        self._reproject(layers, out, block, window, src_alpha=alpha, dst_alpha=alpha, **limits)
        return self._blanked(out[:channels], out[channels] > opaque // 2)

    def _blanked(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        values[:, ~valid] = np.nan if self.source.kind == "dsm" else 0
        return values, valid

    def _reproject(self, values: NDArray[Any], out: NDArray[Any], block: Grid, window: Window, **options: Any) -> None:
        source = self.source
        place: dict[str, Any]
        if source.gcps:
            place = {"gcps": [_shifted(point, window) for point in source.gcps]}
        else:
            place = {"src_transform": _window_transform(source.transform, window)}
        same = source.crs == self.crs
        try:
            reproject(
                np.ascontiguousarray(values),
                out,
                **place,
                src_crs=_ANYWHERE if same else source.crs,
                dst_crs=_ANYWHERE if same else self.crs,
                dst_transform=block.transform,
                resampling=self.resampling,
                # fixed for the whole raster; GDAL would else work it out for each block
                XSCALE=_kernel_scale(self.pixels_across[0]),
                YSCALE=_kernel_scale(self.pixels_across[1]),
                SOURCE_EXTRA="16",
                **options,
            )
        except (RasterioError, CPLE_BaseError) as fault:
            rows, cols = (
                f"{window.row0}–{window.row0 + window.height - 1}",
                f"{window.col0}–{window.col0 + window.width - 1}",
            )
            what = f"cannot be brought to the grid in rows {rows}, columns {cols}"
            raise unreadable(source.label, what, fault) from fault


def source_pixels(
    source: Source, crs: CRS, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return fractional columns and rows of the source at places of one shape in ``crs``; not finite without one."""
    xs, ys = transform_points(crs, source.crs, xs, ys)
    if source.gcps:
        with warnings.catch_warnings(), GCPTransformer(list(source.gcps)) as transformer:
            warnings.simplefilter("ignore", TransformWarning)  # such places come back as not finite
            rows, cols = transformer.rowcol(xs, ys, op=lambda value: value)
        return np.asarray(cols, np.float64), np.asarray(rows, np.float64)
    return apply_affine(~source.transform, xs, ys)


def pixels_across(source: Source, crs: CRS, gsd: float) -> tuple[float, float]:
    """Return how many source pixels lie across one grid pixel at the raster's centre, along its columns and rows.

    For a rotated raster it is the length of a grid pixel's edges in source pixels. (nan, nan) where the CRS does not
    reach the raster.
    """
    here = source.centre
    (x,), (y,) = transform_points(source.crs, crs, np.array([here[0]]), np.array([here[1]]))
    if not (math.isfinite(x) and math.isfinite(y)):
        return math.nan, math.nan
    reach = 16.0 * gsd
    xs = np.array([x - reach, x + reach, x, x])
    ys = np.array([y, y, y - reach, y + reach])
    cols, rows = source_pixels(source, crs, xs, ys)
    span = 2 * reach / gsd
    # a step of one grid pixel along x moves (du, dv) in the source; the two steps add up along each source axis
    along_cols = math.hypot(cols[1] - cols[0], cols[3] - cols[2]) / span
    along_rows = math.hypot(rows[1] - rows[0], rows[3] - rows[2]) / span
    return along_cols, along_rows


def _outline(block: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places along the edges of a block and on a coarse grid inside it."""
    xmin, ymin, xmax, ymax = block.bounds
    xs, ys = xmin + (xmax - xmin) * _EDGE, ymin + (ymax - ymin) * _EDGE
    inner_x, inner_y = np.meshgrid(xs[::4], ys[::4])
    low, high = np.full_like(xs, ymin), np.full_like(xs, ymax)
    left, right = np.full_like(ys, xmin), np.full_like(ys, xmax)
    return (
        np.concatenate([xs, xs, left, right, inner_x.ravel()]),
        np.concatenate([low, high, ys, ys, inner_y.ravel()]),
    )


def _kernel_scale(across: float) -> str:
    return repr(1.0 / across) if across >= SHRINKS_FROM else "1.0"


def _window_transform(transform: Affine, window: Window) -> Affine:
    a, b, c, d, e, f = transform[:6]
    return Affine(a, b, a * window.col0 + b * window.row0 + c, d, e, d * window.col0 + e * window.row0 + f)


def _shifted(point: GroundControlPoint, window: Window) -> GroundControlPoint:
    return GroundControlPoint(
        row=point.row - window.row0, col=point.col - window.col0, x=point.x, y=point.y, z=point.z or 0.0
    )
