"""``ridgeline benchmark scenes``: how many training chips one core draws in a second."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--count", type=int, default=200, help="chips to draw (default 200)")
    parser.add_argument("--size", type=int, default=256, help="pixels of a chip's side (default 256)")
    parser.add_argument("--margin", type=int, default=0, help="pixels of context around its heights (default 0)")
    parser.add_argument("--by-style", action="store_true", help="tell each kind of place apart")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Draw chips on one core and print the rate by wall clock and by processor time."""
    from ..scenes.chip import SceneConfig, make_chip
    from ..scenes.styles import STYLES

    base = SceneConfig(size=args.size, margin=args.margin)
    runs = {"usual mix": base}
    if args.by_style:
        runs |= {name: SceneConfig(size=args.size, margin=args.margin, styles={name: 1.0}) for name in STYLES}
    make_chip(0, 0, base)  # the noise fields are made once per process
    rows = []
    print(f"{'kind of place':<18}{'chips/s':>9}{'chips per cpu second':>22}")
    for name, config in runs.items():
        count = args.count if name == "usual mix" else max(args.count // 10, 5)
        wall, cpu = time.perf_counter(), time.process_time()
        for index in range(count):
            make_chip(1, index, config)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name:<18}{count / wall:>9.1f}{count / cpu:>22.1f}")
        rows.append({"name": name, "chips_per_s": count / wall, "chips_per_cpu_s": count / cpu})
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")
    return 0
