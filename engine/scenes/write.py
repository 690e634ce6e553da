"""Scenes as files: pairs of GeoTIFFs and a GeoPackage of the truth, block by block, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import from_origin
from rasterio.windows import Window

from ..feedback import Feedback
from ..jobs import ErrorCode, RidgelineError
from ..raster.files import writing
from .chip import SceneChip, SceneConfig, dress, render
from .city import read_city
from .dressed import dress_city
from .picture import PictureConfig, display_mean, draw_picture_config
from .select import PlanIndex
from .sensor import FOOT_M, SensorConfig
from .town import draw_town
from .write_truth import write_city_truth, write_truth

BLOCK_PX = 512
REACH_M = 48.0
"""Ground drawn around each block: shadows and view lines that are longer are cut."""
DSM_NODATA = -9999.0
EASTING, NORTHING = 500_000.0, 5_400_000.0
"""Corner of the first scene; the others follow eastwards."""
MOST_CITY_PIXELS = 60_000_000
"""A city model is drawn at once; that many pixels take about 4 GB."""
RASTERS: dict[str, tuple[str, int, float | None]] = {
    "rgb": ("uint8", 3, None),
    "dsm": ("float32", 1, DSM_NODATA),
    "land_cover": ("uint8", 1, 0),
    "roof_class": ("uint8", 1, 0),
    "building": ("int32", 1, 0),
    "height": ("float32", 1, DSM_NODATA),
}
"""Name, type, bands and nodata value of each raster of a scene."""


@dataclass(frozen=True)
class SceneFiles:
    """Paths of one written scene."""

    rgb: Path
    dsm: Path
    land_cover: Path
    roof_class: Path
    building: Path
    height: Path
    truth: Path


def scene_files(folder: Path, name: str) -> SceneFiles:
    """Return where the files of the scene ``name`` lie in ``folder``."""
    rasters = {layer: folder / f"{name}_{layer}.tif" for layer in RASTERS}
    return SceneFiles(**rasters, truth=folder / f"{name}_truth.gpkg")


@dataclass(frozen=True)
class TownConfig:
    """What scenes on disk are like.

    Attributes:
        size_m: side of the square, metres.
        gsd: metres per pixel.
        epsg: EPSG code of a CRS in metres that the scene is said to lie in.
        styles: weight of each kind of place; empty for the usual mix.
        balance: probability that a roof class is drawn without regard to the place.
        max_slope: steepest mean slope, metres per metre.
        sensor: how the heights are seen.
        feet: True writes the heights in feet.
        offset_m: height of the scene's zero, metres.
    """

    size_m: float = 1000.0
    gsd: float = 0.25
    epsg: int = 25832
    styles: tuple[tuple[str, float], ...] = ()
    balance: float = 0.3
    max_slope: float = 0.06
    sensor: SensorConfig = field(default_factory=SensorConfig)
    feet: bool = False
    offset_m: float = 200.0


def write_town(
    folder: Path, name: str, seed: int, config: TownConfig, feedback: Feedback, place: int = 0
) -> SceneFiles:
    """Write a town: rasters ``<name>_<layer>.tif``, ``<name>_truth.gpkg``; equal arguments give equal pixels.

    Args:
        folder: where the files go; made if missing.
        name: first part of the file names.
        seed: seed of the town.
        config: what it is like.
        feedback: progress in blocks; may cancel.
        place: the scene is moved eastwards by so many sizes, so that several scenes do not lie on each other.

    Raises:
        RidgelineError: (OUTPUT_NOT_WRITABLE, DISK_FULL) if the folder or a raster cannot be made; (BAD_JOB) if size or
            GSD make no scene; (BAD_CRS) if the CRS is unknown or not in metres.
    """
    _check_crs(config.epsg)
    if not config.gsd > 0:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"A GSD of {config.gsd:g} m per pixel is impossible.",
            "Give a number above 0, such as 0.25.",
        )
    side = round(config.size_m / config.gsd)
    if side < 16:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"A scene of {config.size_m:g} m at {config.gsd:g} m per pixel has only {side} pixels a side.",
            "Choose a larger size or a finer GSD.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE, f"The folder {folder} cannot be made ({fault.strerror}).", "Choose another."
        ) from fault
    rng = np.random.default_rng((seed, 40961))
    extent = side * config.gsd
    plan = draw_town(rng, (0.0, 0.0, extent, extent), dict(config.styles), config.balance, config.max_slope)
    index = PlanIndex(plan)
    picture = draw_picture_config(rng, True)
    picture = replace(picture, jpeg=0, smear=False, elevation=max(picture.elevation, 0.75))
    x0 = EASTING + math.ceil(place * extent / 1000 + place) * 1000 * (place > 0)
    scene = SceneConfig(sensor=config.sensor, feet=1.0 if config.feet else 0.0, offset_m=0.0)
    picture = replace(picture, metered=_meter(index, side, config.gsd, picture))
    files = scene_files(folder, name)
    shift = np.float32(config.offset_m / (FOOT_M if config.feet else 1.0))
    with _Sinks(files, side, side, config.epsg, (x0, NORTHING), config.gsd) as sinks:
        blocks = list(_blocks(side))
        for number, (row, col, height, width) in enumerate(blocks):
            chip = _block(index, row, col, height, width, config, replace(scene, picture=picture), seed)
            sinks.write(chip, Window(col, row, width, height), shift)
            feedback.progress(number + 1, len(blocks), "blocks", f"drawing {name}")
    write_truth(files.truth, plan, (extent, extent), (x0, NORTHING), config.epsg)
    return files


class _Sinks:
    """The rasters of one scene, open for writing."""

    def __init__(
        self, files: SceneFiles, width: int, height: int, epsg: int | None, corner: tuple[float, float], gsd: float
    ) -> None:
        self._open: dict[str, Any] = {}
        profile = {
            "driver": "GTiff", "width": width, "height": height, "crs": CRS.from_epsg(epsg) if epsg else None,
            "transform": from_origin(*corner, gsd, gsd), "tiled": True, "blockxsize": 512, "blockysize": 512,
            "compress": "deflate", "BIGTIFF": "IF_SAFER",
        }  # fmt: skip
        for layer, (dtype, bands, nodata) in RASTERS.items():
            predictor = 3 if dtype == "float32" else 2
            path: Path = getattr(files, layer)
            with writing(path):
                path.unlink(missing_ok=True)  # GDAL opens what it replaces, and cannot where a killed run left half
                self._open[layer] = rasterio.open(
                    path, "w", **profile, predictor=predictor, dtype=dtype, count=bands, nodata=nodata
                )

    def __enter__(self) -> _Sinks:
        return self

    def __exit__(self, *_fault: object) -> None:
        for sink in self._open.values():
            sink.close()

    def write(self, chip: SceneChip, window: Window, shift: np.float32) -> None:
        """Write a chip into a window; ``shift`` is added to its heights."""
        surface = chip.surface + shift
        layers: dict[str, NDArray[Any]] = {
            "rgb": chip.rgb,
            "dsm": np.where(np.isnan(surface), np.float32(DSM_NODATA), surface)[None],
            "land_cover": chip.land_cover[None],
            "roof_class": chip.roof_class[None],
            "building": chip.building_id[None],
            "height": chip.height_above_ground[None],
        }
        for layer, array in layers.items():
            self._open[layer].write(array, window=window)


def write_city(
    folder: Path, name: str, source: Path, seed: int, gsd: float, sensor: str, feedback: Feedback
) -> SceneFiles:
    """Write the true roofs of a city model with invented surroundings, as `write_town` writes a town.

    Args:
        folder: where the files go; made if missing.
        name: first part of the file names.
        source: a CityGML or CityJSON file.
        seed: seed of the surroundings and sensors.
        gsd: metres per pixel.
        sensor: ``lidar``, ``photogrammetry`` or ``exact``.
        feedback: told when it is done.

    Raises:
        RidgelineError: (INPUT_MISSING, INPUT_UNREADABLE) if the model cannot be read; (OUT_OF_MEMORY) if its
            buildings lie so far apart that the whole scene would not fit in memory.
    """
    city = read_city(source)
    x0, y0, x1, y1 = city.bounds
    pixels = (x1 - x0 + 40) * (y1 - y0 + 40) / gsd**2
    if pixels > MOST_CITY_PIXELS:
        raise RidgelineError(
            ErrorCode.OUT_OF_MEMORY,
            f"The buildings of {source.name} spread over {(x1 - x0) / 1000:.1f} x {(y1 - y0) / 1000:.1f} km, too much "
            f"for one scene at {gsd:g} m per pixel.",
            "Choose a coarser GSD or cut the model into tiles.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    settings = SceneConfig(sensor=SensorConfig(kind=sensor), feet=0.0, offset_m=200.0)
    dressed = dress_city(city, seed, gsd, config=settings)
    height, width = dressed.chip.land_cover.shape
    files = scene_files(folder, name)
    corner = (dressed.xmin, dressed.ymax)
    with _Sinks(files, width, height, city.epsg, corner, gsd) as sinks:
        sinks.write(dressed.chip, Window(0, 0, width, height), np.float32(0))
    write_city_truth(files.truth, city, (dressed.xmin, dressed.ymax, width * gsd, height * gsd))
    feedback.progress(1, 1, "scenes", f"drawing {name}")
    return files


def _check_crs(epsg: int) -> None:
    try:
        crs = CRS.from_epsg(epsg)
    except CRSError as fault:
        raise RidgelineError(
            ErrorCode.BAD_CRS,
            f"EPSG:{epsg} is no CRS that PROJ knows.",
            "Give a projected CRS in metres, such as 25832.",
        ) from fault
    if not crs.is_projected or crs.linear_units_factor[1] != 1.0:
        raise RidgelineError(
            ErrorCode.BAD_CRS, f"EPSG:{epsg} is not in metres.", "Give a projected CRS in metres, such as 25832."
        )


def _blocks(side: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, side, BLOCK_PX):
        for col in range(0, side, BLOCK_PX):
            yield row, col, min(BLOCK_PX, side - row), min(BLOCK_PX, side - col)


def _meter(index: PlanIndex, side: int, gsd: float, picture: PictureConfig) -> float:
    """Return the mean that the exposure of the whole scene goes by, from five windows."""
    size = min(BLOCK_PX, side)
    means = []
    for fy, fx in ((0.5, 0.5), (0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        row, col = int((side - size) * fy) // 8 * 8, int((side - size) * fx) // 8 * 8
        part = index.within(col * gsd, row * gsd, (col + size) * gsd, (row + size) * gsd)
        means.append(display_mean(render(part, gsd, row, col, size, size), picture))
    return float(np.mean(means))


def _block(
    index: PlanIndex, row: int, col: int, height: int, width: int, config: TownConfig, scene: SceneConfig, seed: int
) -> SceneChip:  # fmt: skip
    gsd = config.gsd
    around = math.ceil(REACH_M / gsd / 8) * 8
    rows, cols = height + 2 * around, width + 2 * around
    x0, y0 = (col - around) * gsd, (row - around) * gsd
    part = index.within(x0, y0, x0 + cols * gsd, y0 + rows * gsd)
    canvas = render(part, gsd, row - around, col - around, rows, cols)
    # Every block draws the same numbers, so that noise fields go on from block to block.
    return dress(canvas, part, scene, np.random.default_rng((seed, 57)), around)
