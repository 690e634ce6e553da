"""``ridgeline ground``: the ground under a surface model, and heights above it."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..feedback import Feedback
from ..jobs import ErrorCode, RasterInput, Result, RidgelineError, from_dict
from ..jobs.ground import GroundJob
from .jobrunner import load_json, run_job
from .segment import region_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--dsm", metavar="FILE", help="the surface model, heights in metres unless it says otherwise")
    parser.add_argument("--dsm-band", metavar="N", type=int, help="its band of heights")
    parser.add_argument(
        "--dsm-unit", choices=("metre", "foot", "us-foot"), help="unit of the heights where the file does not say it"
    )
    parser.add_argument(
        "--region",
        metavar="REGION",
        nargs="+",
        help="XMIN YMIN XMAX YMAX, or a vector file with polygons (default: all of the surface)",
    )
    parser.add_argument("--region-crs", metavar="CRS", help="CRS of the region (default: the DSM's, or the file's own)")
    parser.add_argument("--region-layer", metavar="NAME", help="layer of the vector file (default: its first)")
    parser.add_argument("--gsd", metavar="M", type=float, help="metres per pixel (default: the DSM's own)")
    parser.add_argument("--out", metavar="DIR", help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace results that are in the folder")
    parser.add_argument("--job", metavar="FILE", help="the job as JSON, in place of all the above")
    parser.add_argument("--events", action="store_true", help="speak JSON lines on standard output")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("ground", lambda: job_of(args), _work, args.events)


def job_of(args: argparse.Namespace) -> GroundJob:
    """Return the job that the arguments name.

    Raises:
        RidgelineError: (BAD_JOB), (INPUT_MISSING) for the job file.
    """
    if args.job is not None:
        return from_dict(GroundJob, load_json(args.job))
    if args.dsm is None or args.out is None:
        missing, option = ("surface model", "--dsm") if args.dsm is None else ("output folder", "--out")
        raise RidgelineError(ErrorCode.BAD_JOB, f"There is no {missing}.", f"Name one with {option}.")
    if args.gsd is not None and not args.gsd > 0:
        raise RidgelineError(ErrorCode.BAD_JOB, f"--gsd is {args.gsd}.", "Give a number of metres above 0.")
    bands = (args.dsm_band,) if args.dsm_band else ()
    return GroundJob(
        out=str(Path(args.out).expanduser()),
        dsm=RasterInput(args.dsm, bands=bands, vertical_unit=args.dsm_unit),
        region=region_of(args.region, args.region_crs, args.region_layer),
        gsd=args.gsd,
        overwrite=args.overwrite,
    )


def _work(job: GroundJob, feedback: Feedback) -> Result:
    from ..terrain.ground_job import run_ground

    return run_ground(job, feedback)
