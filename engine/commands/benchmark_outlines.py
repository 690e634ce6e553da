"""``ridgeline benchmark outlines``: how close regular outlines come to the truth."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--count", metavar="N", type=int, default=100, help="houses (default: %(default)s)")
    parser.add_argument("--gsd", metavar="M", type=float, default=0.25, help="metres per pixel (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark and print a table."""
    from ..evaluation.outlines import measure

    rows = measure(args.count, args.gsd)
    print(f"{'outlines':<20} {'rough px':>8} {'IoU':>7} {'least':>7} {'corners':>8} {'ms each':>8}")
    for row in rows:
        print(
            f"{row['name']:<20} {row['roughness_px']:8.1f} {row['iou_mean']:7.4f} {row['iou_least']:7.4f} "
            f"{row['corners']:8.1f} {row['ms_each']:8.2f}"
        )
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    return 0
