"""Buildings of another continent from a picture alone: one half of an area teaches, the other tests."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...evaluation.evaluate_job import run_evaluate
from ...evaluation.suite import Row
from ...feedback import Feedback
from ...jobs import RasterInput
from ...jobs.evaluate import EvaluateJob
from ...jobs.finetune import FinetuneJob, PolygonLayer
from ..finetune.run import run_finetune
from .halves import Half, Mosaic, cut, outermost, read_mosaic, together, write_half, write_picture
from .trial import Trial

AREAS = {
    "fair": ("fair_z20_0", "fair_z20_1"),
    "region1": ("region1_z19_0", "region1_z19_1"),
    "region5": ("region5_z19_0", "region5_z19_1"),
}
"""The mosaics of each area (`evaluation.areas` says whose they are); the finest of each place."""

LEAST_GAIN, LEAST_IOU, MOST_MINUTES = 0.10, 0.60, 5.0
FEW = (10, 25, 50)


@dataclass(frozen=True)
class _Area:
    name: str
    picture: Path
    mosaics: tuple[Mosaic, ...]
    cuts: tuple[tuple[Half, Half], ...]
    folder: Path

    def teaching(self, count: int | None, swapped: bool) -> Half:
        """The half that teaches, or the outermost part of it with ``count`` buildings, shared among the mosaics."""
        halves = [pair[1 if swapped else 0] for pair in self.cuts]
        if count is None:
            return together(halves)
        shares = [(count + i) // len(halves) for i in range(len(halves))]
        return together([outermost(*item, from_east=swapped) for item in zip(self.mosaics, halves, shares)])

    def testing(self, swapped: bool) -> Half:
        """The half that tests."""
        return together([pair[0 if swapped else 1] for pair in self.cuts])

    def layers(self, name: str, half: Half) -> tuple[PolygonLayer, PolygonLayer]:
        """Write a half; return its buildings and its ground."""
        labels, ground = self.folder / f"{name}.gpkg", self.folder / f"{name}_ground.gpkg"
        write_half(half, self.mosaics[0].crs, labels, ground)
        return PolygonLayer(str(labels)), PolygonLayer(str(ground))


def measure_footprints(
    data: Path,
    scratch: Path,
    areas: Sequence[str],
    trial: Trial,
    feedback: Feedback,
    counts: Sequence[int | None] = (None, *FEW),
    swapped: bool = False,
    on_itself: bool = False,
) -> Iterator[Row]:
    """Fine-tune on a half of each area and measure the building IoU of whole runs on the other half.

    Args:
        data: folder of the real sample data.
        scratch: folder for what is written.
        areas: names among `AREAS`.
        trial: what is tried.
        feedback: told of progress; may cancel.
        counts: numbers of labelled buildings; None: the whole half.
        swapped: whether the east teaches and the west tests.
        on_itself: let the half that tests teach as well: no test of the method, but how far its labels can lead.

    Yields:
        IoU before, then IoU after, gain and time of each training.

    Raises:
        RidgelineError: if a training or a run fails.
    """
    for name in areas:
        area = _prepared(data, scratch / name, name)
        truth, ground = area.layers("test", area.testing(swapped))
        before = _iou(area, trial.model, truth, ground, trial.device, feedback)
        yield Row(name, "building IoU before", before)
        for mode in trial.modes:
            for count in counts:
                what = f"{mode}, {'half' if count is None else f'{count} buildings'}"
                out = area.folder / f"model-{mode}-{count}"
                labels, taught = area.layers(f"teach-{count}", area.teaching(count, swapped != on_itself))
                job = FinetuneJob(
                    out=str(out),
                    labels=labels,
                    area=taught,
                    rgb=RasterInput(str(area.picture)),
                    name=f"{name} {mode} {count}",
                )
                wall, processor = time.perf_counter(), time.process_time()
                summary = run_finetune(trial.applied(job, mode), feedback.silent()).summary
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
                after = _iou(area, str(out), truth, ground, trial.device, feedback)
                whole = count is None and not on_itself
                yield Row(name, f"building IoU after: {what}", after, LEAST_IOU if whole else None)
                yield Row(name, f"gain: {what}", after - before, LEAST_GAIN if whole else None)
                yield Row(name, f"minutes: {what}", wall / 60, MOST_MINUTES, at_most=True)
                yield Row(name, f"processor minutes: {what}", processor / 60)
                yield Row(name, f"steps until the best: {what}", float(summary["best_step"]))


def _prepared(data: Path, folder: Path, name: str) -> _Area:
    folder.mkdir(parents=True, exist_ok=True)
    prints = data / "footprints"
    mosaics = tuple(
        read_mosaic(prints / f"{item}_rgb.tif", prints / f"{item}_buildings.geojson") for item in AREAS[name]
    )
    write_picture(mosaics, folder / "picture.tif")
    return _Area(name, folder / "picture.tif", mosaics, tuple(cut(item) for item in mosaics), folder)


def _iou(area: _Area, model: str, truth: PolygonLayer, ground: PolygonLayer, device: str, feedback: Feedback) -> float:
    """Return the building IoU of a whole run of a model, as anyone would measure it with *Evaluate*."""
    job = EvaluateJob(
        out=str(area.folder / "evaluation"),
        truth=truth,
        area=ground,
        rgb=RasterInput(str(area.picture)),
        model=model,
        device=device,
        overwrite=True,
    )
    return float(run_evaluate(job, feedback.silent()).summary["classes"]["building"]["iou"])
