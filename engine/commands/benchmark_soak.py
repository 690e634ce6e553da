"""``ridgeline benchmark soak``: memory of the warm engine over an hour of panning, zooming and clicking."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from .. import __version__
from ..jobs.segment import DEFAULT_MODEL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name, or its folder (default: %(default)s)")
    parser.add_argument("--minutes", metavar="N", type=_positive, default=60.0, help="how long (default: %(default)s)")
    parser.add_argument("--pause", metavar="S", type=float, default=0.0, help="seconds of rest between two views")
    parser.add_argument("--switch", action="store_true", help="switch one of the two layers off and on, too")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of all that is random (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where rasters are made and kept (default: nowhere)")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark; a line a minute, the figures at the end."""
    from ..evaluation.soak import Moment, soak

    def tell(moment: Moment) -> None:
        print(f"{moment.minute:6.1f} min{moment.memory_mb:8.0f} MB{moment.requests:8d} requests", flush=True)

    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ridgeline-soak-")))
        figures = soak(args.model, folder, args.minutes, args.pause, args.seed, args.switch, tell)
    print(
        f"{figures.requests} requests, {figures.tiles} tiles in {figures.minutes:g} minutes; memory after the first "
        f"view {figures.first_mb:.0f} MB, warm {figures.warm_mb:.0f} MB, since then at most {figures.most_mb:.0f} MB "
        f"({100 * figures.growth:+.1f} %), at last {figures.last_mb:.0f} MB; within a request up to "
        f"{figures.peak_mb:.0f} MB"
    )
    if args.json is not None:
        machine = f"{platform.platform(terse=True)}, {platform.machine()}"
        record = {"ridgeline": __version__, "machine": machine, "model": args.model, **asdict(figures)}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value
