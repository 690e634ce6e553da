"""``ridgeline export``: make a model package anew from its trainable weights, or add an int8 graph to it."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from ..feedback import Feedback
from ..given import given
from ..jobs import ErrorCode, Result, RidgelineError, from_dict
from ..jobs.segment import LOOKS
from .arguments import add_events
from .jobrunner import run_job


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="folder of a model package with trainable weights")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder for the new package")
    parser.add_argument("--weights", metavar="FILE", help="other weights of the same architecture (safetensors)")
    parser.add_argument("--tile", type=int, help="side of a tile in pixels (default: the package's)")
    parser.add_argument("--fp32", action="store_true", help="store weights in fp32, twice the size of fp16")
    parser.add_argument(
        "--int8",
        nargs="?",
        const="static",
        choices=("static", "dynamic"),
        help="add int8 graphs (static ones are calibrated on synthetic scenes), and say what they lose and gain",
    )
    parser.add_argument("--prefer-int8", action="store_true", help="let processors take the int8 graphs unasked")
    parser.add_argument(
        "--looks", metavar="N", type=int, choices=LOOKS, help="how often runs look at each tile: 1, 2, 4 or 8"
    )
    parser.add_argument(
        "--coarse-picture",
        action=argparse.BooleanOptionalAction,
        help="whether runs that look more than once look at a picture by itself as often at half its resolution, too",
    )
    parser.add_argument("--version", metavar="TEXT", help="version of the new package (default: as before)")
    parser.add_argument("--samples", type=int, default=24, help="scenes to calibrate and to check on (default: 24)")
    add_events(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return run_job("export", lambda: args, _work, args.events)


def _work(args: argparse.Namespace, feedback: Feedback) -> Result:
    from ..models.checkpoint import load_into, load_weights
    from ..models.config import DenseConfig
    from ..models.export import PackageInfo, export_package
    from ..models.multitask import DenseModel
    from ..models.package import load_package
    from ..models.rebuild import networks_alone

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
    asked = {"size": args.tile, "looks": args.looks, "coarse_picture": args.coarse_picture}
    try:
        tile = dataclasses.replace(spec.tile, **{name: value for name, value in asked.items() if value is not None})
    except ValueError as fault:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"The model {spec.name!r} cannot have such tiles: {fault}.",
            f"Choose another side with --tile; it is {spec.tile.size} pixels now.",
        ) from fault
    names = [field.name for field in dataclasses.fields(PackageInfo) if field.name not in ("tile", "version")]
    kept = {name: getattr(spec, name) for name in names}
    info = PackageInfo(tile=tile, version=args.version or spec.version, **kept)
    out = Path(args.out)
    alone = networks_alone(package)
    made = export_package(model, info, out, alone=alone, half=not args.fp32, feedback=feedback)
    summary: dict[str, Any] = {}
    if args.int8:
        summary = _add_int8(out, args.int8, args.samples, args.prefer_int8)
        made = load_package(out).spec
    graphs = sum(item.format == "onnx" for item in made.weights)
    files = sum(item.stat().st_size for item in out.iterdir() if item.is_file())
    return Result({"model": str(out)}, {"megabytes": round(files / 1e6, 2), "graphs": graphs, **summary})


def _add_int8(folder: Path, how: str, count: int, first: bool) -> dict[str, Any]:
    """Add int8 graphs to the package in ``folder``; return what they lose and gain, by the inputs that they take."""
    from ..models.export.compare import agreement, building_iou, megapixels_per_second
    from ..models.export.quantise import add_int8
    from ..models.package import load_package
    from ..training.calibration import scene_samples

    package = load_package(folder)
    calibration = scene_samples(package.spec, count, seed=11) if how == "static" else []
    add_int8(package, [item.inputs for item in calibration], how, first)
    grown = load_package(folder)
    fresh = scene_samples(package.spec, count, seed=12)
    inputs, truth = [item.inputs for item in fresh], [(item.inputs, item.building) for item in fresh]
    found: dict[str, Any] = {}
    for small in (item for item in grown.spec.weights if item.precision == "int8"):
        kinds = frozenset(item.kind for item in package.spec.inputs if item.name in small.inputs)
        full = given(grown.weights_for(kinds, "onnx", "fp32"))  # each int8 graph was made from one
        row: dict[str, Any] = {"agreement": agreement(grown, full, small, inputs)}
        for item in (full, small):
            row[f"building IoU {item.precision}"] = building_iou(grown, item, truth)
            row[f"Mpx/s {item.precision}"] = megapixels_per_second(grown, item, inputs[0])
        found[f"int8 for {' + '.join(small.inputs)}"] = row
    return found
