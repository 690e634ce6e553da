"""The rasters and the region that a job names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class RasterInput:
    """One raster: any GDAL source, with what the user knows better than the file."""

    path: str
    """A file or any GDAL source name (``/vsicurl/…``, a VRT)."""
    bands: Tuple[int, ...] = ()
    """Bands to use, counted from 1, in the model's order (red, green, blue). Empty: guess from their colours."""
    crs: Optional[str] = None
    """A CRS that overrides the file's own: an authority code or WKT."""
    nodata: Optional[float] = None
    """A nodata value that overrides the file's own; one that the raster cannot hold (-1 for 8 bits) means none."""
    vertical_unit: Optional[str] = None
    """Unit of heights: ``metre``, ``foot`` or ``us-foot``. None: read it from the file, else metres."""
    name: Optional[str] = None
    """What the user calls it (the layer's name); used in messages."""


@dataclass(frozen=True)
class Region:
    """The area to work on: exactly one of ``bbox``, ``path`` and ``wkt``."""

    bbox: Optional[Tuple[float, float, float, float]] = None
    """xmin, ymin, xmax, ymax in ``crs``."""
    path: Optional[str] = None
    """A vector file with polygons."""
    layer: Optional[str] = None
    """Layer of the vector file; None: the first."""
    wkt: Optional[str] = None
    """A polygon or multipolygon in ``crs``."""
    crs: Optional[str] = None
    """CRS of ``bbox`` or ``wkt``, or one that overrides the vector file's. None: the RGB's (else the DSM's)."""

    def __post_init__(self) -> None:
        if sum(item is not None for item in (self.bbox, self.path, self.wkt)) != 1:
            raise ValueError("needs exactly one of bbox, path and wkt")
