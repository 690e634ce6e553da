"""The job that makes building polygons of a class raster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

from .inputs import RasterInput, Region
from .segment import BuildingOptions


@dataclass(frozen=True)
class BuildingsJob:
    """Makes ``buildings.gpkg`` of a class raster."""

    out: str
    """Folder for the result."""
    classes: RasterInput
    """A raster of class ids."""
    building: Tuple[int, ...] = ()
    """Ids that mean building. Empty: the class that the raster calls ``building``, else every id but nodata."""
    roof_classes: Optional[RasterInput] = None
    """A raster of roof class ids; None: buildings get no roof class."""
    dsm: Optional[RasterInput] = None
    """Gives heights; None: they stay NULL."""
    region: Optional[Region] = None
    overwrite: bool = False
    options: BuildingOptions = field(default_factory=BuildingOptions)
