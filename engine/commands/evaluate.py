"""``ridgeline evaluate``: what a model reaches on areas with known truth."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, SegmentJob
from ..jobs.segment import DEFAULT_MODEL
from .jobrunner import run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--suite", choices=("shared",), default="shared", help="which areas (default: %(default)s)")
    parser.add_argument("--only", metavar="PART", help="surfaces, pictures, empty, roofs or speed")
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument(
        "--data",
        metavar="DIR",
        default=os.environ.get("RIDGELINE_DATA", "../shared/data"),
        help="folder of the real sample data (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON too")
    parser.add_argument("--markdown", metavar="FILE", help="write the table as Markdown too")
    parser.add_argument("--events", action="store_true", help="speak JSON lines on standard output")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("evaluate", lambda: args, _work, args.events)


def _work(args: argparse.Namespace, feedback: Feedback) -> Result:
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
    for row in run_suite(data, find_model(args.model), segment, args.device, args.only):
        rows.append(row)
        feedback.progress(len(rows), max(len(rows) + 1, 40), "rows", "evaluating")
    text = as_text(rows)
    for target, content in ((args.json, json.dumps(as_json(rows), indent=1)), (args.markdown, as_markdown(rows))):
        if target is not None:
            Path(target).write_text(content + "\n", encoding="utf-8")
    return Result({"json": args.json} if args.json else {}, {"table": "\n" + text})
