"""What a training needs, read and looked at before anyone waits for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.warp import transform

from ...feedback import Feedback
from ...jobs import ErrorCode, RidgelineError
from ...jobs.finetune import FinetuneJob
from ...models.multitask import DenseModel
from ...models.package import ModelPackage, ModelSpec
from ...models.package.library import find_model
from ...models.rebuild import trainable_model
from ...raster.checks import check_inputs, wanted_gsd
from ...raster.frame import Frame, plan_frame
from .checks import Finding, LabelReport, check_labels
from .label_shift import roof_edges, surface_edges
from .labels import LabelSet, read_area, read_labels, within_area
from .raster_choice import Ground, Told, compare_rasters
from .samples import MOST_TILES, LabelMaps, Sample, drawn, read_samples, tiles_of
from .split import Split, split_labels
from .teaching import Teaching, plan_teaching


@dataclass(frozen=True)
class Prepared:
    """Labels and rasters, looked at, before any training."""

    package: ModelPackage
    model: DenseModel
    frame: Frame
    labels: LabelSet
    teaching: Teaching
    split: Split
    samples: Sequence[Sample]
    report: LabelReport
    maps: LabelMaps

    @property
    def ids(self) -> dict[str, dict[str, int]]:
        """Channel numbers from 1 by task and class name."""
        return {item.name: {c.name: i + 1 for i, c in enumerate(item.classes)} for item in self.teaching.outputs}


def prepare(job: FinetuneJob, feedback: Feedback) -> Prepared:
    """Read and check everything that a training needs; the findings are told as warnings.

    Where new classes are told better without the surface, it is left out (`raster_choice`).

    Raises:
        RidgelineError: for every fault of model, rasters and labels.
    """
    ready = _read(job, feedback)
    told = _compared(ready, job, feedback)
    if told is not None and told.picture_suffices:
        ready = _read(replace(job, dsm=None), feedback)
        ready = replace(ready, report=replace(ready.report, findings=(*ready.report.findings, _left_out(told))))
    for finding in ready.report.findings:
        feedback.warn(finding.code, finding.message)
    return ready


def _compared(ready: Prepared, job: FinetuneJob, feedback: Feedback) -> Told | None:
    """Return how well new classes are told with and without the surface; None where there is nothing to choose."""
    surface = ready.package.spec.input_of_kind("dsm")
    can_go = surface is not None and surface.optional and len(ready.samples[0].inputs) > 1
    if ready.teaching.kind != "new" or job.keep_surface or not can_go:
        return None
    alone = trainable_model(ready.package, ["rgb"])
    points = shapely.get_coordinates(shapely.point_on_surface(np.array(ready.labels.polygons, dtype=object)))
    ground = Ground(ready.split.block_m, points, ready.teaching.background is not None)
    return compare_rasters(alone, ready.model, ready.samples, ground, len(ready.teaching.names), job.seed, feedback)


def _left_out(told: Told) -> Finding:
    return Finding(
        "surface_left_out",
        "The surface model is left out, since the new classes are told no better with it: a quick trial on the labels "
        f"reaches a mean IoU of {told.picture:.2f} with the picture alone, of {told.both:.2f} with both.",
    )


def _read(job: FinetuneJob, feedback: Feedback) -> Prepared:
    """Read and check everything; what is said of the rasters is told at once, what is said of the labels is kept."""
    if job.rgb is None and job.dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "The job names no raster.", "Name an RGB, a DSM, or both.")
    package = find_model(job.model)
    spec = package.spec
    rgb = job.rgb if spec.input_of_kind("rgb") is not None else None
    dsm = job.dsm if spec.input_of_kind("dsm") is not None else None
    if rgb is None and dsm is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {spec.name!r} cannot use the rasters given: it needs {_kinds_of(spec)}.",
            "Give such a raster, or choose another model.",
        )
    kinds = [item.kind for item in spec.inputs if {"rgb": rgb, "dsm": dsm}.get(item.kind) is not None]
    model = trainable_model(package, kinds)
    model.settle(rgb is not None, dsm is not None)
    frame = plan_frame(rgb, dsm, None, wanted_gsd(job.gsd, spec.gsd))
    for note in (*frame.notes, *check_inputs(frame, spec.gsd)):
        feedback.warn(note.code, note.message)
    labels = read_labels(job.labels, job.field, job.classes, frame.grid.crs)
    area = read_area(job.area, frame.grid.crs) if job.area is not None else None
    teaching = plan_teaching(
        model.config,
        spec.outputs,
        labels.names,
        area is not None,
        job.classes,
        job.keep_old_classes,
        picture=rgb is not None,
    )
    if area is not None:
        labels = within_area(labels, area)
    labels = _reordered(labels, teaching)
    split = split_labels(labels.polygons, labels.classes, job.validation_share, job.block_m, job.seed)
    maps = LabelMaps(labels, teaching, split, area)
    tiles = tiles_of(maps.extent, frame.grid)
    read = drawn(tiles, MOST_TILES, job.seed)
    if len(read) < len(tiles):
        feedback.warn(
            "many_tiles",
            f"The labels fill {len(tiles)} tiles, more than one training can use: {len(read)} of them, "
            "chosen at random, are learned from.",
        )
    samples = list(read_samples(spec, frame, maps, read, feedback))
    if not samples:
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            "None of the labels lies on the rasters.",
            "Check the CRS of the labels, and that they show the same place.",
        )
    skipped = [window for window in tiles if window not in read]
    surface = spec.input_of_kind("dsm") if dsm else None
    edges = surface_edges(samples, surface) if surface else None
    if edges is None and surface is None and teaching.kind in ("building", "roof_class"):
        edges = roof_edges(samples, model, teaching.background)
    report = check_labels(labels, teaching, split, samples, edges, skipped)
    return Prepared(package, model, frame, labels, teaching, split, samples, report, maps)


def _kinds_of(spec: ModelSpec) -> str:
    """Return in words what a model takes."""
    names = {"rgb": "an orthophoto", "dsm": "a surface model"}
    return " or ".join(names[item.kind] for item in spec.inputs)


def demand_both_halves(ready: Prepared) -> None:
    """Refuse labels that leave nothing to learn from, or nothing to tell by whether it was learnt.

    Raises:
        RidgelineError: (BAD_LABELS) saying which half is empty.
    """
    background = ready.teaching.background
    counts = [ready.report.classes[name] for i, name in enumerate(ready.teaching.names) if i != background]
    for key, what in (("pixels", "learn from"), ("validation_pixels", "validate with")):
        if not any(count[key] for count in counts):
            raise RidgelineError(
                ErrorCode.BAD_LABELS,
                f"The labels leave nothing to {what}: {len(ready.labels.polygons)} polygons can be used.",
                "Label more places, a few metres apart, on the rasters.",
            )


def write_split(path: Path, ready: Prepared) -> None:
    """Write the polygons with class and half as GeoJSON in longitude and latitude, for the map."""

    def move(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        xs, ys = transform(ready.frame.grid.crs, "EPSG:4326", points[:, 0].tolist(), points[:, 1].tolist())[:2]
        return np.column_stack([xs, ys])

    features = [
        {
            "type": "Feature",
            "properties": {
                "class": ready.teaching.names[int(index)],
                "half": "validation" if validates else "training",
            },
            "geometry": shapely.geometry.mapping(shapely.transform(polygon, move)),
        }
        for polygon, index, validates in zip(ready.labels.polygons, ready.labels.classes, ready.split.validates)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")


def _reordered(labels: LabelSet, teaching: Teaching) -> LabelSet:
    """Return the labels with their classes numbered as in ``teaching``."""
    table = np.array([teaching.names.index(name) for name in labels.names], np.int64)
    return replace(labels, classes=table[labels.classes], names=teaching.names)
