"""``ridgeline ground``: the ground under a surface model, and heights above it."""

from __future__ import annotations

import argparse

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from ..jobs.ground import GroundJob
from .arguments import add_dsm, add_folder, add_protocol, add_region, dsm_of, folder_of, region_of
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_dsm(parser)
    add_region(parser, "all of the surface", "the DSM's")
    parser.add_argument("--gsd", metavar="M", type=float, help="metres per pixel (default: the DSM's own)")
    add_folder(parser, "results")
    add_protocol(parser)


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
    dsm = dsm_of(args)
    if dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "There is no surface model.", "Name one with --dsm.")
    if args.gsd is not None and not args.gsd > 0:
        raise RidgelineError(ErrorCode.BAD_JOB, f"--gsd is {args.gsd}.", "Give a number of metres above 0.")
    return GroundJob(
        out=folder_of(args),
        dsm=dsm,
        region=region_of(args),
        gsd=args.gsd,
        overwrite=args.overwrite,
    )


def _work(job: GroundJob, feedback: Feedback) -> Result:
    from ..terrain.ground_job import run_ground

    return run_ground(job, feedback)
