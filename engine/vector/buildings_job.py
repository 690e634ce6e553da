"""Runs a `BuildingsJob`: a class raster in, building polygons out, by strips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from ..classes import ROOF_CLASSES
from ..feedback import Feedback
from ..jobs import ErrorCode, RasterInput, Result, RidgelineError
from ..jobs.buildings import BuildingsJob
from ..raster.aligned import open_aligned
from ..raster.files import keep_existing, writing
from ..raster.frame import Frame, plan_frame
from ..raster.gdal_env import gdal_env
from ..raster.grid import Grid
from ..raster.ground import ground_gsd
from ..raster.opening import open_dataset, unreadable
from ..raster.source import Source, describe
from ..terrain.ground_stream import GroundStream
from .buildings import BuildingTracer, MapStrip
from .crew import helpers_of
from .geopackage import GeoPackageWriter

NAME = "buildings.gpkg"
_STRIP_PX = 4_000_000
_TAG = re.compile(r"^CLASS_(\d+)$")


def run_buildings(job: BuildingsJob, feedback: Feedback) -> Result:
    """Write ``buildings.gpkg`` and return where it is.

    Raises:
        RidgelineError: whatever opening the rasters and writing the file raises; OUTPUT_EXISTS; BAD_BANDS if the class
            raster holds no whole numbers.
    """
    target = Path(job.out) / NAME
    keep_existing(target.parent, [NAME], job.overwrite)
    classes = _describe(job.classes, "the class raster")
    roofs = None if job.roof_classes is None else _describe(job.roof_classes, "the roof class raster")
    frame = plan_frame(classes, job.dsm, job.region, ground_gsd(classes))
    for note in frame.notes:
        feedback.warn(note.code, note.message)
    names = {info.id: info.name for info in ROOF_CLASSES}
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    grid = frame.grid
    names = names if roofs is not None else {}
    with (
        BuildingTracer(grid, job.options, names, feedback.check_cancelled, helpers_of()) as tracer,
        GeoPackageWriter(target, grid.crs) as writer,
    ):
        for strip in _strips(frame, classes, roofs, job):
            feedback.progress(strip.row0 - grid.row0, grid.height, "rows", "tracing buildings")
            writer.write(tracer.add(strip))
        writer.write(tracer.finish())
        feedback.progress(grid.height, grid.height, "rows", "tracing buildings")
    return Result({"buildings": str(target)}, {"buildings": writer.count})


def _describe(item: RasterInput, label: str) -> Source:
    """Return what a class raster is, under its own name in messages."""
    name = item.name or Path(item.path).name
    bands = item.bands or (1,)
    try:
        source = describe(replace(item, bands=bands, name=name), "rgb", 1)
    except RidgelineError as fault:
        message = re.sub(r"\b[Tt]he RGB\b", label, fault.message)
        raise RidgelineError(fault.code, message[:1].upper() + message[1:], fault.hint) from fault
    if not all(np.dtype(kind).kind in "iu" for kind in source.file_dtypes):
        raise RidgelineError(
            ErrorCode.BAD_BANDS,
            f"{label[:1].upper()}{label[1:]} {name!r} holds {source.file_dtypes[0]} numbers, no class ids.",
            "Choose a raster of whole numbers, one for each class.",
        )
    return replace(source, label=f"{label} {name!r}")


def _strips(frame: Frame, classes: Source, roofs: Source | None, job: BuildingsJob) -> Iterator[MapStrip]:
    grid = frame.grid
    height = max(1, min(grid.height, _STRIP_PX // grid.width))
    with ExitStack() as stack:
        ids = stack.enter_context(_Ids(classes, grid))
        roof_ids = None if roofs is None else stack.enter_context(_Ids(roofs, grid))
        surface = None if frame.dsm is None else stack.enter_context(open_aligned(frame.dsm, "dsm", grid))
        stream = None if surface is None else GroundStream(surface, grid)
        building = job.building or ids.named("building")
        for row in range(grid.row0, grid.row1, height):
            window = grid.window(row, grid.col0, min(height, grid.row1 - row), grid.width)
            found = ids.read(window)
            mask = np.isin(found, building) if building else found > 0
            known = ground = None
            if surface is not None and stream is not None:
                block = surface.read(window)
                known = np.where(block.valid, block.values[0], np.float32(np.nan)).astype(np.float32)
                ground = stream.under(window, block)
            yield MapStrip(
                row0=row,
                mask=mask & frame.region_mask(window),
                roof_class=None if roof_ids is None else roof_ids.read(window).astype(np.uint8),
                surface=known,
                ground=ground,
            )


class _Ids:
    """A class raster on the lattice of a grid: the id of the pixel nearest to each centre, 0 where there is none."""

    def __init__(self, source: Source, grid: Grid) -> None:
        self._source = source
        self._grid = grid
        self._stack = ExitStack()

    def __enter__(self) -> _Ids:
        with ExitStack() as stack:
            stack.enter_context(gdal_env())
            dataset = stack.enter_context(open_dataset(self._source.path, self._source.label))
            self._tags: dict[str, str] = dataset.tags()
            grid, nodata = self._grid, self._source.nodata[0]
            self._vrt: Any = stack.enter_context(
                WarpedVRT(
                    dataset,
                    src_crs=self._source.crs if dataset.crs != self._source.crs else None,
                    src_nodata=nodata,
                    nodata=0 if nodata is None else nodata,
                    crs=grid.crs,
                    transform=grid.transform,
                    width=grid.width,
                    height=grid.height,
                    resampling=Resampling.nearest,
                )
            )
            self._nodata = nodata
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_fault: object) -> None:
        self._stack.close()

    def named(self, name: str) -> tuple[int, ...]:
        """Return the ids of the classes of that name, as the raster's metadata tell."""
        found = [(match, text) for key, text in self._tags.items() if (match := _TAG.match(key))]
        return tuple(int(match[1]) for match, text in found if text == name)

    def read(self, window: Grid) -> npt.NDArray[np.integer]:
        """Return the ids of whole rows.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the rows.
        """
        row = window.row0 - self._grid.row0
        try:
            part = Window(0, row, window.width, window.height)
            values: npt.NDArray[np.integer] = self._vrt.read(self._source.bands[0], window=part)
        except (RasterioError, CPLE_BaseError) as fault:
            rows = f"cannot be read in rows {row} to {row + window.height - 1}"
            raise unreadable(self._source.label, rows, fault) from fault
        return values if self._nodata in (None, 0) else np.where(values == self._nodata, 0, values)
