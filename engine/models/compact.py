"""The compact model: small enough for two CPU cores, and the one that Ridgeline ships.

Two ResNet-18-D of a third to a half of the usual width, features from stride 2 (sharp outlines at 0.25 m) to 32
(context of a whole block of houses), fused by concatenation, under a light feature pyramid. Plain 3×3 convolutions
because ONNX Runtime and torch both run them near a CPU's peak; depthwise ones wait for memory.
"""

from __future__ import annotations

from ..classes import LAND_COVER, ROOF_CLASSES, ClassInfo
from ..terrain.height_channels import CHANNELS, RECIPE_VERSION
from .config import STACK, BackboneConfig, DecoderConfig, DenseConfig, EncoderConfig, TaskConfig
from .package import ClassSpec, HeightChannels, InputSpec, MeanStd, OutputSpec

_NARROW = {"channels": [32, 48, 96, 160], "stem_width": 16}
_SINGLE = {"channels": [48, 72, 136, 224], "stem_width": 24}
"""Of the one encoder over stacked channels: as many parameters as the pair has."""


def compact_config(
    land_cover_classes: int = len(LAND_COVER), roof_classes: int = len(ROOF_CLASSES), fusion: str = "concat"
) -> DenseConfig:
    """Return the compact model's configuration (2.7 M parameters): land cover, roof class, building and boundary.

    Args:
        land_cover_classes: channels of ``land_cover``.
        roof_classes: channels of ``roof_class``.
        fusion: see `EncoderConfig`; with ``stack`` one wider encoder takes the place of the pair.
    """
    widths = _SINGLE if fusion == STACK else _NARROW
    return DenseConfig(
        encoder=EncoderConfig(
            rgb=BackboneConfig("resnet18d", 3, dict(widths), skip=True),
            dsm=BackboneConfig("resnet18d", len(CHANNELS), dict(widths), skip=True),
            fusion=fusion,
        ),
        decoder=DecoderConfig("fpn", width=64, skip_width=32),
        tasks=(
            TaskConfig("land_cover", "classes", land_cover_classes),
            TaskConfig("roof_class", "classes", roof_classes),
            TaskConfig("building", "probability"),
            TaskConfig("boundary", "probability"),
        ),
    )


def compact_inputs() -> tuple[InputSpec, ...]:
    """Return how rasters become the compact model's inputs ``rgb`` (ImageNet's mean and std) and ``dsm``."""
    return (
        InputSpec(
            name="rgb",
            kind="rgb",
            bands=("red", "green", "blue"),
            optional=True,
            mean_std=MeanStd(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
        ),
        InputSpec(
            name="dsm",
            kind="dsm",
            bands=("surface",),
            optional=True,
            height_channels=HeightChannels(RECIPE_VERSION, CHANNELS),
        ),
    )


LEAST_CONFIDENCE = 0.7
"""Polygons whose mean probability lies below this are left out: of those just above it hardly more than half are true.
On scenes that taught nothing (`ridgeline benchmark confidence`) it costs 5 of 1,630 true buildings and takes away 6 of
28 invented ones where the model sees both; 10 of 1,561 and 10 of 42 by the DSM; 61 of 1,475 and 113 of 269 by the
picture."""


def compact_outputs() -> tuple[OutputSpec, ...]:
    """Return what the compact model's maps mean."""
    return (
        OutputSpec("land_cover", "classes", "land_cover", _class_specs(LAND_COVER)),
        OutputSpec("roof_class", "classes", "roof_class", _class_specs(ROOF_CLASSES)),
        OutputSpec("building", "probability", "building", least_confidence=LEAST_CONFIDENCE),
        OutputSpec("boundary", "probability", "boundary"),
    )


def _class_specs(classes: tuple[ClassInfo, ...]) -> tuple[ClassSpec, ...]:
    return tuple(ClassSpec(item.id, item.name, item.hex_colour) for item in classes)
