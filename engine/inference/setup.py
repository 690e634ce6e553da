"""What a segment job needs before its first tile: model, grid, rasters, and the name of its ledger."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioError

from .. import __version__
from ..feedback import Feedback
from ..jobs import ErrorCode, RasterInput, RidgelineError, SegmentJob, to_dict
from ..models.package import ModelPackage, ModelSpec
from ..models.package.library import find_model
from ..raster.aligned import AlignedRaster, open_aligned
from ..raster.checks import check_inputs, wanted_gsd
from ..raster.frame import Frame, plan_frame
from ..raster.gdal_env import gdal_env
from ..runtime.predictor import DeviceReport
from .feed import NetworkInput
from .normalise import normaliser_for
from .plan import TilePlan

_KIND_NAMES = {"rgb": "RGB", "dsm": "DSM"}
_BATCH_CPU, _BATCH_OTHER = 1, 8
_AT_ONCE = 2
"""Batches under way at the same time where the user does not choose their size: each holds memory of its own."""
_NOT_IN_RESULT = ("out", "overwrite", "batch", "threads")
"""Fields of the job on which no bit of the result depends."""


@dataclass(frozen=True)
class Setup:
    """A segment job, made ready.

    Attributes:
        job: what was asked for.
        package: the model.
        frame: grid and region.
        plan: where the tiles lie.
        kinds: kinds of the rasters that the network sees.
    """

    job: SegmentJob
    package: ModelPackage
    frame: Frame
    plan: TilePlan
    kinds: frozenset[str]

    @property
    def model(self) -> ModelSpec:
        """What the package says."""
        return self.package.spec


def prepare(job: SegmentJob, feedback: Feedback) -> Setup:
    """Find the model, look at the rasters and choose the grid; tell what was assumed.

    Raises:
        RidgelineError: for every fault of model, rasters, region and GSD that can be seen before computing.
    """
    if job.rgb is None and job.dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "The job names no raster.", "Name an RGB, a DSM, or both.")
    package = find_model(job.model)
    gsd = wanted_gsd(job.gsd, package.spec.gsd)
    kinds = _kinds_of(job, package.spec, feedback)
    frame = plan_frame(job.rgb, job.dsm, job.region, gsd, _bands_of(package.spec), kinds)
    for note in (*frame.notes, *check_inputs(frame, package.spec.gsd)):
        feedback.warn(note.code, note.message)
    return Setup(job, package, frame, TilePlan.of(frame.grid, package.spec.tile), kinds)


def open_rasters(setup: Setup) -> dict[str, AlignedRaster]:
    """Open the rasters of the job on the grid, by kind, also those that the network does not see."""
    rasters = {}
    for kind, source in (("rgb", setup.frame.rgb), ("dsm", setup.frame.dsm)):
        if source is not None and (kind in setup.kinds or kind == "dsm"):
            rasters[kind] = open_aligned(source, source.kind, setup.frame.grid)
    return rasters


def network_inputs(setup: Setup, rasters: Mapping[str, AlignedRaster]) -> tuple[NetworkInput, ...]:
    """Return how each input of the network is made from the rasters.

    Raises:
        RidgelineError: (BAD_MODEL) if the package asks for what this version does not know.
    """
    return tuple(
        NetworkInput(
            item.name,
            item.kind,
            item.channels,
            normaliser_for(item, setup.frame.grid.gsd, rasters[item.kind].source.white),
        )
        for item in setup.model.inputs
        if item.kind in setup.kinds
    )


def at_once_of(job: SegmentJob) -> int:
    """Return how many batches may be computed at the same time, if the device likes that."""
    return 1 if job.batch else _AT_ONCE


def batch_of(setup: Setup, report: DeviceReport) -> int:
    """Return how many tiles are computed at once: what the user says, else few on a CPU and more elsewhere.

    Never more than a row of tiles has: batches do not go on into the next.
    """
    wanted = setup.job.batch or (_BATCH_CPU if report.device == "cpu" else _BATCH_OTHER)
    return min(wanted, max(1, len(setup.plan.columns)))


def count_tiles(setup: Setup) -> int:
    """Return how many tiles touch the region."""
    plan = setup.plan
    if setup.frame.region is None:
        return len(plan.bands) * len(plan.columns)
    rows, cols = np.meshgrid(np.array(plan.bands), np.array(plan.columns), indexing="ij")
    west = (cols * plan.stride + plan.trim) * plan.grid.gsd
    north = -(rows * plan.stride + plan.trim) * plan.grid.gsd
    side = plan.core * plan.grid.gsd
    shapely.prepare(setup.frame.region)
    boxes = shapely.box(west, north - side, west + side, north)
    return int(np.count_nonzero(shapely.intersects(setup.frame.region, boxes)))


def describe_run(setup: Setup, report: DeviceReport) -> dict[str, Any]:
    """Return all that the bits of the result depend on, as JSON values: job, inputs, model, device, version."""
    named = replace(setup.job, rgb=_without_name(setup.job.rgb), dsm=_without_name(setup.job.dsm))
    job = {name: value for name, value in to_dict(named).items() if name not in _NOT_IN_RESULT}
    region = setup.job.region
    return {
        "job": job,
        "inputs": {kind: input_files(item) for kind, item in (("rgb", setup.job.rgb), ("dsm", setup.job.dsm)) if item},
        "region": _file_facts(region.path) if region is not None and region.path is not None else None,
        "model": setup.package.fingerprint,
        "device": [report.runtime, report.device, report.precision],
        "version": __version__,
    }


def check_unchanged(inputs: Mapping[str, list[dict[str, Any]]]) -> None:
    """Refuse to go on with rasters that somebody has written to since the run began: their pixels would be mixed.

    A file that is gone is no fault: what was opened can be read on, or says itself that it cannot. QGIS writes what it
    knows of a raster into an ``.aux.xml`` beside it whenever it likes.

    Args:
        inputs: files by kind of raster, as `describe_run` gives them.

    Raises:
        RidgelineError: (INPUT_UNREADABLE) naming the file.
    """
    for kind, files in inputs.items():
        for facts in files:
            now = _file_facts(facts["path"])
            if "bytes" in now and now != facts and not facts["path"].endswith(".aux.xml"):
                raise RidgelineError(
                    ErrorCode.INPUT_UNREADABLE,
                    f"The file {Path(facts['path']).name!r} of the {_KIND_NAMES[kind]} was changed while it was read.",
                    "Run it again once nothing writes to the file any more.",
                )


def _without_name(item: RasterInput | None) -> RasterInput | None:
    """Return a raster under no name: a layer may be renamed while its run is stopped."""
    return None if item is None else replace(item, name=None)


def input_files(item: RasterInput) -> list[dict[str, Any]]:
    """Return path, size and time of a raster's files: its own, a VRT's sources, masks beside it."""
    try:
        with gdal_env(), rasterio.open(item.path) as dataset:
            files = sorted(dataset.files)
    except RasterioError:  # said where it is opened for use
        files = []
    return [_file_facts(path) for path in files or [item.path]]


def _file_facts(path: str) -> dict[str, Any]:
    try:
        facts = os.stat(path)
    except OSError:  # a name that only GDAL understands
        return {"path": path}
    return {"path": str(Path(path).resolve()), "bytes": facts.st_size, "modified_ns": facts.st_mtime_ns}


def _kinds_of(job: SegmentJob, model: ModelSpec, feedback: Feedback) -> frozenset[str]:
    given = {kind for kind, item in (("rgb", job.rgb), ("dsm", job.dsm)) if item is not None}
    used = {kind for kind in given if model.input_of_kind(kind) is not None}
    for kind in sorted(given - used):
        has_heights = kind == "dsm" and (job.keep_heights or model.output_of_role("building") is not None)
        rest = "it only serves heights" if has_heights else "it only serves to find the grid"
        feedback.warn("raster_not_used", f"The model {model.name!r} does not look at the {_KIND_NAMES[kind]}: {rest}.")
    if job.skip_empty and "dsm" not in given:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            "Empty ground cannot be skipped without a surface model (DSM), which tells what stands on it.",
            "Choose a surface model, or have nothing skipped.",
        )
    return frozenset(used)


def _bands_of(model: ModelSpec) -> int | None:
    item = model.input_of_kind("rgb")
    return None if item is None else len(item.bands)
