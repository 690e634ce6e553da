"""``ridgeline benchmark scale``: huge rasters, a square kilometre of town, many polygons, many regions."""

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
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where inputs and results are kept (default: none)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)  # one row in this process


def run(args: argparse.Namespace) -> int:
    """Run the benchmark."""
    from ..evaluation.scale import ROWS, row_text, run_scale

    if args.measure:
        print(json.dumps(ROWS[args.measure](args.folder)))
        return 0
    rows = run_scale(args.only or list(ROWS), lambda row: print(row_text(row), flush=True), args.folder)
    if args.json is not None:
        machine = f"{platform.platform(terse=True)}, {platform.machine()}"
        record = {"ridgeline": __version__, "machine": machine, "rows": [asdict(row) for row in rows]}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0
