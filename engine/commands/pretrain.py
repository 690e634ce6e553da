"""``ridgeline pretrain``: masked-image pretraining of the encoder pair on RGB and DSM rasters without labels.

On several GPUs: ``torchrun --nproc-per-node 8 -m ridgeline.engine pretrain …``.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from typing import Any

from ..feedback import Feedback
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from .arguments import add_events
from .jobrunner import load_json, run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    data = parser.add_argument_group("what to learn from")
    data.add_argument("--rgb", metavar="PATH", help="raster, folder of rasters, or a .txt list with a path a line")
    data.add_argument("--dsm", metavar="PATH", help="the same for the surfaces; folders are matched by file name")
    data.add_argument("--scenes", type=int, metavar="N", help="learn from N synthetic scenes instead of rasters")
    data.add_argument("--gsd", type=float, help="metres per pixel that rasters are read at")
    data.add_argument("--surface-norm", help="percentile, min_max, mean_centred, ndsm or height_channels")
    network = parser.add_argument_group("the network")
    network.add_argument("--architecture", default="swin_base", help="a preset's name (default: %(default)s)")
    network.add_argument("--image-size", type=int, help="side of a chip in pixels")
    network.add_argument("--init-rgb", metavar="FILE", help="published weights for the RGB encoder")
    network.add_argument(
        "--init-dsm", metavar="FILE", help="the same for the DSM encoder (its first layer is averaged)"
    )
    run_group = parser.add_argument_group("the run")
    run_group.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the run; one that exists is continued"
    )
    run_group.add_argument("--config", metavar="FILE", help="all settings as JSON; the options here are then not taken")
    run_group.add_argument("--epochs", type=int)
    run_group.add_argument("--samples", type=int, help="chips an epoch (default: the rasters once)")
    run_group.add_argument("--batch", type=int, help="samples per process and step")
    run_group.add_argument("--accumulate", type=int, help="steps whose gradients are added up")
    run_group.add_argument("--base-lr", type=float, help="peak learning rate per 512 samples")
    run_group.add_argument("--warmup-epochs", type=float)
    run_group.add_argument("--workers", type=int, help="processes that cut chips")
    run_group.add_argument("--seed", type=int)
    run_group.add_argument("--fp32", action="store_true", help="compute in float32 instead of bfloat16")
    run_group.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    add_events(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if os.environ.get("RANK", "0") != "0":  # the first process speaks for all
        _work(args, Feedback())
        return 0
    return run_job("pretrain", lambda: args, _work, args.events)


def _work(args: argparse.Namespace, feedback: Feedback) -> Result:
    from ..training.distributed import join_world
    from ..training.pretrain.config import PretrainConfig
    from ..training.pretrain.loop import pretrain
    from ..training.pretrain.start import initial_weights

    config = from_dict(PretrainConfig, load_json(args.config)) if args.config else config_of(args)
    source = _source(args, config)
    start = initial_weights(config.model, args.init_rgb, args.init_dsm)
    with join_world(args.device) as world:
        pretrain(source, config, Path(args.out), world, feedback, start)
        return Result({"run": args.out}, {"chips": len(source), "processes": world.size, "device": str(world.device)})


def config_of(args: argparse.Namespace) -> Any:
    """Return the configuration that the options describe; what is not given keeps its default.

    Raises:
        RidgelineError: (BAD_JOB) naming the option that cannot be.
    """
    from ..models.masked_config import MaskedImageConfig
    from ..models.presets import encoder_preset
    from ..training.pretrain.config import ChipConfig, PretrainConfig
    from ..training.pretrain.surface_norm import SURFACE_NORMS

    chips = _changed(ChipConfig(), gsd=args.gsd)
    norm = args.surface_norm or chips.surface_norm
    if norm not in SURFACE_NORMS:
        raise RidgelineError(
            ErrorCode.BAD_JOB, f"There is no surface norm {norm!r}.", f"Choose one of: {', '.join(SURFACE_NORMS)}."
        )
    chips = dataclasses.replace(chips, surface_norm=norm)
    try:
        model = MaskedImageConfig(encoder_preset(args.architecture, SURFACE_NORMS[norm].channels))
        return _changed(
            PretrainConfig(_changed(model, image_size=args.image_size), chips, bf16=not args.fp32),
            epochs=args.epochs,
            samples=args.samples,
            batch=args.batch,
            accumulate=args.accumulate,
            base_lr=args.base_lr,
            warmup_epochs=args.warmup_epochs,
            workers=args.workers,
            seed=args.seed,
        )
    except ValueError as fault:
        raise RidgelineError(ErrorCode.BAD_JOB, f"The settings do not fit: {fault}.", "Correct the option.") from fault


def _changed(value: Any, **changes: Any) -> Any:
    return dataclasses.replace(value, **{name: item for name, item in changes.items() if item is not None})


def _source(args: argparse.Namespace, config: Any) -> Any:
    from ..training.pretrain.pairs import find_pairs
    from ..training.pretrain.sources import RasterChips, SceneChips
    from ..training.pretrain.surface_norm import SURFACE_NORMS

    norm, size = SURFACE_NORMS[config.chips.surface_norm], config.model.image_size
    if args.scenes is not None:
        return SceneChips(args.scenes, size, config.chips.gsd, norm, config.seed)
    if args.rgb is None or args.dsm is None:
        raise RidgelineError(ErrorCode.BAD_JOB, "There is nothing to learn from.", "Give --rgb and --dsm, or --scenes.")
    pairs = find_pairs(Path(args.rgb), Path(args.dsm))
    return RasterChips(pairs, size, config.chips.gsd, norm, config.chips.min_valid)
