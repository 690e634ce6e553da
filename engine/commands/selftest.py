"""``ridgeline selftest``: does everything work, on which device, how fast?"""

from __future__ import annotations

import argparse

from ..feedback import Feedback
from ..jobs import RasterInput, Result, from_dict
from ..jobs.segment import DEFAULT_MODEL
from ..jobs.selftest import SelftestJob
from .arguments import add_protocol
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name, or its folder (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, … (default: %(default)s)")
    parser.add_argument("--runtime", default="auto", help="auto, onnx or torch (default: %(default)s)")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, bf16 or int8 (default: %(default)s)")
    parser.add_argument("--threads", metavar="N", type=int, help="processor threads (default: all)")
    parser.add_argument("--rgb", metavar="FILE", help="a picture in place of the sample area's")
    parser.add_argument("--dsm", metavar="FILE", help="a surface in place of the sample area's")
    parser.add_argument("--out", metavar="DIR", help="keep the results in this folder")
    add_protocol(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""

    def load() -> SelftestJob:
        if args.job:
            return from_dict(SelftestJob, load_json(args.job))
        return SelftestJob(
            model=args.model,
            device=args.device,
            runtime=args.runtime,
            precision=args.precision,
            threads=args.threads,
            rgb=RasterInput(args.rgb) if args.rgb else None,
            dsm=RasterInput(args.dsm) if args.dsm else None,
            out=args.out,
        )

    def work(job: SelftestJob, feedback: Feedback) -> Result:
        from ..serving.selftest import run_selftest

        return run_selftest(job, feedback)

    return run_job("selftest", load, work, args.events)
