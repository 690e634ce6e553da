"""``ridgeline benchmark ground``: error of the estimated ground against the true one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        default=os.environ.get("RIDGELINE_DATA", "../shared/data"),
        help="folder of real sample data (default: RIDGELINE_DATA, else %(default)s)",
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark and print a table."""
    from ..evaluation.ground import measure

    real = (args.data / "terrain").is_dir()
    if not real:
        print(f"There is no sample data in {args.data}: made areas only.", file=sys.stderr)
    rows = measure(args.data if real else None)
    print(f"{'area':<15} {'method':<10} {'MAE':>6} {'RMSE':>6} {'p95':>6} {'>1 m':>6} {'roofs':>6} {'Mpx/s':>6}")
    for row in rows:
        print(
            f"{row['area']:<15} {row['method']:<10} {row['mae_m']:6.3f} {row['rmse_m']:6.3f} {row['p95_m']:6.2f} "
            f"{100 * float(row['over_1m_share']):5.1f}% {row['mae_under_buildings_m']:6.3f} {row['mpx_per_s']:6.1f}"
        )
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    return 0
