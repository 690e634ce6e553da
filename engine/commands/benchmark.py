"""``ridgeline benchmark NAME``: measurements that anyone can repeat, each in a module of its own, loaded on use."""

from __future__ import annotations

import argparse
import importlib

BENCHMARKS: dict[str, tuple[str, str]] = {
    "speed": ("ridgeline.engine.commands.benchmark_speed", "whole runs against the bare network, and peak memory"),
    "training": (
        "ridgeline.engine.commands.benchmark_training",
        "images per second in training, memory, and the share of the processor's peak",
    ),
    "pretraining": (
        "ridgeline.engine.commands.benchmark_pretraining",
        "how far pretraining's losses fall on synthetic scenes, and whether pictures find their surfaces",
    ),
    "ground": ("ridgeline.engine.commands.benchmark_ground", "the ground under surfaces against the true ground"),
    "outlines": ("ridgeline.engine.commands.benchmark_outlines", "regular outlines of buildings against true ones"),
    "confidence": (
        "ridgeline.engine.commands.benchmark_confidence",
        "what it costs to leave out buildings that the model is not sure of",
    ),
    "pixels": (
        "ridgeline.engine.commands.benchmark_pixels",
        "at which pixel size buildings are found best, by the pixel size of the rasters",
    ),
    "ablation": (
        "ridgeline.engine.commands.benchmark_ablation",
        "what two encoders, pretraining and each modality are worth",
    ),
    "scenes": ("ridgeline.engine.commands.benchmark_scenes", "training chips drawn per second and core"),
    "finetune": ("ridgeline.engine.commands.benchmark_finetune", "fine-tuning, before and after, on ground kept apart"),
    "preview": ("ridgeline.engine.commands.benchmark_preview", "first view, pans and clicks of the warm engine"),
    "soak": ("ridgeline.engine.commands.benchmark_soak", "memory of the warm engine over an hour of use"),
    "scale": ("ridgeline.engine.commands.benchmark_scale", "huge rasters, a town, many polygons, many regions"),
}
"""Module with ``add_arguments(parser)`` and ``run(args) -> int``, and what it measures, by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments; those of a benchmark are read once its name is known."""
    lines = "; ".join(f"{name}: {what}" for name, (_module, what) in BENCHMARKS.items())
    parser.add_argument("name", choices=list(BENCHMARKS), metavar="NAME", help=lines)
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="`ridgeline benchmark NAME --help` tells what it takes")


def run(args: argparse.Namespace) -> int:
    """Run one benchmark."""
    module_name, what = BENCHMARKS[args.name]
    module = importlib.import_module(module_name)
    parser = argparse.ArgumentParser(prog=f"ridgeline benchmark {args.name}", description=f"Measures {what}.")
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(args.rest)))
