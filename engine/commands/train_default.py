"""``ridgeline train-default``: train the model that Ridgeline ships, from nothing but a seed."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from .arguments import add_events
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--work", metavar="DIR", default=".cache/default-model", help="default: %(default)s")
    parser.add_argument("--config", metavar="FILE", help="settings as JSON (default: those of the shipped model)")
    parser.add_argument("--out", metavar="DIR", help="folder for the model package (default: none is written)")
    parser.add_argument("--only-scenes", action="store_true", help="fill the store of scenes and stop")
    parser.add_argument("--part", metavar="I/N", default="0/1", help="with --only-scenes: make every N-th, from I")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_events(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("train-default", lambda: args, _work, args.events)


def _work(args: argparse.Namespace, feedback: Feedback) -> Result:
    from ..runtime.torch_predictor import torch_has_cuda
    from ..training.default import calibrate, open_stores, train_default, validate
    from ..training.default_config import DefaultTraining
    from ..training.default_package import write_default_package

    config = from_dict(DefaultTraining, load_json(args.config)) if args.config else DefaultTraining()
    work = Path(args.work)
    stores = open_stores(work / "scenes", config)
    first, step = _part(args.part)
    for store in (stores[1], stores[0]) if args.only_scenes else (stores[1],):
        for index in store.fill(first, step):
            feedback.progress(index + 1, len(store), "scenes", "scenes")
    if args.only_scenes:
        return Result({"scenes": str(work / "scenes")}, {"scenes": len(stores[0])})
    device = args.device
    if device == "auto":
        device = "cuda" if torch_has_cuda() else "cpu"
    model = train_default(work / "run", stores, config, device, feedback)
    if args.out is None:
        return Result({"run": str(work / "run")}, {})
    scores = {**validate(model, stores[1], config, device), **calibrate(model, stores[1], config, device)}
    write_default_package(model, config, Path(args.out), scores)
    return Result({"model": args.out}, {})


def _part(text: str) -> tuple[int, int]:
    try:
        first, count = (int(word) for word in text.split("/"))
    except ValueError:
        first, count = -1, 0
    if not 0 <= first < count:
        raise RidgelineError(
            ErrorCode.BAD_JOB, f"--part {text!r} is no part.", "Write I/N with 0 ≤ I < N, such as 1/2."
        )
    return first, count
