"""``ridgeline benchmark ablation``: what two encoders, pretraining and each modality are worth."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--work", metavar="DIR", default=".cache/ablation", help="default: %(default)s")
    parser.add_argument("--config", metavar="FILE", help="settings of each training as JSON (default: the shipped)")
    parser.add_argument("--steps", type=int, default=400, help="training steps of each (default: %(default)s)")
    parser.add_argument("--pretrain-steps", type=int, default=400, help="of pretraining (default: %(default)s)")
    parser.add_argument("--data", metavar="DIR", help="folder of the real sample data (default: held-out scenes alone)")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the variants whose name holds this")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the rows to this file as well")


def run(args: argparse.Namespace) -> int:
    """Train and measure the variants, printing each row when it is known."""
    from ..evaluation.table import as_json, as_text
    from ..feedback import Feedback
    from ..inference.runner import run_segment
    from ..jobs import SegmentJob, from_dict
    from ..training.ablation import AblationConfig, run_ablation
    from ..training.default_config import DefaultTraining
    from .jobrunner import load_json

    base = from_dict(DefaultTraining, load_json(args.config)) if args.config else DefaultTraining()
    # a short run: its averaged weights must forget the first steps
    base = replace(base, steps=args.steps, warmup=max(args.steps // 10, 1), validate_every=args.steps, ema=0.99)
    feedback = Feedback()

    def segment(job: SegmentJob) -> None:
        run_segment(job, feedback.silent())

    rows = []
    for row in run_ablation(
        Path(args.work),
        AblationConfig(base, pretrain_steps=args.pretrain_steps),
        Path(args.data) if args.data else None,
        segment,
        args.device,
        feedback,
        lambda variant: args.only in variant.name,
    ):
        rows.append(row)
        print(as_text([row]), flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps(as_json(rows), indent=2) + "\n", encoding="utf-8")
    return 0
