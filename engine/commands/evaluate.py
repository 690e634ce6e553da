"""``ridgeline evaluate``: what a model reaches, against polygons of one's own or on areas with known truth."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, SegmentJob, from_dict
from ..jobs.evaluate import EvaluateJob
from ..jobs.finetune import PolygonLayer
from ..jobs.segment import DEFAULT_MODEL
from .arguments import add_dsm, add_events, add_rgb, dsm_of, rgb_of
from .finetune import class_mapping
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: %(default)s)")
    add_events(parser)
    own = parser.add_argument_group("against polygons of your own")
    own.add_argument("--truth", metavar="FILE", help="polygons that say what is where")
    add_rgb(own)
    add_dsm(own)
    own.add_argument("--field", metavar="NAME", help="the field that says the class (default: all are buildings)")
    own.add_argument("--map", metavar="VALUE=CLASS", nargs="+", default=[], help="what values mean")
    own.add_argument("--area", metavar="FILE", help="polygons in which everything is labelled")
    own.add_argument("--sparse", action="store_true", help="only what lies in polygons is known")
    own.add_argument("--gsd", metavar="M", type=float, help="metres per pixel (default: the model's)")
    own.add_argument("--out", metavar="DIR", help="folder for report, picture and the layer of errors")
    own.add_argument("--overwrite", action="store_true", help="replace an evaluation that is in the folder")
    own.add_argument("--job", metavar="FILE", help="the job as JSON, in place of all the above")
    suite = parser.add_argument_group("on areas with known truth")
    suite.add_argument("--suite", choices=("shared",), default="shared", help="which areas (default: %(default)s)")
    suite.add_argument("--only", metavar="PART", help="surfaces, pictures, cameras, empty, roofs or speed")
    suite.add_argument(
        "--data",
        metavar="DIR",
        default=os.environ.get("RIDGELINE_DATA", "../shared/data"),
        help="folder of the real sample data (default: %(default)s)",
    )
    suite.add_argument("--json", metavar="FILE", help="write the table as JSON too")
    suite.add_argument("--markdown", metavar="FILE", help="write the table as Markdown too")
    suite.add_argument("--store", action="store_true", help="put the table into the model's card")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.truth is not None or args.job is not None or args.out is not None:
        return run_job("evaluate", lambda: job_of(args), _evaluate, args.events)
    return run_job("evaluate", lambda: args, _suite, args.events)


def job_of(args: argparse.Namespace) -> EvaluateJob:
    """Return the job that the arguments name.

    Raises:
        RidgelineError: (BAD_JOB), (INPUT_MISSING) for the job file.
    """
    if args.job is not None:
        return from_dict(EvaluateJob, load_json(args.job))
    for name in ("truth", "out"):
        if getattr(args, name) is None:
            raise RidgelineError(ErrorCode.BAD_JOB, f"--{name} is missing.", f"Name it with --{name}.")
    if args.sparse and args.area:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            "--sparse and --area contradict each other.",
            "Give an area where all is labelled, or not.",
        )
    return EvaluateJob(
        out=str(Path(args.out).expanduser()),
        truth=PolygonLayer(args.truth),
        rgb=rgb_of(args),
        dsm=dsm_of(args),
        model=args.model,
        field=args.field,
        classes=tuple(class_mapping(word) for word in args.map),
        area=PolygonLayer(args.area) if args.area else None,
        sparse=args.sparse,
        gsd=args.gsd,
        device=args.device,
        overwrite=args.overwrite,
    )


def _evaluate(job: EvaluateJob, feedback: Feedback) -> Result:
    from ..evaluation.evaluate_job import run_evaluate

    return run_evaluate(job, feedback)


def _suite(args: argparse.Namespace, feedback: Feedback) -> Result:
    from ..evaluation.store import store_rows
    from ..evaluation.suite import run_suite
    from ..evaluation.table import as_json, as_markdown, as_text
    from ..inference.runner import run_segment
    from ..models.package.library import find_model

    data = Path(args.data)
    if not (data / "real").is_dir():
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            f"The folder {args.data!r} does not hold the real sample data.",
            "Name its folder with --data, or set RIDGELINE_DATA.",
        )

    def segment(job: SegmentJob) -> None:
        run_segment(job, feedback.silent())

    rows = []
    package = find_model(args.model)
    for row in run_suite(data, package, segment, args.device, args.only):
        rows.append(row)
        feedback.progress(len(rows), max(len(rows) + 1, 40), "rows", "evaluating")
    text = as_text(rows)
    for target, content in ((args.json, json.dumps(as_json(rows), indent=1)), (args.markdown, as_markdown(rows))):
        if target is not None:
            Path(target).write_text(content + "\n", encoding="utf-8")
    if args.store:
        store_rows(package, rows)
    return Result({"json": args.json} if args.json else {}, {"table": "\n" + text})
