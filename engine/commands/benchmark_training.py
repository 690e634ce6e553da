"""``ridgeline benchmark training``: images per second, memory, and the share of the processor's peak."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..feedback import Feedback
from ..jobs import ErrorCode, RidgelineError, to_dict
from .progressbar import ProgressBar

if TYPE_CHECKING:
    from ..training.speed import SpeedCase


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument(
        "--case",
        action="append",
        metavar="NAME:SIZE:BATCH",
        help="an architecture, side of a chip and batch, such as swin_base:192:128; may be repeated",
    )
    parser.add_argument("--steps", type=int, default=5, help="timed steps a case (default: %(default)s)")
    parser.add_argument("--fp32", action="store_true", help="compute in float32 instead of bfloat16")
    parser.add_argument("--compile", action="store_true", help="pass networks through torch.compile")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the benchmark."""
    from ..training.distributed import join_world
    from ..training.speed import default_cases, measure_training

    with join_world(args.device) as world:
        cases = [_case(text) for text in args.case] if args.case else default_cases(world.device)
        feedback = Feedback(ProgressBar(sys.stderr, sys.stdout).show)
        results = measure_training(cases, world.device, not args.fp32, args.steps, args.compile, feedback)
    print("architecture  size  batch  parameters  images/s  memory MB  GFLOP fwd/bwd  TFLOP/s  of peak")
    for result in results:
        case = result.case
        print(
            f"{case.architecture:<12}  {case.size:>4}  {case.batch:>5}  {result.parameters / 1e6:>8.1f} M  "
            f"{result.images_per_s:>8.2f}  {result.peak_memory_mb:>9.0f}  "
            f"{result.forward_gflop:>6.1f}/{result.backward_gflop:<6.1f}  {result.tflop_per_s:>7.2f}  "
            f"{result.peak_share:>7.1%}"
        )
    first = results[0]
    print(f"{first.device}, {first.precision}; a matrix product reaches {first.peak_tflop_per_s:.2f} TFLOP/s")
    if args.json is not None:
        args.json.write_text(json.dumps([to_dict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    return 0


def _case(text: str) -> SpeedCase:
    from ..training.speed import SpeedCase

    try:
        name, size, batch = text.split(":")
        return SpeedCase(name, int(size), int(batch))
    except ValueError as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB, f"--case {text!r} cannot be read.", "Write NAME:SIZE:BATCH, such as swin_base:192:128."
        ) from fault
