"""``ridgeline benchmark speed``: whole runs against the bare network over the same tiles."""

from __future__ import annotations

import argparse
import json
import platform
from dataclasses import asdict
from pathlib import Path

from .. import __version__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows there too")
    parser.add_argument("--only", metavar="ROW", nargs="+", help="measure these rows only")
    parser.add_argument(
        "--folder", metavar="DIR", type=Path, help="where rasters are made and kept (default: none kept)"
    )
    parser.add_argument("--measure", help=argparse.SUPPRESS)  # one row in this process


def run(args: argparse.Namespace) -> int:
    """Run the benchmark."""
    from ..evaluation.speed import ROWS, SpeedRow, measure, run_speed, table_text

    if args.measure:
        print(json.dumps(measure(args.measure, args.folder)))
        return 0
    if args.folder is not None:
        args.folder.mkdir(parents=True, exist_ok=True)

    def report(row: SpeedRow) -> None:
        print(table_text([row]).splitlines()[-1], flush=True)

    print(table_text([]), flush=True)
    rows = run_speed(args.only or list(ROWS), report, args.folder)
    if args.json is not None:
        record = {
            "ridgeline": __version__,
            "machine": f"{platform.platform(terse=True)}, {platform.machine()}",
            "rows": [{key: value for key, value in asdict(row).items() if value is not None} for row in rows],
        }
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0
