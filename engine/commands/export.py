"""``ridgeline export``: make a model package anew from its trainable weights, or add an int8 graph to it."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ..feedback import Feedback
from ..given import given
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from .jobrunner import run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="folder of a model package with trainable weights")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the new package")
    parser.add_argument("--weights", metavar="FILE", help="other weights of the same architecture (safetensors)")
    parser.add_argument("--tile", type=int, help="side of a tile in pixels (default: the package's)")
    parser.add_argument("--fp32", action="store_true", help="store weights in fp32, twice the size of fp16")
    parser.add_argument("--int8", action="store_true", help="add an int8 graph, calibrated on synthetic scenes")
    parser.add_argument("--samples", type=int, default=24, help="scenes to calibrate on (default: %(default)s)")
    parser.add_argument("--events", action="store_true", help="speak JSON lines on standard output")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("export", lambda: args, _work, args.events)


def _work(args: argparse.Namespace, feedback: Feedback) -> Result:
    from ..models.checkpoint import load_into, load_weights
    from ..models.config import DenseConfig
    from ..models.export import PackageInfo, export_package
    from ..models.multitask import DenseModel
    from ..models.package import ModelPackage, load_package

    package = load_package(Path(args.model))
    spec = package.spec
    trainable = next((item for item in spec.weights if item.format == "safetensors"), None)
    if spec.architecture is None or trainable is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {spec.name!r} has no trainable weights.",
            "Only models with an architecture and a safetensors file can be exported again.",
        )
    path = Path(args.weights) if args.weights else package.path_of(trainable.file)
    model = DenseModel(from_dict(DenseConfig, spec.architecture))
    load_into(model, load_weights(path)[0], path.name)
    tile = dataclasses.replace(spec.tile, size=args.tile) if args.tile else spec.tile
    names = [field.name for field in dataclasses.fields(PackageInfo) if field.name != "tile"]
    info = PackageInfo(tile=tile, **{name: getattr(spec, name) for name in names})
    out = Path(args.out)
    made = export_package(model, info, out, half=not args.fp32, feedback=feedback)
    summary: dict[str, Any] = {}
    if args.int8:
        from ..models.export.quantise import add_int8, agreement
        from ..training.calibration import scene_inputs

        made = add_int8(ModelPackage(out, made), scene_inputs(made, args.samples, seed=11))
        grown = ModelPackage(out, made)
        kinds = frozenset(item.kind for item in made.inputs)
        # both were just written
        full, small = (given(grown.weights_for(kinds, "onnx", precision)) for precision in ("fp32", "int8"))
        summary = {"int8 against fp32": agreement(grown, full, small, scene_inputs(made, args.samples, seed=12))}
    files = sum(item.stat().st_size for item in out.iterdir() if item.is_file())
    return Result({"model": str(out)}, {"megabytes": round(files / 1e6, 2), "graphs": len(made.weights) - 1, **summary})
