"""``ridgeline benchmark pixels``: at which pixel size buildings are found best, by that of the rasters."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ..feedback import Feedback
from ..jobs.segment import DEFAULT_MODEL

SIZES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--towns", metavar="N", type=int, default=8, help="towns to look at (default: %(default)s)")
    parser.add_argument("--gsd", metavar="M", type=float, nargs="+", default=SIZES, help="pixel sizes of the runs")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark and print a table: a line for each pair of rasters, a column for each run's pixel size."""
    from ..evaluation.pixel_sizes import measure
    from ..inference.runner import run_segment
    from ..models.package.library import find_model

    feedback = Feedback()
    sizes: tuple[float | None, ...] = (*args.gsd, None)
    rows = list(
        measure(find_model(args.model), lambda job: run_segment(job, feedback.silent()), args.towns, sizes, feedback)
    )
    print(f"{'picture':>9}{'surface':>9}" + "".join(f"{f'{size:g} m' if size else 'as chosen':>11}" for size in sizes))
    for rgb, dsm in dict.fromkeys((row.rgb, row.dsm) for row in rows):
        values = [row.iou for row in rows if (row.rgb, row.dsm) == (rgb, dsm)]
        names = (f"{native:g} m" if native else "none" for native in (rgb, dsm))
        print("".join(f"{name:>9}" for name in names) + "".join(f"{value:>11.3f}" for value in values))
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=2) + "\n", encoding="utf-8")
    return 0
