"""``ridgeline benchmark pretraining``: how far losses fall on synthetic scenes, and whether pictures find surfaces."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..feedback import Feedback
from ..jobs import to_dict
from .progressbar import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the benchmark's arguments."""
    parser.add_argument("--architecture", default="trial_convolutions", help="a preset's name (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=64, help="side of a chip in pixels (default: %(default)s)")
    parser.add_argument("--gsd", type=float, default=0.5, help="metres per pixel (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="default: %(default)s")
    parser.add_argument("--samples", type=int, default=0, help="chips an epoch (default: each scene once)")
    parser.add_argument("--batch", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--lr", type=float, default=1e-3, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--alpha", type=float, default=0.05, help="contrastive share of the loss (default: 0.05)")
    parser.add_argument(
        "--contrast-masked",
        action="store_true",
        help="compare what masks leave, not whole pictures (then masks tell all)",
    )
    parser.add_argument("--mask-ratio", type=float, default=0.6, help="share that is hidden (default: %(default)s)")
    parser.add_argument(
        "--pool", type=int, default=1, help="cells along a side that features are pooled in (default: 1)"
    )
    parser.add_argument("--still", action="store_true", help="show each scene as it is, neither cropped nor flipped")
    parser.add_argument("--temperature", type=float, default=0.07, help="of the contrast (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the result to this file as well")


def run(args: argparse.Namespace) -> int:
    """Run the trial and print its curve."""
    from ..training.distributed import join_world
    from ..training.pretrain.trial import RIVALS, run_trial

    config = config_of(args)
    feedback = Feedback(ProgressBar(sys.stderr, sys.stdout).show)
    with join_world(args.device) as world, tempfile.TemporaryDirectory() as folder:
        result = run_trial(config, args.scenes, Path(folder), world, feedback)
    print("epoch    loss  rgb L1  dsm L1  contrast")
    for number, losses in enumerate(result.curve, start=1):
        print(
            f"{number:>5}  {losses['loss']:>6.3f}  {losses['rgb_loss']:>6.3f}  {losses['dsm_loss']:>6.3f}  "
            f"{losses['contrastive_loss']:>8.3f}"
        )
    print(
        f"loss from {result.start:.3f} to {result.end:.3f} ({result.end / result.start:.0%}) in {result.seconds:.0f} s"
    )
    print(
        f"picture finds its own surface among {RIVALS}: {result.seen_top1:.1%} of scenes of the run, "
        f"{result.unseen_top1:.1%} of others (by chance {1 / RIVALS:.1%})"
    )
    if args.json is not None:
        args.json.write_text(json.dumps({"config": to_dict(config), **to_dict(result)}, indent=2) + "\n", "utf-8")
    return 0


def config_of(args: argparse.Namespace) -> Any:
    """Return the settings of the run that the arguments describe."""
    from ..models.masked_config import MaskedImageConfig
    from ..models.presets import encoder_preset
    from ..training.pretrain.config import ChipConfig, PretrainConfig

    model = MaskedImageConfig(
        encoder_preset(args.architecture, 1),
        image_size=args.size,
        mask_ratio=args.mask_ratio,
        alpha=args.alpha,
        temperature=args.temperature,
        contrast_whole=not args.contrast_masked,
        projection_pool=args.pool,
    )
    chips = ChipConfig(gsd=args.gsd)
    if args.still:
        chips = dataclasses.replace(chips, area=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0)
    per_512 = 512 / args.batch  # rates are configured per 512 samples
    return PretrainConfig(
        model,
        chips,
        batch=args.batch,
        epochs=args.epochs,
        samples=args.samples,
        warmup_epochs=args.epochs / 10,
        base_lr=args.lr * per_512,
        min_lr=0.01 * args.lr * per_512,
        seed=args.seed,
        workers=0,
        save_every=args.epochs,
    )
