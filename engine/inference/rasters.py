"""The result rasters of a run: what each says about itself, and the strips they grow from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..raster.grid import Grid
from ..raster.sinks import RasterClass, RasterSpec, StripSink
from .finish import PlaneSpec

_DESCRIPTIONS = {
    "land_cover": "Land cover",
    "roof_class": "Roof class of buildings",
    "confidence": "Probability of the class, in percent",
    "height_above_ground": "Height above ground",
}


def raster_spec(plane: PlaneSpec, grid: Grid, tags: dict[str, str]) -> RasterSpec:
    """Return what a plane's file says about itself.

    Args:
        plane: the raster.
        grid: where it lies.
        tags: metadata that all results share (model, software).
    """
    classes = plane.output.classes if plane.output is not None and plane.values == "classes" else ()
    return RasterSpec(
        plane.name,
        grid,
        plane.dtype,
        nodata=float("nan") if plane.dtype == "float32" else 0,
        classes=tuple(RasterClass(item.id, item.name, item.colour) for item in classes),
        description=_DESCRIPTIONS.get(plane.name, plane.name.replace("_", " ")),
        unit={"metres": "m", "percent": "%"}.get(plane.values, ""),
        tags=tags,
    )


def open_sinks(planes: Iterable[PlaneSpec], grid: Grid, tags: dict[str, str], folder: Path) -> dict[str, StripSink]:
    """Return the sink of each plane by name; their strips lie in ``folder``.

    Raises:
        RidgelineError: (OUTPUT_NOT_WRITABLE), (DISK_FULL).
    """
    return {plane.name: StripSink(raster_spec(plane, grid, tags), folder) for plane in planes}
