"""``ridgeline segment``: rasters in, class rasters and building polygons out."""

from __future__ import annotations

import argparse

from ..feedback import Feedback
from ..jobs import (
    BuildingOptions,
    ErrorCode,
    Result,
    RidgelineError,
    SegmentJob,
    from_dict,
)
from ..jobs.segment import DEFAULT_MODEL, LOOKS
from .arguments import add_dsm, add_folder, add_protocol, add_region, add_rgb, dsm_of, folder_of, region_of, rgb_of
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    group = parser.add_argument_group("what to work on")
    add_rgb(group)
    add_dsm(group)
    add_region(group, "where the rasters overlap", "the RGB's")
    add_folder(group, "results")

    group = parser.add_argument_group("how")
    group.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    group.add_argument("--gsd", metavar="M", type=float, help="metres per pixel (default: what the model asks for)")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: %(default)s)")
    group.add_argument("--runtime", default="auto", help="auto, onnx or torch (default: %(default)s)")
    group.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (default: %(default)s)")
    group.add_argument(
        "--looks", metavar="N", type=int, choices=LOOKS,
        help="how often to look at each tile, turned each time: 1, 2, 4 or 8 (default: what the model advises)",
    )  # fmt: skip
    group.add_argument("--batch", metavar="N", type=int, help="tiles computed at once (default: by the device)")
    group.add_argument("--threads", metavar="N", type=int, help="processor threads (default: all)")
    group.add_argument(
        "--skip-empty", action="store_true", help="with a DSM: leave out tiles where nothing stands above the ground"
    )

    group = parser.add_argument_group("results")
    defaults = BuildingOptions()
    group.add_argument("--keep-heights", action="store_true", help="write height_above_ground.tif too")
    group.add_argument("--no-buildings", action="store_true", help="no building polygons")
    group.add_argument("--no-regularise", action="store_true", help="outlines as they come, corners not squared")
    group.add_argument(
        "--tolerance", metavar="M", type=float, default=defaults.tolerance_m,
        help="how far a regular outline may lie from the raw one, in metres (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--min-area", metavar="M2", type=float, default=defaults.min_area_m2,
        help="smaller buildings are left out of outlines and roof classes, in square metres (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--min-confidence", metavar="P", type=float,
        help="less certain buildings are dropped, 0 (none) to 1 (default: what the model advises)",
    )  # fmt: skip

    group = parser.add_argument_group("for programs")
    add_protocol(group)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("segment", lambda: job_of(args), _work, args.events)


def job_of(args: argparse.Namespace) -> SegmentJob:
    """Return the job that the arguments name.

    Raises:
        RidgelineError: (BAD_JOB), (INPUT_MISSING) for the job file.
    """
    if args.job is not None:
        return from_dict(SegmentJob, load_json(args.job))
    out = folder_of(args)
    for name in ("batch", "threads"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise RidgelineError(ErrorCode.BAD_JOB, f"--{name} is {value}.", "Give a whole number from 1.")
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        raise RidgelineError(
            ErrorCode.BAD_JOB, f"--min-confidence is {args.min_confidence}.", "Give a number from 0 to 1."
        )
    return SegmentJob(
        out=out,
        rgb=rgb_of(args),
        dsm=dsm_of(args),
        region=region_of(args),
        model=args.model,
        gsd=args.gsd,
        device=args.device,
        runtime=args.runtime,
        precision=args.precision,
        looks=args.looks,
        batch=args.batch,
        threads=args.threads,
        skip_empty=args.skip_empty,
        keep_heights=args.keep_heights,
        overwrite=args.overwrite,
        buildings=BuildingOptions(
            enabled=not args.no_buildings,
            regularise=not args.no_regularise,
            tolerance_m=args.tolerance,
            min_area_m2=args.min_area,
            min_confidence=args.min_confidence,
        ),
    )


def _work(job: SegmentJob, feedback: Feedback) -> Result:
    from ..inference.runner import run_segment

    return run_segment(job, feedback)
