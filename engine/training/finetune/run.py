"""One fine-tuning from job to model package."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import torch

from ...feedback import Feedback
from ...jobs import ErrorCode, Result, RidgelineError, to_dict
from ...jobs.finetune import FinetuneJob
from ...models.export import PackageInfo, export_package
from ...models.multitask import DenseModel
from ...models.package import ModelPackage, ModelSpec
from ...models.package.library import find_model
from ...models.rebuild import trainable_model
from ...raster.frame import Frame, plan_frame
from ...raster.gdal_env import gdal_env
from .checks import LabelReport, check_labels
from .labels import LabelSet, read_area, read_labels
from .loop import History, Lesson, LoopConfig, start_lesson, train, validate
from .pictures import class_colours, write_strip
from .samples import LabelMaps, Sample, read_samples
from .scores import found_classes
from .split import Split, spatial_split
from .teaching import Teaching, plan_teaching
from .trainable import merged, with_tasks

WORK = ".training"
"""Folder inside the output folder that a run can be continued from; removed when the package is complete."""


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

    @property
    def ids(self) -> dict[str, dict[str, int]]:
        """Channel numbers from 1 by task and class name."""
        return {item.name: {c.name: i + 1 for i, c in enumerate(item.classes)} for item in self.teaching.outputs}


def prepare(job: FinetuneJob, feedback: Feedback) -> Prepared:
    """Read and check everything that a training needs; the findings are told as warnings.

    Raises:
        RidgelineError: for every fault of model, rasters and labels.
    """
    if job.rgb is None and job.dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "The job names no raster.", "Name an RGB, a DSM, or both.")
    package = find_model(job.model)
    spec = package.spec
    model = trainable_model(package)
    rgb = job.rgb if spec.input_of_kind("rgb") is not None else None
    dsm = job.dsm if spec.input_of_kind("dsm") is not None else None
    if rgb is None and dsm is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL, f"The model {spec.name!r} does not take the rasters given.", "Choose another model."
        )
    gsd = job.gsd or spec.gsd.trained
    if not spec.gsd.min <= gsd <= spec.gsd.max:
        raise RidgelineError(
            ErrorCode.GSD_OUT_OF_RANGE,
            f"{gsd:g} m per pixel is outside what the model takes ({spec.gsd.min:g} to {spec.gsd.max:g} m).",
            "Leave the GSD empty, or choose one in that range.",
        )
    frame = plan_frame(rgb, dsm, None, gsd)
    for note in frame.notes:
        feedback.warn(note.code, note.message)
    labels = read_labels(job.labels, job.field, job.classes, frame.grid.crs)
    area = read_area(job.area, frame.grid.crs) if job.area is not None else None
    teaching = plan_teaching(
        model.config, spec.outputs, labels.names, area is not None, job.classes, job.keep_old_classes
    )
    labels = _reordered(labels, teaching)
    split = spatial_split(labels.polygons, labels.classes, job.validation_share, job.block_m, job.seed)
    maps = LabelMaps(labels, teaching, split, area)
    samples = list(read_samples(spec, frame, maps, feedback))
    if not samples:
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            "None of the labels lies on the rasters.",
            "Check the CRS of the labels, and that they show the same place.",
        )
    surface = spec.input_of_kind("dsm")
    report = check_labels(labels, teaching, split, samples, surface.name if surface is not None and dsm else None)
    for finding in report.findings:
        feedback.warn(finding.code, finding.message)
    return Prepared(package, model, frame, labels, teaching, split, samples, report)


def run_finetune(job: FinetuneJob, feedback: Feedback) -> Result:
    """Train on the labels and write a model package into ``job.out``.

    A run that was killed goes on where it stopped when the same job is run again.

    Raises:
        RidgelineError: for every fault of the input; OUTPUT_EXISTS if there is a model already.
        Cancelled: if the user discards the training; its work folder is removed.
    """
    out = Path(job.out)
    if (out / "model.json").exists() and not job.overwrite:
        raise RidgelineError(
            ErrorCode.OUTPUT_EXISTS,
            f"There is a model in {job.out!r} already.",
            "Choose another folder, or overwrite it.",
        )
    device = _device(job.device)
    work = out / WORK / _fingerprint(job)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The folder {job.out!r} cannot be written ({fault.strerror}).",
            "Choose another.",
        ) from fault
    with gdal_env():
        ready = prepare(job, feedback)
    before = with_tasks(ready.model, ready.teaching.config) if ready.teaching.kind != "new" else ready.model
    config = LoopConfig(mode=job.mode, minutes=job.minutes, steps=job.steps, seed=job.seed)
    spec = ready.package.spec
    lesson = start_lesson(before, ready.samples, spec.inputs, ready.teaching, ready.ids, config, device)
    model = with_tasks(ready.model, ready.teaching.config)
    _write_split(work / "split.geojson", ready)
    pictures = _Pictures(work, lesson, ready)
    trained, history = train(model, lesson, device, work / "state.pt", feedback, pictures)
    best = merged(trained)
    scores_before = None if ready.teaching.kind == "new" else validate(before, lesson).as_dict()
    metrics = {
        "validation before": scores_before or "these classes are new",
        "validation after": validate(best.to(device), lesson).as_dict(),
    }
    info = _info(job, ready, metrics, history)
    export_package(best.cpu(), info, out, feedback=feedback)
    (out / "training.json").write_text(
        json.dumps({"job": to_dict(job), "labels": ready.report.as_dict(), "history": history.entries}, indent=1),
        encoding="utf-8",
    )
    shutil.copy(work / "split.geojson", out / "split.geojson")
    shutil.rmtree(out / WORK)
    outputs = {"model": str(out), "split": str(out / "split.geojson"), "training": str(out / "training.json")}
    return Result(outputs, {"metrics": metrics, "best_step": history.best_step, "labels": ready.report.as_dict()})


class _Pictures:
    """Writes two validation tiles as pictures: the ones with the most labels."""

    def __init__(self, folder: Path, lesson: Lesson, ready: Prepared) -> None:
        self._folder, self._lesson, self._ready = folder, lesson, ready
        counts = [int((item.validates & (item.truth >= 0)).sum()) for item in ready.samples]
        self._shown = [int(i) for i in np.argsort(counts)[::-1][:2] if counts[int(i)]]
        self._colours = class_colours(ready.teaching, ready.teaching.outputs)

    @torch.no_grad()
    def __call__(self, model: DenseModel) -> list[str]:
        paths = []
        for number, index in enumerate(self._shown):
            outputs = self._lesson.outputs(model.eval(), [(index, 0)])
            logits = {name: value[0].float().cpu().numpy() for name, value in outputs.items()}
            found = found_classes(logits, self._ready.teaching, self._ready.ids)
            path = self._folder / f"validation_{number + 1}.png"
            inputs = self._ready.package.spec.inputs
            write_strip(path, self._ready.samples[index], found, inputs, self._ready.teaching, self._colours)
            paths.append(str(path))
        return paths


def _info(job: FinetuneJob, ready: Prepared, metrics: dict[str, Any], history: History) -> PackageInfo:
    spec: ModelSpec = ready.package.spec
    polygons = ", ".join(
        f"{count['polygons'] + count['validation_polygons']} {name}" for name, count in ready.report.classes.items()
    )
    used = {item.name for item in spec.inputs if item.name in ready.samples[0].inputs}
    return PackageInfo(
        name=job.name,
        version="1.0.0",
        inputs=tuple(replace(item, optional=item.optional or item.name not in used) for item in spec.inputs),
        outputs=ready.teaching.outputs,
        gsd=replace(spec.gsd, trained=ready.frame.grid.gsd),
        tile=spec.tile,
        title=job.name,
        description=f"{spec.title or spec.name}, taught on labelled polygons ({', '.join(ready.teaching.names)}).",
        licence=spec.licence,
        training_data=(
            f"Polygons by class: {polygons}. Seen through: {', '.join(sorted(used))}. "
            f"A quarter of the ground ({len(ready.split.validation_blocks)} squares of {job.block_m:g} m) validated. "
            f"Settings: {job.mode}, seed {job.seed}, {history.entries[-1]['step']} steps. Before that: "
            f"{spec.training_data or 'see the model it began from'}"
        ),
        source=f"fine-tuned from {spec.name} {spec.version}",
        metrics=metrics,
    )


def _reordered(labels: LabelSet, teaching: Teaching) -> LabelSet:
    """Return the labels with their classes numbered as in ``teaching``."""
    table = np.array([teaching.names.index(name) for name in labels.names], np.int64)
    return replace(labels, classes=table[labels.classes], names=teaching.names)


def _write_split(path: Path, ready: Prepared) -> None:
    """Write the polygons with class and half as GeoJSON in longitude and latitude, for the map."""
    from rasterio.warp import transform

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


def _fingerprint(job: FinetuneJob) -> str:
    data = {key: value for key, value in to_dict(job).items() if key not in ("out", "overwrite", "minutes")}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _device(wanted: str) -> str:
    if wanted in ("auto", "cpu"):
        return "cuda" if wanted == "auto" and torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RidgelineError(
            ErrorCode.DEVICE_UNAVAILABLE, "There is no CUDA device that PyTorch can use.", "Choose the device 'cpu'."
        )
    return wanted
