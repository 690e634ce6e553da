"""``ridgeline benchmark finetune``: what fine-tuning reaches on ground that taught nothing, before and after."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..feedback import Feedback
from ..jobs import ErrorCode, RidgelineError
from ..jobs.finetune import MODES
from ..jobs.segment import DEFAULT_MODEL
from .progressbar import ProgressBar

if TYPE_CHECKING:
    from ..evaluation.suite import Row

PARTS = ("footprints", "new-classes", "roofs")
AREAS = ("fair", "region1", "region5")
SURFACES = ("auto", "always", "never")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--part", choices=PARTS, action="append", help="what to measure (default: all); repeatable")
    parser.add_argument("--area", choices=AREAS, action="append", help="footprints: of where (default: all)")
    parser.add_argument("--mode", choices=MODES, action="append", help="what learns (default: head)")
    parser.add_argument(
        "--buildings", metavar="N", nargs="*", type=int, help="footprints: only so many labelled (default: 10 25 50)"
    )
    parser.add_argument("--only-few", action="store_true", help="footprints: leave the whole half out")
    parser.add_argument("--swap", action="store_true", help="footprints: the east teaches and the west tests")
    parser.add_argument(
        "--on-itself", action="store_true", help="footprints: the half that tests teaches as well: how far labels lead"
    )
    parser.add_argument("--town", metavar="SEED", type=int, nargs="+", default=[11], help="new-classes: which towns")
    parser.add_argument(
        "--surface",
        choices=SURFACES,
        default="auto",
        help="new-classes: whether they are taught with the surface; auto: the training chooses (default: %(default)s)",
    )
    parser.add_argument("--minutes", type=float, default=4.0, help="of each training at most (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="of each training exactly, in place of --minutes")
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--data",
        metavar="DIR",
        default=os.environ.get("RIDGELINE_DATA", "../shared/data"),
        help="folder of the real sample data (default: %(default)s)",
    )
    parser.add_argument("--folder", metavar="DIR", help="keep what is written here (default: a temporary folder)")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON too")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark, printing each row when it is known.

    Raises:
        RidgelineError: (INPUT_MISSING) if the sample data is not there.
    """
    from ..evaluation.table import as_json, as_text

    if not (Path(args.data) / "footprints").is_dir():
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            f"The folder {args.data!r} does not hold the real sample data.",
            "Name its folder with --data, or set RIDGELINE_DATA.",
        )
    rows = []
    feedback = Feedback(ProgressBar(sys.stderr, sys.stdout).show)
    with tempfile.TemporaryDirectory(prefix="ridgeline-finetune-") as scratch:
        for row in _rows(args, Path(args.folder or scratch), feedback):
            rows.append(row)
            print(as_text([row]), flush=True)
            if args.json:  # after each row, since a whole run takes long
                Path(args.json).write_text(json.dumps(as_json(rows), indent=1) + "\n", encoding="utf-8")
    return 0


def _rows(args: argparse.Namespace, scratch: Path, feedback: Feedback) -> Iterator[Row]:
    from ..training.finetune_benchmark.trial import Trial

    data, parts = Path(args.data), args.part or PARTS
    modes = args.mode or ["head"]
    trial = Trial(args.model, modes, args.minutes, args.steps, args.device, args.surface)
    if "footprints" in parts:
        from ..training.finetune_benchmark.footprints import FEW, measure_footprints

        counts = [*(() if args.only_few else (None,)), *(FEW if args.buildings is None else args.buildings)]
        halves = {"swapped": args.swap, "on_itself": args.on_itself}
        yield from measure_footprints(data, scratch, args.area or AREAS, trial, feedback, counts, **halves)
    if "new-classes" in parts:
        from ..training.finetune_benchmark.new_classes import measure_new_classes

        for seed in args.town:
            yield from measure_new_classes(scratch / f"town-{seed}", seed, trial, feedback)
    if "roofs" in parts:
        from ..training.finetune_benchmark.roof_types import measure_roof_types

        yield from measure_roof_types(data, scratch / "roofs", trial, feedback)
