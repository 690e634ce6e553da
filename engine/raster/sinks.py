"""Rasters written as they are computed: strips that survive a kill, turned into one Cloud Optimized GeoTIFF at the end.

While a run goes on, every finished strip of rows is a small file of its own in a working folder. The last step reads
them in order and writes the result beside its final place, then renames it. Its bytes depend on the pixels alone, not
on how often the run was stopped, nor on how the rows were cut into strips.
"""

from __future__ import annotations

import functools
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine
from rasterio.windows import Window

from .files import remove_partials, write_atomically, writing
from .gdal_env import gdal_env
from .grid import Grid
from .overviews import BLOCK, OverviewWriter
from .statistics import Statistics

_STRIP = re.compile(r"^(?P<row>\d{9})-(?P<height>\d{6})\.tif$")
_VRT_TYPES = {"uint8": "Byte", "uint16": "UInt16", "float32": "Float32"}


@dataclass(frozen=True)
class RasterClass:
    """A class of a class raster: id from 1, name, colour ``#rrggbb``."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True)
class RasterSpec:
    """What a result raster is.

    Attributes:
        name: file name without its ending; also the name of its folder of strips.
        grid: where it lies.
        dtype: ``uint8``, ``uint16`` or ``float32``.
        nodata: value of pixels without a result.
        classes: its classes; empty: its values are continuous.
        description: what its band holds, for people.
        unit: unit of its values ("m"), if they have one.
        scale: what a stored value is multiplied with to get the value meant (0.01 for whole percents).
        tags: what else its metadata should say.
    """

    name: str
    grid: Grid
    dtype: str
    nodata: float | None = 0
    classes: tuple[RasterClass, ...] = ()
    description: str = ""
    unit: str = ""
    scale: float = 1.0
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dtype not in _VRT_TYPES:
            raise ValueError(f"dtype must be one of {', '.join(_VRT_TYPES)}, not {self.dtype}")
        if self.classes and self.dtype != "uint8":
            raise ValueError("classes are stored as uint8")
        if not (self.grid.width and self.grid.height):
            raise ValueError("a raster needs pixels")


@dataclass(frozen=True)
class _Strip:
    path: Path
    row: int  # counted from the top of the raster
    height: int


class StripSink:
    """Takes the rows of one raster in order and makes the finished file of them.

    Rows are counted from the top of the raster's grid. A strip that has been written stays, whatever happens to the
    process; a run that continues asks :meth:`rows_done` (or its own ledger) and goes on from there.

    Args:
        spec: what the raster is.
        folder: working folder of the run; the strips lie in a folder of their own inside it.

    Raises:
        RidgelineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """

    def __init__(self, spec: RasterSpec, folder: Path) -> None:
        self.spec = spec
        self._folder = folder / spec.name
        self._pixels = np.zeros(256, np.int64)
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def rows_done(self) -> int:
        """Return how many rows from the top are written without a gap."""
        done = 0
        for strip in self._strips():
            if strip.row != done:
                break
            done += strip.height
        return done

    def write(self, row: int, values: NDArray[Any]) -> None:
        """Write a strip: values [H, W] over the whole width, from ``row`` on.

        Writing a strip again replaces it. When this returns the strip is on the disk.

        Raises:
            RidgelineError: DISK_FULL, OUTPUT_NOT_WRITABLE.
            ValueError: if the strip does not fit the raster.
        """
        grid = self.spec.grid
        height, width = values.shape
        if width != grid.width or row < 0 or height < 1 or row + height > grid.height:
            raise ValueError(
                f"a strip of {height} × {width} pixels at row {row} does not fit {grid.height} × {grid.width}"
            )
        if str(values.dtype) != self.spec.dtype:
            raise ValueError(f"the strip is {values.dtype}, the raster {self.spec.dtype}")
        profile = self._profile(grid.window(grid.row0 + row, grid.col0, height, width))
        with gdal_env(), MemoryFile() as memory:
            with memory.open(**profile) as dataset:
                dataset.write(values, 1)
            write_atomically(self._folder / f"{row:09d}-{height:06d}.tif", memory.getbuffer())

    def read(self, row: int, height: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return rows [height, W] that have been written, in ``out`` if it is given.

        Raises:
            ValueError: if they have not been.
        """
        if out is None:
            out = np.empty((height, self.spec.grid.width), self.spec.dtype)
        filled = 0
        with gdal_env():
            for strip in self._strips():
                top, bottom = max(row, strip.row), min(row + height, strip.row + strip.height)
                if top >= bottom:
                    continue
                with rasterio.open(strip.path) as dataset:
                    part = Window(0, top - strip.row, self.spec.grid.width, bottom - top)
                    dataset.read(1, window=part, out=out[top - row : bottom - row])
                filled += bottom - top
        if filled != height:
            raise ValueError(f"rows {row} to {row + height - 1} have not all been written")
        return out

    def blank(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> None:
        """Set pixels that have been written to nodata; each strip that holds any is written again.

        Args:
            rows: counted from the top, [N].
            cols: counted from the left, [N].

        Raises:
            RidgelineError: DISK_FULL, OUTPUT_NOT_WRITABLE.
            ValueError: if the raster has no nodata value.
        """
        if self.spec.nodata is None:
            raise ValueError(f"{self.spec.name} has no nodata value")
        if not len(rows):
            return
        for strip in self._strips():
            inside = (rows >= strip.row) & (rows < strip.row + strip.height)
            if inside.any():
                values = self.read(strip.row, strip.height)
                values[rows[inside] - strip.row, cols[inside]] = self.spec.nodata
                self.write(strip.row, values)

    def class_areas(self) -> dict[str, float]:
        """Return the area in m² of each class that occurs, the largest first; none before `finish`, or of measures."""
        found = [(item.name, int(self._pixels[item.id]) * self.spec.grid.gsd**2) for item in self.spec.classes]
        return dict(sorted((item for item in found if item[1]), key=lambda item: -item[1]))

    def finish(self, folder: Path) -> Path:
        """Make ``folder/<name>.tif`` of the strips and return its path; the strips stay.

        An existing file is replaced in one step, when the new one is complete.

        Raises:
            RidgelineError: DISK_FULL, OUTPUT_NOT_WRITABLE.
            ValueError: if rows are missing.
        """
        spec = self.spec
        overviews, statistics = self._once_over()
        target = folder / f"{spec.name}.tif"
        partial = folder / f".{spec.name}.partial.tif"
        vrt = self._folder / "whole.vrt"
        with writing(target):
            folder.mkdir(parents=True, exist_ok=True)
            remove_partials(folder, [target.name])
        write_atomically(vrt, self._vrt(overviews, statistics).encode())
        try:
            with writing(target):
                with gdal_env():
                    copy_raster(vrt, partial, driver="COG", **self._cog_options(overviews))
                    self._check_complete(partial)
                _fsync(partial)
                sidecar = Path(f"{partial}.aux.xml")
                if sidecar.exists():
                    os.replace(sidecar, f"{target}.aux.xml")
                else:  # an older result's names and statistics are not those of this one
                    Path(f"{target}.aux.xml").unlink(missing_ok=True)
                os.replace(partial, target)
        finally:
            with suppress(OSError):
                remove_partials(folder, [target.name])
        return target

    def _strips(self) -> list[_Strip]:
        found = []
        for path in self._folder.iterdir():
            match = _STRIP.match(path.name)
            if match:
                found.append(_Strip(path, int(match["row"]), int(match["height"])))
        return sorted(found, key=lambda strip: strip.row)

    def _once_over(self) -> tuple[list[Path], dict[str, float]]:
        """Read all rows once and make the overviews of them; count classes, or return the statistics of measures.

        By fixed rows: neither may depend on how the strips were cut.
        """
        spec, height = self.spec, self.spec.grid.height
        if self.rows_done() != height:
            raise ValueError(f"{spec.name}: only {self.rows_done()} of {height} rows are written")
        profile = {**self._profile(spec.grid), "bigtiff": "if_safer"}
        statistics = Statistics(spec.nodata)
        self._pixels[:] = 0
        rows = np.empty((min(BLOCK, height), spec.grid.width), spec.dtype)
        with writing(self._folder), gdal_env():
            with OverviewWriter(self._folder, profile, spec.nodata, mean=not spec.classes) as overviews:
                for row in range(0, height, BLOCK):
                    values = self.read(row, min(BLOCK, height - row), rows[: height - row])
                    overviews.add(values)
                    if spec.classes:
                        for line in values:  # one at a time: counting takes eight times the memory of what is counted
                            self._pixels += np.bincount(line, minlength=256)
                    else:
                        statistics.add(values)
        return overviews.paths, statistics.tags()

    def _profile(self, grid: Grid) -> dict[str, Any]:
        """Return how a file of the run's own is created for a window of the grid."""
        return {
            "driver": "GTiff",
            "width": grid.width,
            "height": grid.height,
            "count": 1,
            "dtype": self.spec.dtype,
            "tiled": True,
            "blockxsize": BLOCK,
            "blockysize": BLOCK,
            "transform": grid.transform,
            **_quick_compression(),
        }

    def _cog_options(self, overviews: list[Path]) -> dict[str, Any]:
        whole = bool(self.spec.classes)
        return {
            "COMPRESS": "DEFLATE",
            "LEVEL": 4 if whole else 1,
            "PREDICTOR": "NO" if whole else "YES",
            "BLOCKSIZE": BLOCK,
            "OVERVIEWS": "AUTO" if overviews else "NONE",
            "BIGTIFF": "IF_SAFER",
            "NUM_THREADS": "ALL_CPUS",
        }

    def _check_complete(self, path: Path) -> None:
        """Read the last pixels: GDAL does not always say that a disk was full when it closed a file."""
        grid = self.spec.grid
        with rasterio.open(path) as dataset:
            dataset.read(1, window=Window(0, grid.height - 1, grid.width, 1))

    def _vrt(self, overviews: list[Path], statistics: dict[str, float]) -> str:
        """Return the VRT that lays the strips under each other and says all that the result's metadata should."""
        spec, grid = self.spec, self.spec.grid
        t = grid.transform
        geo = ", ".join(repr(float(item)) for item in (t.c, t.a, t.b, t.f, t.d, t.e))
        tags = {**spec.tags, **{f"CLASS_{item.id}": item.name for item in spec.classes}}
        lines = [
            f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}">',
            f"<SRS>{escape(grid.crs.to_wkt())}</SRS>",
            f"<GeoTransform>{geo}</GeoTransform>",
            "<Metadata>",
            *(f'<MDI key="{escape(key)}">{escape(text)}</MDI>' for key, text in sorted(tags.items())),
            "</Metadata>",
            f'<VRTRasterBand dataType="{_VRT_TYPES[spec.dtype]}" band="1" blockXSize="{BLOCK}" blockYSize="{BLOCK}">',
        ]
        if spec.description:
            lines.append(f"<Description>{escape(spec.description)}</Description>")
        if spec.nodata is not None:
            lines.append(f"<NoDataValue>{spec.nodata!r}</NoDataValue>")
        if spec.unit:
            lines.append(f"<UnitType>{escape(spec.unit)}</UnitType>")
        if spec.scale != 1.0:
            lines.append(f"<Scale>{spec.scale!r}</Scale>")
        if spec.classes:
            lines += _class_lines(spec.classes)
        elif statistics:
            lines += [
                "<Metadata>",
                *(f'<MDI key="{key}">{item!r}</MDI>' for key, item in statistics.items()),
                "</Metadata>",
            ]
        for strip in self._strips():
            size = f'xOff="0" xSize="{grid.width}" ySize="{strip.height}"'
            lines += [
                "<SimpleSource>",
                f'<SourceFilename relativeToVRT="1">{strip.path.name}</SourceFilename>',
                "<SourceBand>1</SourceBand>",
                f'<SourceProperties RasterXSize="{grid.width}" RasterYSize="{strip.height}" '
                f'DataType="{_VRT_TYPES[spec.dtype]}" BlockXSize="{BLOCK}" BlockYSize="{BLOCK}"/>',
                f'<SrcRect yOff="0" {size}/><DstRect yOff="{strip.row}" {size}/>',
                "</SimpleSource>",
            ]
        for path in overviews:
            name = f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename>'
            lines.append(f"<Overview>{name}<SourceBand>1</SourceBand></Overview>")
        return "\n".join([*lines, "</VRTRasterBand>", "</VRTDataset>", ""])


@functools.cache
def _quick_compression() -> dict[str, Any]:
    """Return how strips are compressed: as a run's own files they need be small and quick, and readable here alone."""
    quick: dict[str, Any] = {"compress": "zstd", "zstd_level": 1}
    place = {"transform": Affine.scale(2)}  # a raster without one is warned of
    one = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8", **place}
    try:
        with gdal_env(), MemoryFile() as memory, memory.open(**one, **quick) as dataset:
            dataset.write(np.zeros((1, 1, 1), np.uint8))
    except (RasterioError, CPLE_BaseError):  # a GDAL built without it
        return {"compress": "deflate", "zlevel": 1}
    return quick


def _class_lines(classes: tuple[RasterClass, ...]) -> list[str]:
    """Return colour interpretation, colour table and category names; 0 is nodata and transparent."""
    by_id = {item.id: item for item in classes}
    ids = range(max(by_id) + 1)
    colours = []
    for number in ids:
        colour = by_id[number].colour if number in by_id else "#000000"
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        alpha = 255 if number in by_id else 0
        colours.append(f'<Entry c1="{red}" c2="{green}" c3="{blue}" c4="{alpha}"/>')
    names = [f"<Category>{escape(by_id[number].name) if number in by_id else ''}</Category>" for number in ids]
    return [
        "<ColorInterp>Palette</ColorInterp>",
        "<ColorTable>",
        *colours,
        "</ColorTable>",
        "<CategoryNames>",
        *names,
        "</CategoryNames>",
    ]


def _fsync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
