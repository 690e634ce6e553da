"""``ridgeline finetune``: teach a model from labelled polygons."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from ..jobs.finetune import MODES, ClassMapping, FinetuneJob, PolygonLayer
from ..jobs.segment import DEFAULT_MODEL
from .arguments import add_dsm, add_protocol, add_rgb, dsm_of, rgb_of
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    add_rgb(parser)
    add_dsm(parser)
    parser.add_argument("--labels", metavar="FILE", help="polygons around what is to be found")
    parser.add_argument("--field", metavar="NAME", help="the field that says the class (default: all are buildings)")
    parser.add_argument(
        "--map",
        metavar="VALUE=CLASS",
        nargs="+",
        default=[],
        help="what values mean (default: each value is the class of that name); VALUE= leaves polygons out",
    )
    parser.add_argument("--area", metavar="FILE", help="polygons in which everything is labelled")
    parser.add_argument("--model", metavar="NAME|FOLDER", default=DEFAULT_MODEL, help="default: %(default)s")
    parser.add_argument("--name", default="my-model", help="name of the new model (default: %(default)s)")
    parser.add_argument("--out", metavar="DIR", help="folder for the new model")
    parser.add_argument("--mode", choices=MODES, default="head", help="what learns (default: %(default)s)")
    parser.add_argument("--replace-classes", action="store_true", help="new classes take the place of the old ones")
    parser.add_argument(
        "--keep-surface",
        action="store_true",
        help="use the surface for new classes even where the picture alone seems to tell them better",
    )
    parser.add_argument("--gsd", metavar="M", type=float, help="metres per pixel (default: the model's)")
    parser.add_argument("--minutes", type=float, default=4.0, help="at most so long (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="exactly so many steps in place of --minutes (repeatable to the bit)")
    parser.add_argument("--seed", type=int, default=1, help="of split, order and light (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace a model that is in the folder")
    parser.add_argument("--check", action="store_true", help="only look at the labels and split them")
    add_protocol(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("finetune", lambda: job_of(args), _work, args.events)


def job_of(args: argparse.Namespace) -> FinetuneJob:
    """Return the job that the arguments name.

    Raises:
        RidgelineError: (BAD_JOB), (INPUT_MISSING) for the job file.
    """
    if args.job is not None:
        return from_dict(FinetuneJob, load_json(args.job))
    for name in ("labels", "out"):
        if getattr(args, name) is None:
            raise RidgelineError(ErrorCode.BAD_JOB, f"--{name} is missing.", f"Name it with --{name}.")
    return FinetuneJob(
        out=str(Path(args.out).expanduser()),
        labels=PolygonLayer(args.labels),
        rgb=rgb_of(args),
        dsm=dsm_of(args),
        model=args.model,
        name=args.name,
        field=args.field,
        classes=tuple(class_mapping(word) for word in args.map),
        area=PolygonLayer(args.area) if args.area else None,
        keep_old_classes=not args.replace_classes,
        keep_surface=args.keep_surface,
        mode=args.mode,
        gsd=args.gsd,
        minutes=args.minutes,
        steps=args.steps,
        seed=args.seed,
        device=args.device,
        overwrite=args.overwrite,
        check_only=args.check,
    )


def class_mapping(word: str) -> ClassMapping:
    """Return what a word ``VALUE=CLASS`` says.

    Raises:
        RidgelineError: (BAD_JOB) if it says nothing.
    """
    value, separator, target = word.partition("=")
    if not separator:
        raise RidgelineError(ErrorCode.BAD_JOB, f"{word!r} says no class.", "Write VALUE=CLASS.")
    return ClassMapping(value, target)


def _work(job: FinetuneJob, feedback: Feedback) -> Result:
    try:
        from ..training.finetune.run import run_finetune
    except ModuleNotFoundError as fault:
        if (fault.name or "").startswith("ridgeline"):
            raise
        raise RidgelineError(
            ErrorCode.MISSING_LIBRARY,
            f"Training needs the library {fault.name!r}, which is not installed.",
            "Install the training set of the engine.",
        ) from fault
    return run_finetune(job, feedback)
