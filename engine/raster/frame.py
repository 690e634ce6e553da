"""Chooses the grid of a run: its CRS, its GSD, and the window where rasters and region overlap."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely.geometry.base import BaseGeometry

from ..jobs.errors import ErrorCode, RidgelineError
from ..jobs.inputs import RasterInput, Region
from ..models.package.spec import GsdSpec
from .crs import name_of, transform_points
from .grid import Grid
from .ground import Note, choose_crs, ground_gsd
from .region import region_geometry, region_mask
from .source import Source, describe, refuse_swapped
from .wording import capital

_EDGE = np.linspace(0.0, 1.0, 22)


@dataclass(frozen=True)
class Frame:
    """Where a run works.

    Attributes:
        grid: the smallest window of the lattice that holds all there is to do.
        region: the region's polygons in the grid's CRS; None: all of ``grid``.
        rgb: the picture, described.
        dsm: the surface, described.
        notes: what was chosen or assumed, for the user.
    """

    grid: Grid
    region: BaseGeometry | None
    rgb: Source | None
    dsm: Source | None
    notes: tuple[Note, ...]

    def region_mask(self, window: Grid) -> NDArray[np.bool_]:
        """Return [H, W]: whether each pixel of a window of the lattice belongs to the region.

        Beyond ``grid`` nothing does. A pixel's answer never depends on the window.
        """
        common = self.grid.intersection(window)
        mask = np.zeros(window.shape, np.bool_)
        row, col = common.row0 - window.row0, common.col0 - window.col0
        inside = np.s_[row : row + common.height, col : col + common.width]
        mask[inside] = True if self.region is None else region_mask(self.region, common)
        return mask


def plan_frame(
    rgb: RasterInput | Source | None,
    dsm: RasterInput | Source | None,
    region: Region | None,
    gsd: float | GsdSpec,
    bands: int | None = None,
    seen: Collection[str] = ("rgb", "dsm"),
) -> Frame:
    """Choose the grid for a run.

    The CRS is the picture's (else the surface's) if its metre is a metre on the ground there, else the UTM zone of the
    raster's centre; never the region's, so that runs over different regions share one lattice.

    Args:
        rgb: the picture, or None.
        dsm: the surface, or None.
        region: where to work; None: where the rasters overlap.
        gsd: ground sampling distance in metres per pixel; or a model's, which chooses it by the pixels of the surface
            (of the picture, without one).
        bands: how many bands of the picture the model takes; None: three.
        seen: kinds of the rasters that the model looks at; the pixels of others choose nothing.

    Raises:
        RidgelineError: as :func:`describe` and :func:`region_geometry`; NO_OVERLAP if nothing is left to do; BAD_CRS if
            a raster cannot be brought into the grid's CRS.
    """
    if isinstance(rgb, RasterInput) and isinstance(dsm, RasterInput):
        refuse_swapped(rgb, dsm)
    picture = describe(rgb, "rgb", bands) if isinstance(rgb, RasterInput) else rgb
    surface = describe(dsm, "dsm") if isinstance(dsm, RasterInput) else dsm
    sources = [source for source in (picture, surface) if source is not None]
    if not sources:
        raise RidgelineError(ErrorCode.BAD_JOB, "The job names no raster.", "Name an RGB, a DSM, or both.")
    notes = [Note(code, message) for source in sources for code, message in source.notes]
    if isinstance(gsd, GsdSpec):
        looked_at = [source for source in sources if source.kind in seen] or sources
        gsd = gsd.over(ground_gsd(looked_at[-1]))
    crs, note = choose_crs(sources[0])
    notes += [note] if note else []
    outlines = [footprint(source, crs) for source in sources]
    overlap = shapely.intersection_all(outlines)
    if not overlap.area > 0:
        first, second = sources[0].label, sources[-1].label
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            f"{capital(first)} and {second} do not overlap: {_gap(outlines[0], outlines[-1])}.",
            "Check that both show the same place and that their CRSs are right.",
        )
    polygons = None
    if region is not None:
        polygons = region_geometry(region, sources[0].crs, crs)
        overlap = shapely.intersection(polygons, overlap)
        if not overlap.area > 0:
            names = " and ".join(source.label for source in sources)
            raise RidgelineError(
                ErrorCode.NO_OVERLAP,
                f"The region lies outside {names}: {_gap(polygons, outlines[0])}.",
                "Draw the region over the rasters, and check its CRS.",
            )
    grid = Grid.covering(crs, gsd, overlap.bounds)
    if not (grid.width and grid.height):
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            f"What the inputs have in common is smaller than one pixel of {gsd:g} m.",
            "Choose inputs that overlap, or smaller pixels.",
        )
    return Frame(grid, polygons, picture, surface, tuple(notes))


def footprint(source: Source, crs: CRS) -> BaseGeometry:
    """Return the outline of a raster as a polygon in ``crs``.

    Raises:
        RidgelineError: (BAD_CRS) if it cannot be brought there.
    """
    zeros, ones = np.zeros_like(_EDGE), np.ones_like(_EDGE)
    across = np.concatenate([_EDGE, ones, _EDGE[::-1], zeros]) * source.width
    down = np.concatenate([zeros, _EDGE, ones, _EDGE[::-1]]) * source.height
    xs, ys = source.to_crs_coordinates(across, down)
    xs, ys = transform_points(source.crs, crs, xs, ys)
    finite = np.isfinite(xs) & np.isfinite(ys)
    if finite.sum() < 3:
        raise RidgelineError(
            ErrorCode.BAD_CRS,
            f"{capital(source.label)} cannot be brought into the CRS of the grid ({name_of(crs)}).",
            "Check its CRS, or reproject it first.",
        )
    outline = shapely.Polygon(np.column_stack([xs[finite], ys[finite]]))
    return outline if outline.is_valid else shapely.convex_hull(outline)


def _gap(first: BaseGeometry, second: BaseGeometry) -> str:
    metres = float(shapely.distance(first, second))
    if not math.isfinite(metres) or metres <= 0:
        return "they share no area"
    return f"they are {metres / 1000:,.0f} km apart" if metres >= 2000 else f"they are {metres:.0f} m apart"
