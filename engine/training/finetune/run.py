"""One fine-tuning from job to model package."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...feedback import Feedback
from ...jobs import ErrorCode, Result, RidgelineError, to_dict
from ...jobs.finetune import FinetuneJob, package_name
from ...models.export import PackageInfo, export_package
from ...models.multitask import DenseModel
from ...models.package import BACKGROUND, ModelPackage, ModelSpec
from ...models.package.load import file_sha256
from ...raster.gdal_env import gdal_env
from ..blend import move_towards
from .history import History
from .int8 import add_int8_like
from .loop import Lesson, LoopConfig, start_lesson, train, validate
from .new_outputs import begin_new_outputs
from .pictures import class_colours, write_strip
from .prepare import Prepared, demand_both_halves, prepare, write_split
from .samples import Seen, read_tiles, unlabelled_tiles
from .scores import found_classes
from .shares import MOST_TILES, shares_shift
from .state import STATE_VERSION
from .trainable import merged, with_tasks

WORK = ".training"
"""Folder inside the output folder that a run can be continued from; removed when the package is complete."""


JOINT_FROM = 2 / 3
"""From this part of a training of new classes on, what validated teaches, too: a quarter of a dozen polygons is much.
The benchmark's NOTES.md has the figures."""
_HALF_KEPT = 20
"""From so many polygons that teach a network keeps half of what it learnt (`share_learnt`)."""


def run_finetune(job: FinetuneJob, feedback: Feedback) -> Result:
    """Train on the labels and write a model package into ``job.out``.

    A run that was cancelled or killed goes on from its last validation when the same job is run again; who wants to
    discard it removes the folder.

    Raises:
        RidgelineError: for every fault of the input; OUTPUT_EXISTS if there is a model already.
        Cancelled: if the user stops it.
    """
    out = Path(job.out)
    if (out / "model.json").exists() and not job.overwrite:
        raise RidgelineError(
            ErrorCode.OUTPUT_EXISTS,
            f"There is a model in {job.out!r} already.",
            "Choose another folder, or overwrite it.",
        )
    device = _device(job.device)
    with gdal_env():
        ready = prepare(job, feedback)
    if job.check_only:
        return _checked(out, ready)
    demand_both_halves(ready)
    work = _made(out / WORK / _fingerprint(job, ready.package))
    return _train(job, ready, out, work, device, feedback)


def _train(job: FinetuneJob, ready: Prepared, out: Path, work: Path, device: str, feedback: Feedback) -> Result:
    is_new = ready.teaching.kind == "new"
    before = ready.model if is_new else with_tasks(ready.model, ready.teaching.config)
    joint_from = JOINT_FROM if is_new else 1.0
    config = LoopConfig(mode=job.mode, minutes=job.minutes, steps=job.steps, seed=job.seed, joint_from=joint_from)
    spec = ready.package.spec
    lesson = start_lesson(before, ready.samples, spec.inputs, ready.teaching, ready.ids, config, device)
    model = with_tasks(ready.model, ready.teaching.config, job.seed)
    if is_new:
        begin_new_outputs(model.to(device), lesson)
    write_split(work / "split.geojson", ready)
    pictures = _Pictures(work, lesson, ready)
    trained = train(model, lesson, device, work / "state.pt", feedback, pictures)
    history = trained.history
    own_classes = is_new or (ready.teaching.kind == "known" and not history.is_start)
    # without a background the classes are not all that there is, and their shares say nothing
    ground = _unlabelled(ready, job.seed) if own_classes and ready.teaching.background is not None else None
    best = _settled(trained.network, before, ready, lesson, ground)
    # where what validated taught in the end, scores and pictures are of the network before that
    judged = best if history.joined is None else _settled(trained.validated, before, ready, lesson, ground)
    scores_before = None if is_new else validate(before, lesson).plain.as_dict()
    metrics = {
        "validation before": scores_before or "these classes are new",
        "validation after": validate(judged, lesson).plain.as_dict(),
    }
    if history.is_start and not is_new:
        feedback.warn(
            "nothing_better",
            "The training found nothing better: on the labels kept apart the old model scores at least as well, so the "
            "new one works like it. Label more places.",
        )
    info = _info(job, ready, metrics, history)
    package = work / "package"
    export_package(best.cpu(), info, package, feedback=feedback)
    add_int8_like(spec, package, ready.samples)
    (package / "training.json").write_text(
        json.dumps(
            {"settings": _settings(job), "labels": ready.report.as_dict(), "history": history.entries}, indent=1
        ),
        encoding="utf-8",
    )
    for file in (work / "split.geojson", *(Path(path) for path in pictures(judged))):
        shutil.copy(file, package / file.name)
    # the description last: a run that is killed before goes on when it is started again
    for file in sorted(package.iterdir(), key=lambda item: item.name == "model.json"):
        file.replace(out / file.name)
    shutil.rmtree(out / WORK)
    outputs = {"model": str(out), "split": str(out / "split.geojson"), "training": str(out / "training.json")}
    return Result(outputs, {"metrics": metrics, "best_step": history.best_step, "labels": ready.report.as_dict()})


def _settled(
    trained: DenseModel, before: DenseModel, ready: Prepared, lesson: Lesson, ground: list[Seen] | None
) -> DenseModel:
    """Return a trained network as it is used: of old classes a part of what was learnt, of own ones other shares.

    Args:
        trained: what came out of the training.
        before: what went in.
        ready: labels.
        lesson: of the training.
        ground: tiles without labels whose shares of the classes count; None: they stay as they are.
    """
    device = next(trained.parameters()).device
    settled = merged(trained).to(device)
    if ready.teaching.kind != "new":
        move_towards(settled, before, share_learnt(_taught_polygons(ready)))
    if ground is not None:
        shift = shares_shift(settled, lesson, ground, str(device))
        settled.shift(ready.teaching.taught[0], torch.from_numpy(shift))
    return settled


def share_learnt(polygons: int) -> float:
    """Return which share of what was learnt from so many polygons a network keeps; the rest is as it was before.

    A few polygons tell little of the ground beside theirs: with all that ten of them taught, a network may be far worse
    there than untaught, and nothing that validates beside them tells. The benchmark's NOTES.md has the figures.
    """
    return polygons / (polygons + _HALF_KEPT)


def _taught_polygons(ready: Prepared) -> int:
    """Return how many polygons of all classes but the background teach."""
    return sum(count["polygons"] for name, count in ready.report.classes.items() if name != BACKGROUND)


def _unlabelled(ready: Prepared, seed: int) -> list[Seen]:
    """Return tiles of the ground without labels; of each, what is ``known`` has none."""
    windows = unlabelled_tiles(ready.maps.extent, ready.frame.grid, MOST_TILES, seed)
    seen: list[Seen] = []
    # what cannot be read there is no reason to lose what was learnt here
    with gdal_env(), suppress(RidgelineError):
        for tile in read_tiles(ready.package.spec, ready.frame, windows, Feedback()):
            seen.append(replace(tile, known=tile.known & (ready.maps.truth(tile.window)[0] < 0)))
    return seen


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The folder {folder.name!r} cannot be made ({fault.strerror}).",
            "Choose another place.",
        ) from fault
    return folder


def _checked(out: Path, ready: Prepared) -> Result:
    """Write what was found of the labels, and their split, in place of a training."""
    split = _made(out) / "split.geojson"
    write_split(split, ready)
    summary = {
        "labels": ready.report.as_dict(),
        "kind": ready.teaching.kind,
        "classes": list(ready.teaching.names),
        "tiles": len(ready.samples),
        "block_m": ready.split.block_m,
    }
    return Result({"split": str(split)}, summary)


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
    counts = {name: item["polygons"] + item["validation_polygons"] for name, item in ready.report.classes.items()}
    polygons = ", ".join(f"{count} {name}" for name, count in counts.items() if count)  # a background may need none
    is_new = ready.teaching.kind == "new"
    # the new model takes what it was taught with: of a raster that was never there it would say something untried
    used = tuple(item for item in spec.inputs if item.name in ready.samples[0].inputs)
    kept = "" if is_new else f" ({share_learnt(_taught_polygons(ready)):.0%} of it kept)"
    if history.joined is not None:
        kept = " until then, and after that, what had validated taught, too"
    return PackageInfo(
        name=package_name(job.name),
        version="1.0.0",
        inputs=used if len(used) > 1 else tuple(replace(item, optional=False) for item in used),
        outputs=ready.teaching.outputs,
        gsd=replace(spec.gsd, trained=ready.frame.grid.gsd),
        # what learnt on pictures as they are knows how sharp they are, and errs further off (the benchmark's NOTES.md)
        tile=replace(spec.tile, coarse_picture=spec.tile.coarse_picture and history.is_start and not is_new),
        title=job.name,
        description=f"{spec.title or spec.name}, taught on labelled polygons ({', '.join(ready.teaching.names)}).",
        licence=spec.licence,
        training_data=(
            f"Polygons by class: {polygons}. Seen through: {', '.join(item.name for item in used)}. "
            f"{len(ready.split.validation_blocks)} squares of {ready.split.block_m:g} m validated. "
            f"Settings: {job.mode}, seed {job.seed}, {history.entries[-1]['step']} steps{kept}. Before that: "
            f"{spec.training_data or 'see the model it began from'}"
        ),
        source=f"fine-tuned from {spec.name} {spec.version}",
        metrics=metrics,
    )


def _settings(job: FinetuneJob) -> dict[str, Any]:
    """Return the job without the places of files, which are nobody's business where a model is given on."""
    data = {key: value for key, value in to_dict(job).items() if key != "out"}
    for key in ("labels", "area", "rgb", "dsm"):
        item = getattr(job, key)
        data[key] = None if item is None else (item.name or Path(item.path).name)
    return {**data, "model": Path(job.model).name}


def _fingerprint(job: FinetuneJob, package: ModelPackage) -> str:
    """Return what tells this training from others: the job, and the state of all files that it reads."""
    data = {key: value for key, value in to_dict(job).items() if key not in ("out", "overwrite", "minutes")}
    data["state"] = STATE_VERSION
    data["weights"] = [item.sha256 for item in package.spec.weights]
    labels = [Path(item.path) for item in (job.labels, job.area) if item is not None]
    data["labels"] = [file_sha256(path) if path.is_file() else "" for path in labels]
    stats = [Path(item.path).stat() for item in (job.rgb, job.dsm) if item is not None and Path(item.path).exists()]
    data["rasters"] = [[stat.st_size, stat.st_mtime_ns] for stat in stats]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _device(wanted: str) -> str:
    if wanted in ("auto", "cpu"):
        return "cuda" if wanted == "auto" and torch.cuda.is_available() else "cpu"
    if wanted != "cuda":
        raise RidgelineError(
            ErrorCode.DEVICE_UNAVAILABLE, f"Nothing can be trained on {wanted!r}.", "Choose auto, cpu or cuda."
        )
    if not torch.cuda.is_available():
        raise RidgelineError(
            ErrorCode.DEVICE_UNAVAILABLE,
            "No graphics card that can be used for training was found.",
            "Choose the processor ('cpu').",
        )
    return wanted
