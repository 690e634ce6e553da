"""``ridgeline models import WEIGHTS --architecture NAME``: published weights of a backbone, under Ridgeline's names."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..jobs import ErrorCode, RidgelineError, to_dict


def add_backbone_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options for published weights."""
    group = parser.add_argument_group("for published weights of an encoder (timm, Swin, SimMIM, GFM, OpenMMLab)")
    group.add_argument("--architecture", metavar="NAME", help="the encoder pair that they are for, such as swin_base")
    group.add_argument("--encoder", choices=("rgb", "dsm"), default="rgb", help="which of both (default: %(default)s)")
    group.add_argument("--dsm-channels", type=int, default=1, help="that the DSM encoder takes (default: %(default)s)")
    group.add_argument("--out", metavar="FILE", type=Path, help="safetensors file for them, for `pretrain --init-…`")


def import_backbone(args: argparse.Namespace) -> int:
    """Read the weights whole, write them under Ridgeline's own names, and say what was left out or adapted.

    Raises:
        RidgelineError: if the training set is not installed, or the weights cannot be read or written.
    """
    try:
        from ..models.checkpoint import save_weights
        from ..models.presets import encoder_preset
        from ..models.weights_import import import_weights
    except ImportError as fault:
        raise RidgelineError(
            ErrorCode.MISSING_LIBRARY,
            "Published weights can be read with PyTorch only, which is not installed.",
            "Install the engine with its `train` extra.",
        ) from fault
    if args.path is None or args.out is None:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            "Published weights are read from one file and written to another, and one of both is not named.",
            "Write: ridgeline models import WEIGHTS --architecture NAME --out FILE.safetensors",
        )
    if args.out.suffix != ".safetensors" or not args.out.absolute().parent.is_dir():
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"{str(args.out)!r} is no .safetensors file in a folder that exists.",
            "Name one with --out.",
        )
    pair = encoder_preset(args.architecture, args.dsm_channels)
    config = pair.rgb if args.encoder == "rgb" else pair.dsm
    if config is None:
        raise RidgelineError(ErrorCode.BAD_MODEL, f"It has no encoder for {args.encoder}.", "Choose the other one.")
    found = import_weights(Path(args.path).expanduser(), config)
    token = {} if found.mask_token is None else {"mask_token": found.mask_token}
    save_weights(args.out, {**found.tensors, **token}, {"kind": "backbone", "config": to_dict(config)})
    answer = {"file": str(args.out), "style": found.style, "tensors": len(found.tensors), "notes": list(found.notes)}
    lines = [f"Imported: {args.out} ({found.style} names, {len(found.tensors)} tensors)", *found.notes]
    print(json.dumps(answer, indent=2) if args.json else "\n".join(lines))
    return 0
