"""``ridgeline benchmark confidence``: what it costs to leave out buildings that the model is not sure of."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..feedback import Feedback
from ..jobs.segment import DEFAULT_MODEL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--scenes", metavar="N", type=int, default=30, help="scenes to look at (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark and print a table."""
    from ..evaluation.confidence import measure
    from ..inference.runner import run_segment
    from ..models.package.library import find_model

    feedback = Feedback()
    rows = []
    print(f"{'seen':<6}{'below':>7}{'true buildings left out':>26}{'invented ones left out':>26}")
    for row in measure(find_model(args.model), lambda job: run_segment(job, feedback.silent()), args.scenes):
        rows.append(asdict(row))
        print(
            f"{row.mode:<6}{row.level:>7.2f}{f'{row.true_lost} of {row.true}':>26}"
            f"{f'{row.invented_gone} of {row.invented}':>26}"
        )
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    return 0
