"""``ridgeline benchmark preview``: first view, pans and clicks of the warm engine."""

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
    parser.add_argument("--pans", metavar="N", type=int, default=18, help="how many pans (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--folder", metavar="DIR", type=Path, help="where rasters are made and kept (default: nowhere)")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark."""
    from ..evaluation.preview import figures_text, measure_preview

    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ridgeline-preview-")))
        figures = measure_preview(args.model, folder, args.pans)
    print(figures_text(figures))
    if args.json is not None:
        machine = f"{platform.platform(terse=True)}, {platform.machine()}"
        record = {"ridgeline": __version__, "machine": machine, "model": args.model, **asdict(figures)}
        args.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0
