"""The scale benchmark: runs as large as people have them, each in a fresh process, so that its peak memory is its own.

Rows: ``sparse-vrt`` runs a network that costs nothing over a region of 1 % (20,000² pixels, all of it with data) of a
virtual raster of 200,000² pixels that is empty elsewhere. ``town-1km2`` writes a synthetic square kilometre at 0.25 m
and runs the default model over it, building polygons included. ``polygons-100k`` writes 100,000 buildings as runs do
(QGIS's part is ``make benchmark-polygons``). ``regions-500`` is one run over a region file of 500 polygons, the way to
work on many places at once; ``batch-10`` and ``batch-500`` run ten or all of them as jobs of their own, as Processing's
batch mode does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from rasterio.crs import CRS

from ..feedback import Feedback
from ..inference.runner import run_segment
from ..jobs import BuildingOptions, ErrorCode, RasterInput, Region, RidgelineError, SegmentJob, to_dict
from ..scenes.write import TownConfig, write_town
from ..terrain.roof_geometry import RoofGeometry
from ..vector.buildings import Building
from ..vector.geopackage import GeoPackageWriter
from .speed import peak_rss_mb
from .speed_data import OVERLAPS, make_model, make_rgb

VRT_SIDE, REGION_SIDE, PATCH = 200_000, 20_000, 4096
POLYGONS = 100_000
REGIONS, REGION_M, RASTER_SIDE = 500, 24.0, 8192
FEW = 10
_GSD = 0.25
_CRS = "EPSG:25832"

Figures = dict[str, float]


@dataclass(frozen=True)
class ScaleRow:
    """One row: its name, and figures by name (seconds, megapixels, megabytes, counts)."""

    name: str
    figures: Figures


def run_scale(names: list[str], report: Callable[[ScaleRow], None], folder: Path | None = None) -> list[ScaleRow]:
    """Measure rows, each in a process of its own.

    Args:
        names: which rows of `ROWS`.
        report: told each row as soon as it is measured.
        folder: where inputs are made and results kept; None: a temporary folder.

    Raises:
        RidgelineError: (BAD_JOB) if there is no such row, (INTERNAL) if one fails.
    """
    for name in names:
        if name not in ROWS:
            raise RidgelineError(ErrorCode.BAD_JOB, f"There is no row {name!r}.", f"Choose from: {', '.join(ROWS)}.")
    main = Path(__file__).resolve().parents[1] / "__main__.py"
    rows = []
    with tempfile.TemporaryDirectory(prefix="ridgeline-scale-") as temporary:
        for name in names:
            place = (folder or Path(temporary)) / name
            place.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-I", str(main), "benchmark", "scale", "--measure", name, "--folder", str(place)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # nosec B603: this very program
            if done.returncode != 0:
                raise RidgelineError(
                    ErrorCode.INTERNAL,
                    f"The benchmark's row {name!r} failed (exit status {done.returncode}).",
                    "Its own words are above.",
                )
            rows.append(ScaleRow(name, json.loads(done.stdout.decode().strip().splitlines()[-1])))
            report(rows[-1])
    return rows


def row_text(row: ScaleRow) -> str:
    """Return a row as a line for people."""
    return f"{row.name}: " + ", ".join(f"{name} {value:,.4g}" for name, value in row.figures.items())


def sparse_vrt(folder: Path) -> Figures:
    """Measure 1 % of a huge virtual raster that is empty elsewhere."""
    vrt, model = folder / "sparse.vrt", folder / "model"
    if not vrt.exists():
        make_rgb(folder / "patch.tif", PATCH)
        make_model(model, "free", OVERLAPS["free"])
        vrt.write_text(sparse_vrt_text(folder / "patch.tif"), encoding="utf-8")
    with rasterio.open(vrt) as dataset:
        west, north = dataset.transform * (VRT_SIDE // 2, VRT_SIDE // 2)
    side = REGION_SIDE * _GSD
    job = SegmentJob(
        out=str(folder / "out"),
        rgb=RasterInput(str(vrt)),
        region=Region(bbox=(west, north - side, west + side, north)),
        model=str(model),
        overwrite=True,
        buildings=BuildingOptions(enabled=False),
    )
    seconds, record = _timed(job)
    return {
        "seconds": seconds,
        "mpx_per_s": REGION_SIDE**2 / 1e6 / seconds,
        "peak_rss_mb": peak_rss_mb(),
        "tiles": record["tiles"]["computed"],
    }


def sparse_vrt_text(patch: Path) -> str:
    """Return a VRT of ``VRT_SIDE``² pixels in which one patch fills the region, and a few places elsewhere."""
    with rasterio.open(patch) as dataset:
        transform = ", ".join(map(repr, dataset.transform.to_gdal()))
        wkt = dataset.crs.to_wkt().replace('"', "&quot;")
    first = VRT_SIDE // 2
    starts = [
        (x, y) for x in range(first, first + REGION_SIDE, PATCH) for y in range(first, first + REGION_SIDE, PATCH)
    ]
    starts += [(at, at) for at in range(0, first - PATCH, 3 * PATCH)]
    size = f'xSize="{PATCH}" ySize="{PATCH}"'
    lines = [
        f'<VRTDataset rasterXSize="{VRT_SIDE}" rasterYSize="{VRT_SIDE}">',
        f"<SRS>{wkt}</SRS><GeoTransform>{transform}</GeoTransform>",
    ]
    for band, colour in enumerate(("Red", "Green", "Blue"), start=1):
        lines.append(f'<VRTRasterBand dataType="Byte" band="{band}"><NoDataValue>0</NoDataValue>')
        lines.append(f"<ColorInterp>{colour}</ColorInterp>")
        lines += [
            f'<SimpleSource><SourceFilename relativeToVRT="1">{patch.name}</SourceFilename><SourceBand>{band}'
            f'</SourceBand><SrcRect xOff="0" yOff="0" {size}/><DstRect xOff="{x}" yOff="{y}" {size}/></SimpleSource>'
            for x, y in starts
        ]
        lines.append("</VRTRasterBand>")
    return "\n".join([*lines, "</VRTDataset>", ""])


def town_1km2(folder: Path) -> Figures:
    """Measure a square kilometre at 0.25 m from nothing to building polygons, with the default model."""
    began = time.perf_counter()
    files = write_town(folder, "town", 1, TownConfig(size_m=1000.0, gsd=_GSD), Feedback())
    drawn = time.perf_counter() - began
    job = SegmentJob(
        out=str(folder / "out"), rgb=RasterInput(str(files.rgb)), dsm=RasterInput(str(files.dsm)), overwrite=True
    )
    seconds, record = _timed(job)
    phases = {f"{name}_s": record["seconds"].get(name, 0.0) for name in ("computing", "buildings", "writing")}
    return {
        "drawing_s": drawn,
        "seconds": seconds,
        "mpx_per_s": 16.0 / seconds,
        **phases,
        "buildings": sum(record["buildings"].values()),
        "peak_rss_mb": peak_rss_mb(),
    }


def polygons_100k(folder: Path) -> Figures:
    """Measure the writing of many buildings."""
    path = folder / "buildings.gpkg"
    began = time.perf_counter()
    with GeoPackageWriter(path, CRS.from_string(_CRS)) as writer:
        for start in range(0, POLYGONS, 1000):
            writer.write([some_building(number) for number in range(start, start + 1000)])
    return {
        "seconds": time.perf_counter() - began,
        "polygons": writer.count,
        "file_mb": path.stat().st_size / 1e6,
        "peak_rss_mb": peak_rss_mb(),
    }


def some_building(number: int) -> Building:
    """Return a building of a large town of L-shaped ones, 20 m apart, of every class and with every attribute."""
    from ..classes import ROOF_CLASSES

    row, column = divmod(number, 320)
    x, y, turn = 500_000 + 20.0 * column, 5_600_000 - 20.0 * row, 0.37 * number
    corners = np.array([(-6, -4), (6, -4), (6, 1), (1, 1), (1, 5), (-6, 5)], float)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    roof = ROOF_CLASSES[number % len(ROOF_CLASSES)]
    heights = RoofGeometry(210.0 + row / 10, 9.5, 6.2, 4.0 + number % 3, 8.0 + number % 5, 480.0, 32.0, 45.0)
    outline = shapely.Polygon(corners @ rotation + (x, y))
    return Building(number + 1, outline, roof.name, roof.id, 0.8, 0.9, heights)


def regions_500(folder: Path) -> Figures:
    """Measure one run over a region file of many polygons."""
    rgb, model, regions = _many_places(folder)
    out = folder / "out"
    seconds, record = _timed(_regions_job(out, rgb, model, Region(path=str(regions))))
    return {
        "seconds": seconds,
        "regions": REGIONS,
        "tiles": record["tiles"]["computed"],
        "mpx_of_regions": REGIONS * (REGION_M / _GSD) ** 2 / 1e6,
        "peak_rss_mb": peak_rss_mb(),
    }


def batch_10(folder: Path) -> Figures:
    """Measure a few regions as jobs of their own."""
    return _batch(folder, FEW)


def batch_500(folder: Path) -> Figures:
    """Measure all regions as jobs of their own."""
    return _batch(folder, REGIONS)


def _batch(folder: Path, count: int) -> Figures:
    """Run so many regions one after another, an engine for each; every one must end well."""
    rgb, model, regions = _many_places(folder)
    main = Path(__file__).resolve().parents[1] / "__main__.py"
    shapes = shapely.from_wkb(pyogrio.raw.read(regions)[2])[:count]
    began = time.perf_counter()
    for number, shape in enumerate(shapes):
        job = folder / f"job-{number}.json"
        region = Region(wkt=shapely.to_wkt(shape, rounding_precision=-1), crs=_CRS)
        job.write_text(json.dumps(to_dict(_regions_job(folder / f"out-{number}", rgb, model, region))))
        command = [sys.executable, "-I", str(main), "segment", "--job", str(job)]
        subprocess.run(command, check=True, capture_output=True)  # nosec B603: a list, no shell; this very program
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "jobs": count, "seconds_per_job": seconds / count}


def region_squares(side: int) -> list[shapely.Polygon]:
    """Return the regions: turned squares in rows over a raster of that side, in ``_CRS``."""
    across = int(np.ceil(REGIONS**0.5))
    step = side * _GSD / across
    rows, columns = np.divmod(np.arange(REGIONS), across)
    xs, ys = 500_000 + (columns + 0.5) * step, 5_600_000 - (rows + 0.5) * step
    half = REGION_M / 2**0.5  # of the diagonal
    return [shapely.Polygon([(x - half, y), (x, y - half), (x + half, y), (x, y + half)]) for x, y in zip(xs, ys)]


def _many_places(folder: Path) -> tuple[Path, Path, Path]:
    rgb, model, regions = folder / "rgb.tif", folder / "model", folder / "regions.gpkg"
    if not regions.exists():
        make_rgb(rgb, RASTER_SIDE)
        make_model(model, "free", OVERLAPS["free"])
        shapes = shapely.to_wkb(np.array(region_squares(RASTER_SIDE), dtype=object))
        pyogrio.raw.write(regions, shapes, [], [], geometry_type="Polygon", crs=_CRS, layer="regions")
    return rgb, model, regions


def _regions_job(out: Path, rgb: Path, model: Path, region: Region) -> SegmentJob:
    return SegmentJob(
        out=str(out),
        rgb=RasterInput(str(rgb)),
        region=region,
        model=str(model),
        overwrite=True,
        buildings=BuildingOptions(enabled=False),
    )


def _timed(job: SegmentJob) -> tuple[float, dict[str, Any]]:
    """Run a job; return its seconds and its record."""
    began = time.perf_counter()
    run_segment(job, Feedback())
    seconds = time.perf_counter() - began
    record: dict[str, Any] = json.loads((Path(job.out) / "run.json").read_text(encoding="utf-8"))
    return seconds, record


ROWS: dict[str, Callable[[Path], Figures]] = {
    "sparse-vrt": sparse_vrt,
    "town-1km2": town_1km2,
    "polygons-100k": polygons_100k,
    "regions-500": regions_500,
    "batch-10": batch_10,
    "batch-500": batch_500,
}
"""What measures each row, given a folder for its files."""
