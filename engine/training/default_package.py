"""From the trained default model to the package that Ridgeline ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..models.compact import compact_inputs, compact_outputs
from ..models.export import PackageInfo, export_package
from ..models.export.quantise import add_int8
from ..models.multitask import DenseModel
from ..models.package import GsdSpec, ModelSpec, TileSpec, load_package
from ..models.package.library import find_model
from ..models.rebuild import networks_alone, trainable_model
from .calibration import scene_samples
from .default_config import DefaultTraining

NAME = "ridgeline-compact"
VERSION = "1.12.0"
LOOKS = 2
CALIBRATION_SCENES, CALIBRATION_SEED = 32, 11
_SEEN = {"rgb": "picture", "dsm": "surface"}


def write_default_package(
    model: DenseModel, config: DefaultTraining, folder: Path, scores: dict[str, Any], bare: bool = False
) -> ModelSpec:
    """Write the package of the default model into ``folder``.

    As it ships it has int8 graphs, which processors take, and looks at each place twice: together as quick as one look
    in fp32, and a little better. At a picture by itself it looks twice more from further off
    (``evaluation/MODEL_HISTORY.md``).

    Args:
        model: what was trained. The other networks of the model that it began with go beside it.
        config: how it was trained.
        folder: where to.
        scores: what it reached on synthetic validation scenes.
        bare: fp32 graphs alone and a single look, to compare networks and nothing else.
    """
    metrics: dict[str, Any] = {"synthetic validation": scores}
    alone: dict[str, DenseModel] = {}
    first = find_model(config.start) if config.start else None
    if first is not None and (config.alone or networks_alone(first)):
        metrics = {"synthetic validation": first.spec.metrics.get("synthetic validation", {}) | scores}
        alone = networks_alone(first)
    if first is not None and config.alone:
        alone[config.alone] = model
        model = trainable_model(first)
    info = PackageInfo(
        name=NAME,
        version=VERSION,
        inputs=compact_inputs(),
        outputs=compact_outputs(),
        gsd=GsdSpec(trained=0.25, min=0.2, max=0.6, native_share=0.45),
        tile=TileSpec(size=512, multiple=32, overlap=64, looks=1 if bare else LOOKS, coarse_picture=not bare),
        title="Ridgeline compact",
        description=(
            "Building outlines, roof classes and land cover from an orthophoto, a surface model, or both, "
            "at 0.2 to 0.6 m per pixel; small enough for a computer without a graphics card."
        ),
        licence="GPL-2.0-or-later",
        training_data=_training_data(config),
        source="trained by the Ridgeline project",
        metrics=metrics,
    )
    spec = export_package(model, info, folder, alone=alone)
    if bare:
        return spec
    samples = scene_samples(spec, CALIBRATION_SCENES, CALIBRATION_SEED)
    return add_int8(load_package(folder), [item.inputs for item in samples], first=True)


def _training_data(config: DefaultTraining) -> str:
    if config.alone:
        what = _SEEN[config.alone]
        before = find_model(config.start).spec.training_data.replace(_kept(config.alone), "")
        return (
            f"{before} The network for the {what} alone learnt on by itself, from "
            f"{config.scenes} synthetic scenes of seed {config.seed}"
            + (
                f", and is a blend of what it began with and its own weights ({config.blend:.0%})."
                if config.blend < 1
                else "."
            )
        )
    first = " The weights began with those of the round before." if config.start else ""
    if config.own_looks:
        first += " They learnt what that network says of the scenes, and not their labels."
    if config.blend < 1:
        first += f" What ships is a blend of those and the run's own ({config.blend:.0%})."
    if config.start:
        first += "".join(_kept(name) for name in networks_alone(find_model(config.start)))
    return (
        f"{config.scenes} synthetic scenes of {config.scene.size} pixels a side (`ridgeline scenes`, seed "
        f"{config.seed}); no real picture or surface was trained on.{first} Repeat it with "
        "`ridgeline train-default`; the settings of each round are in engine/training/rounds."
    )


def _kept(modality: str) -> str:
    return f" The network for the {_SEEN[modality]} alone is that of the model it began with, and has not changed."
