"""The evaluate job from end to end: a run of the model, the comparison, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from ..feedback import Feedback
from ..inference.runner import run_segment
from ..jobs import BuildingOptions, ErrorCode, Region, Result, RidgelineError, SegmentJob
from ..jobs.evaluate import EvaluateJob
from ..models.package.library import find_model
from ..raster.checks import wanted_gsd
from ..raster.files import keep_existing
from ..raster.frame import plan_frame
from ..raster.gdal_env import gdal_env
from ..training.finetune.labels import read_area, read_labels, told, within_area
from .against_polygons import (
    BUILDING,
    Ground,
    Target,
    choose_target,
    count_pixels,
    faults_by_majority,
    found_buildings,
    found_patches,
    seen_ground,
    true_shapes,
    without_hidden,
)
from .confusion_picture import confusion_svg
from .error_layer import write_errors
from .objects import ObjectScores, Shape, compare_objects
from .polygon_report import as_markdown, as_values

RUN = "run"
REPORT = "evaluation.json"


def run_evaluate(job: EvaluateJob, feedback: Feedback) -> Result:
    """Run the model where the polygons are and write what is right and wrong.

    Raises:
        RidgelineError: for every fault of model, rasters and polygons; OUTPUT_EXISTS if there is a report already.
        Cancelled: if the user wants to stop; the run goes on from there the next time.
    """
    out = Path(job.out)
    keep_existing(out, [REPORT], job.overwrite)
    if job.rgb is None and job.dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "The job names no raster.", "Name an RGB, a DSM, or both.")
    spec = find_model(job.model).spec
    with gdal_env():
        crs = plan_frame(job.rgb, job.dsm, None, wanted_gsd(job.gsd, spec.gsd)).grid.crs
        ground, known = _ground(job, crs)
        target = choose_target(spec, ground.labels.names)
        for code, text in told(ground.labels):
            feedback.warn(code, text)
        extent = ground.region if ground.region is not None else shapely.union_all(list(ground.labels.polygons))
        run = SegmentJob(
            out=str(out / RUN),
            rgb=job.rgb,
            dsm=job.dsm,
            region=Region(wkt=shapely.to_wkt(shapely.box(*extent.bounds), rounding_precision=3), crs=crs.to_wkt()),
            model=job.model,
            gsd=job.gsd,
            device=job.device,
            overwrite=job.overwrite,
            buildings=BuildingOptions(enabled=_needs_buildings(target)),
        )
        run_segment(run, feedback)
        feedback.progress(0, 1, "comparisons", "comparing")
        found = _found(out / RUN, target, ground)
        counts = count_pixels(out / RUN, target, ground, found)
        if not counts.matrix.any():
            raise RidgelineError(
                ErrorCode.NO_OVERLAP,
                "No labelled pixel lies where the rasters hold data.",
                "Check the CRS of the polygons, and that they show the same place.",
            )
        things: ObjectScores | None = None
        if _counts_things(target):
            truth, hidden = true_shapes(target, ground, seen_ground(out / RUN, target))
            things = compare_objects(truth, without_hidden(found, hidden), complete=ground.region is not None)
        faults = list(things.faults) if things is not None else []
        if target.kind == "land_cover":
            faults += faults_by_majority(target, ground, counts)
    about = {"model": f"{spec.title or spec.name} {spec.version}", "truth": _name(job), "known": known}
    values = as_values(counts, things, faults, about)
    files = {"report": REPORT, "table": "evaluation.md", "picture": "confusion.svg", "errors": "errors.gpkg"}
    write_errors(out / files["errors"], faults, crs)
    title = f"{about['model']} against {about['truth']}"
    (out / files["table"]).write_text(as_markdown(values), encoding="utf-8")
    (out / files["picture"]).write_text(confusion_svg(counts.names, counts.matrix, title), encoding="utf-8")
    (out / REPORT).write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")
    feedback.progress(1, 1, "comparisons", "comparing")
    summary = {key: values[key] for key in ("model", "known", "mean_iou", "accuracy", "classes", "objects", "faults")}
    return Result({name: str(out / file) for name, file in files.items()}, summary)


def _ground(job: EvaluateJob, crs: object) -> tuple[Ground, str]:
    """Return the truth, and a sentence that says where it is taken as known."""
    labels = read_labels(job.truth, job.field, job.classes, crs)
    region: BaseGeometry | None = None
    if job.area is not None:
        region = read_area(job.area, crs)
        labels = within_area(labels, region)
        known = "Everything in the area is taken as labelled; nothing outside it counts."
    elif job.sparse:
        known = "Only what lies in polygons counts, so nothing can be called invented."
    else:
        region = shapely.box(*shapely.total_bounds(list(labels.polygons)))
        known = "No area was given: everything in the box around the polygons is taken as labelled."
    return Ground(labels, region, crs), known


def _found(run: Path, target: Target, ground: Ground) -> list[Shape]:
    if _needs_buildings(target):
        return found_buildings(run / "buildings.gpkg", target.kind == "roof_class", ground)
    return found_patches(run, target, ground) if target.kind == "classes" else []


def _needs_buildings(target: Target) -> bool:
    return target.kind in ("building", "roof_class") or (target.kind == "land_cover" and BUILDING in target.names)


def _counts_things(target: Target) -> bool:
    return target.kind == "classes" or _needs_buildings(target)


def _name(job: EvaluateJob) -> str:
    return job.truth.name or Path(job.truth.path).name
