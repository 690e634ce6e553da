"""What a raster means on the ground: which metric CRS suits it, and how large its pixels are there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from rasterio.crs import CRS

from ..jobs.errors import ErrorCode, RidgelineError
from .crs import is_local, is_metric_at, metres_per_unit, name_of, to_lonlat, transform_points, utm_of
from .source import Source
from .wording import capital


@dataclass(frozen=True)
class Note:
    """Something that was chosen or assumed for the user: a short code and a sentence."""

    code: str
    message: str


def choose_crs(source: Source) -> tuple[CRS, Note | None]:
    """Return the CRS of the grid for a raster, and a note if it is not the raster's own.

    Raises:
        RidgelineError: (BAD_CRS) if nothing metric can be found for it.
    """
    x, y = source.centre
    if is_metric_at(source.crs, x, y):
        if not is_local(source.crs):
            return source.crs, None
        message = f"{capital(source.label)} has a local CRS ({name_of(source.crs)}): its unit is taken as true metres."
        return source.crs, Note("local_crs", message)
    place = None if is_local(source.crs) else to_lonlat(source.crs, x, y)
    if place is None:
        raise _meaningless(source)
    chosen = utm_of(*place)
    why = "is in degrees" if metres_per_unit(source.crs) is None else "has no true metres there"
    return chosen, Note(
        "crs_chosen",
        f"The CRS of {source.label} ({name_of(source.crs)}) {why}: results are made in {name_of(chosen)}.",
    )


def ground_gsd(source: Source) -> float:
    """Return the size of a pixel of the raster on the ground at its centre, in metres (the longer side).

    Raises:
        RidgelineError: (BAD_CRS) if it has none there.
    """
    crs, _note = choose_crs(source)
    cols = np.array([-0.5, 0.5, 0.0, 0.0]) + source.width / 2
    rows = np.array([0.0, 0.0, -0.5, 0.5]) + source.height / 2
    xs, ys = source.to_crs_coordinates(cols, rows)
    xs, ys = transform_points(source.crs, crs, xs, ys)
    size = max(math.hypot(xs[1] - xs[0], ys[1] - ys[0]), math.hypot(xs[3] - xs[2], ys[3] - ys[2]))
    if not 0 < size < math.inf:
        raise _meaningless(source)
    return size


def _meaningless(source: Source) -> RidgelineError:
    return RidgelineError(
        ErrorCode.BAD_CRS,
        f"{capital(source.label)} lies where its CRS ({name_of(source.crs)}) has no meaning on the ground.",
        "Check its CRS, or state the right one.",
    )
