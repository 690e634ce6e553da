"""A model on disk: a folder with ``model.json``, weights and a model card. No torch is needed here."""

from .load import ModelPackage, load_package, save_spec
from .spec import (
    BACKGROUND,
    ClassSpec,
    GsdSpec,
    HeightChannels,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
)

__all__ = [
    "BACKGROUND",
    "ClassSpec",
    "GsdSpec",
    "HeightChannels",
    "InputSpec",
    "MeanStd",
    "ModelPackage",
    "ModelSpec",
    "OutputSpec",
    "TileSpec",
    "WeightsSpec",
    "load_package",
    "save_spec",
]
