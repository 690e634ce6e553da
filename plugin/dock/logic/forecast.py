"""What a run will take: size of the region, tiles, time, disk."""

import math
from dataclasses import dataclass
from typing import Any, Optional

from qgis.core import QgsGeometry, QgsRectangle

from ...i18n import tr
from . import words
from .ground import area_m2, size_m
from .models import ModelInfo
from .speed import Speed

_TRIM_SHARE = 8
"""As the engine plans its tiles: an eighth of the overlap is thrown away on either side."""
_MARGIN_PX = _STEP_PX = 32
"""As the engine crops tiles at the end of the rasters: a margin beyond them, then whole steps."""
_COUNTED_ONE_BY_ONE = 20_000
"""Up to so many tiles are tested against the region's outline; beyond, the outline's share of its box is enough."""
_BYTES_PER_PIXEL = 3.0
"""land_cover, roof_class and confidence, one byte each before compression."""
_HEIGHT_BYTES = 4.0


@dataclass(frozen=True)
class Forecast:
    """Size of a region and what a run over it takes."""

    width_m: float
    height_m: float
    area_m2: float
    gsd: float
    tiles: int
    work: float
    """Whole tiles that take as long: of a tile beyond the end of the rasters, a part only is computed."""
    disk_bytes: float
    seconds: Optional[float]
    """None while this machine's speed is not known."""

    def sentences(self) -> str:
        """Return the forecast in words."""
        region = tr(
            "{width} × {height} ({area}) at {gsd} per pixel: {tiles}.",
            width=words.length(self.width_m),
            height=words.length(self.height_m),
            area=words.area(self.area_m2),
            gsd=words.metres_per_pixel(self.gsd),
            tiles=tr("1\u00a0tile") if self.tiles == 1 else tr("{n}\u00a0tiles", n=words.number(self.tiles)),
        )
        disk = words.size(self.disk_bytes)
        if self.seconds is None:
            return region + " " + tr("Needs up to {disk} of disk. The first run measures how fast this is.", disk=disk)
        return (
            region
            + " "
            + tr(
                "Takes about {time} on this machine and up to {disk} of disk.",
                time=words.duration(self.seconds),
                disk=disk,
            )
        )


def forecast(
    region: Any,
    crs: Any,
    model: ModelInfo,
    gsd: float,
    speed: Optional[Speed],
    heights: bool,
    data: Optional[QgsRectangle] = None,
) -> Forecast:
    """Return what a run takes.

    Args:
        region: polygon (QgsGeometry) in ``crs``.
        crs: the metric CRS of the run.
        model: gives the size of tiles.
        gsd: metres per pixel.
        speed: what is known of such runs on this machine.
        heights: whether heights are written too.
        data: the box that holds all rasters, in ``crs``; None: it is not known, so that whole tiles count.
    """
    width, height = size_m(region)
    pixels = math.ceil(width / gsd) * math.ceil(height / gsd)
    tiles = count_tiles(region, gsd, model.tile, model.overlap)
    work = tiles * (1.0 if data is None else computed_share(region, data, gsd, model.tile, model.overlap))
    per_pixel = _BYTES_PER_PIXEL + (_HEIGHT_BYTES if heights else 0.0)
    return Forecast(
        width_m=width,
        height_m=height,
        area_m2=area_m2(region, crs),
        gsd=gsd,
        tiles=tiles,
        work=work,
        disk_bytes=pixels * per_pixel * 4 / 3,  # a third more for overviews
        seconds=None if speed is None else speed.seconds(work),
    )


def count_tiles(region: Any, gsd: float, tile: int, overlap: int) -> int:
    """Return the number of tiles that the engine computes for ``region``, a polygon in a metric CRS.

    Tiles start at whole multiples of their stride on the CRS's lattice of pixels (rows count southwards). A tile counts
    where its core, the tile without the outermost pixels that are thrown away, meets the region.
    """
    stride, trim = tile - overlap, overlap // _TRIM_SHARE
    core = tile - 2 * trim
    box = region.boundingBox()
    columns = _indices(box.xMinimum() / gsd, box.xMaximum() / gsd, stride, trim, core)
    rows = _indices(-box.yMaximum() / gsd, -box.yMinimum() / gsd, stride, trim, core)
    total = max(1, len(columns) * len(rows))
    filled = region.area() / max(box.width() * box.height(), 1e-9)
    if filled > 0.999:
        return total
    if total > _COUNTED_ONE_BY_ONE:
        return max(1, round(total * filled))
    engine = QgsGeometry.createGeometryEngine(region.constGet())
    engine.prepareGeometry()
    touched = 0
    for column in columns:
        left = (column * stride + trim) * gsd
        for row in rows:
            top = -(row * stride + trim) * gsd
            square = QgsGeometry.fromRect(QgsRectangle(left, top - core * gsd, left + core * gsd, top))
            touched += bool(engine.intersects(square.constGet()))
    return max(1, touched)


def computed_share(region: Any, data: QgsRectangle, gsd: float, tile: int, overlap: int) -> float:
    """Return the share of its tiles' pixels that the engine computes: of tiles that reach beyond the rasters, a part.

    Args:
        region: polygon in a metric CRS.
        data: the box that holds all rasters, in the same CRS.
        gsd: metres per pixel.
        tile: side of a tile in pixels.
        overlap: of tiles, in pixels.
    """
    box = region.boundingBox()
    stride, trim = tile - overlap, overlap // _TRIM_SHARE
    share = 1.0
    for low, high, first, last in (
        (box.xMinimum(), box.xMaximum(), data.xMinimum(), data.xMaximum()),
        (-box.yMaximum(), -box.yMinimum(), -data.yMaximum(), -data.yMinimum()),
    ):
        found = _indices(low / gsd, high / gsd, stride, trim, tile - 2 * trim)
        if not len(found):
            continue
        # all tiles but the two at either end lie within rasters that are wider than a tile
        ends = found if len(found) < 5 else [*found[:2], *found[-2:]]
        parts = [_known_px(k * stride, tile, first / gsd, last / gsd) for k in ends]
        share *= (sum(parts) + tile * (len(found) - len(parts))) / (tile * len(found))
    return share


def _known_px(start: int, tile: int, first: float, last: float) -> int:
    """Return how many pixels of a tile's side the engine computes where pixels ``first`` to ``last`` have data."""
    low = max(0, math.floor(first - start + 1e-6) - _MARGIN_PX) // _STEP_PX * _STEP_PX
    high = -(-min(tile, math.ceil(last - start - 1e-6) + _MARGIN_PX) // _STEP_PX) * _STEP_PX
    return high - low if high > low else tile


def _indices(low_px: float, high_px: float, stride: int, trim: int, core: int) -> range:
    """Indices of the tiles whose core meets the pixels from ``low_px`` to ``high_px``."""
    low, high = math.floor(low_px + 1e-6), math.ceil(high_px - 1e-6)
    return range((low - trim - core) // stride + 1, (high - 1 - trim) // stride + 1)
