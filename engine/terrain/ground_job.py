"""Runs a `GroundJob`: a DSM in, ground and height above ground out, by strips."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ..feedback import Feedback
from ..given import given
from ..jobs import ErrorCode, Result, RidgelineError
from ..jobs.ground import GroundJob
from ..raster.aligned import open_aligned
from ..raster.files import keep_existing, writing
from ..raster.frame import Frame, plan_frame
from ..raster.ground import ground_gsd
from ..raster.sinks import RasterSpec, StripSink
from ..raster.source import Source, describe
from .ground_stream import GroundStream

GROUND, HEIGHT = "ground", "height_above_ground"
_STRIP_PX = 4_000_000
_FINEST = 8
"""Pixels so many times smaller than the surface's own show nothing new, and may fill a disk."""


def run_ground(job: GroundJob, feedback: Feedback) -> Result:
    """Write ``ground.tif`` and ``height_above_ground.tif`` and return where they are.

    Both are float32 metres, NaN where the surface is unknown (the ground also where none can be told).

    Raises:
        RidgelineError: whatever `open_aligned` and the sinks raise; OUTPUT_EXISTS; BAD_SURFACE if nothing is known;
            GSD_OUT_OF_RANGE if the GSD asked for is far finer than the surface's own.
    """
    out = Path(job.out)
    keep_existing(out, [f"{name}.tif" for name in (GROUND, HEIGHT)], job.overwrite)
    source = describe(job.dsm, "dsm")
    frame = plan_frame(None, source, job.region, _gsd(job, source))
    for note in frame.notes:
        feedback.warn(note.code, note.message)
    with writing(out / f"{GROUND}.tif"):
        out.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=".ridgeline-ground-", dir=out)
    with folder as work:
        sinks = [
            StripSink(RasterSpec(name, frame.grid, "float32", float("nan"), description=what, unit="m"), Path(work))
            for name, what in ((GROUND, "Ground"), (HEIGHT, "Height above ground"))
        ]
        known = _fill(frame, sinks, feedback)
        if not known:
            raise RidgelineError(
                ErrorCode.BAD_SURFACE,
                f"{source.label[:1].upper()}{source.label[1:]} has no heights there: all pixels are nodata.",
                "Choose another region, or check the raster's nodata value.",
            )
        feedback.progress(0, len(sinks), "files", "writing rasters")
        paths = {}
        for done, sink in enumerate(sinks, start=1):
            paths[sink.spec.name] = str(sink.finish(out))
            feedback.progress(done, len(sinks), "files", "writing rasters")
    grid = frame.grid
    summary = {"grid": f"{grid.width} x {grid.height} pixels of {grid.gsd:g} m", "known_share": known / _pixels(frame)}
    return Result(paths, summary)


def _gsd(job: GroundJob, source: Source) -> float:
    """Return the metres per pixel of the result: those asked for, else those of the surface."""
    own = ground_gsd(source)
    if job.gsd is not None and job.gsd * _FINEST < own:
        raise RidgelineError(
            ErrorCode.GSD_OUT_OF_RANGE,
            f"Pixels of {job.gsd:g} m are far finer than those of {source.label}, which measure {own:.3g} m.",
            f"Choose at least {1.01 * own / _FINEST:.3g} m, or leave the pixel size out.",
        )
    return job.gsd or own


def _pixels(frame: Frame) -> int:
    """Return how many pixels the grid has."""
    return frame.grid.width * frame.grid.height


def _fill(frame: Frame, sinks: list[StripSink], feedback: Feedback) -> int:
    """Write all strips and return how many pixels have a height."""
    grid, source = frame.grid, given(frame.dsm)
    known = 0
    strip = max(1, min(grid.height, _STRIP_PX // grid.width))
    with open_aligned(source, "dsm", grid) as surface:
        stream = GroundStream(surface, grid)
        for row in range(grid.row0, grid.row1, strip):
            feedback.progress(row - grid.row0, grid.height, "rows", "finding the ground")
            window = grid.window(row, grid.col0, min(strip, grid.row1 - row), grid.width)
            block = surface.read(window)
            ground = stream.under(window, block)
            inside = block.valid & frame.region_mask(window)
            heights = np.where(inside, block.values[0] - ground, np.float32(np.nan))
            wanted = inside if frame.region is not None else frame.region_mask(window)
            sinks[0].write(row - grid.row0, np.where(wanted, ground, np.float32(np.nan)).astype(np.float32))
            sinks[1].write(row - grid.row0, heights.astype(np.float32))
            known += int(np.isfinite(heights).sum())
    feedback.progress(grid.height, grid.height, "rows", "finding the ground")
    return known
