"""``ridgeline buildings``: building polygons of a class raster."""

from __future__ import annotations

import argparse

from ..feedback import Feedback
from ..jobs import BuildingOptions, ErrorCode, RasterInput, Result, RidgelineError, from_dict
from ..jobs.buildings import BuildingsJob
from .arguments import add_dsm, add_folder, add_protocol, add_region, dsm_of, folder_of, region_of
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--classes", metavar="FILE", help="a raster of class ids, such as land_cover.tif")
    parser.add_argument("--class", dest="building", metavar="ID", nargs="+", type=int, help="ids that mean building "
                        "(default: the class that the raster calls building, else all but nodata)")  # fmt: skip
    parser.add_argument("--roof-classes", metavar="FILE", help="a raster of roof class ids, such as roof_class.tif")
    add_dsm(parser)
    add_region(parser, "where the rasters overlap", "the class raster's")
    add_folder(parser, "results")
    defaults = BuildingOptions()
    parser.add_argument("--no-regularise", action="store_true", help="outlines as they come, corners not squared")
    for name, metavar, value, what in (
        ("--tolerance", "M", defaults.tolerance_m, "how far a regular outline may lie from the raw one, in metres"),
        ("--min-area", "M2", defaults.min_area_m2, "smaller buildings are dropped, in square metres"),
        ("--min-hole", "M2", defaults.min_hole_m2, "smaller holes are filled, in square metres"),
    ):
        parser.add_argument(name, metavar=metavar, type=float, default=value, help=f"{what} (default: %(default)s)")
    add_protocol(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("buildings", lambda: job_of(args), _work, args.events)


def job_of(args: argparse.Namespace) -> BuildingsJob:
    """Return the job that the arguments name.

    Raises:
        RidgelineError: (BAD_JOB), (INPUT_MISSING) for the job file.
    """
    if args.job is not None:
        return from_dict(BuildingsJob, load_json(args.job))
    if args.classes is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "There is no class raster.", "Name one with --classes.")
    return BuildingsJob(
        out=folder_of(args),
        classes=RasterInput(args.classes),
        building=tuple(args.building or ()),
        roof_classes=None if args.roof_classes is None else RasterInput(args.roof_classes),
        dsm=dsm_of(args),
        region=region_of(args),
        overwrite=args.overwrite,
        options=BuildingOptions(
            regularise=not args.no_regularise,
            tolerance_m=args.tolerance,
            min_area_m2=args.min_area,
            min_hole_m2=args.min_hole,
        ),
    )


def _work(job: BuildingsJob, feedback: Feedback) -> Result:
    from ..vector.buildings_job import run_buildings

    return run_buildings(job, feedback)
