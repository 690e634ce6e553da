"""Make a small package that can learn, with random weights: journeys that fine-tune depend on no model then.

Usage: ``make_trainable_model.py FOLDER``.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, EncoderConfig
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.package import GsdSpec, TileSpec
from ridgeline.engine.terrain.height_channels import CHANNELS

NAME = "journey-learner"
_NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}


def make(folder: Path) -> None:
    """Write the package into ``folder``; a picture and heights are both needed, so that there is one graph only."""
    torch.manual_seed(0)
    rgb, dsm = (BackboneConfig("resnet18d", count, dict(_NARROW), skip=True) for count in (3, len(CHANNELS)))
    decoder = DecoderConfig("fpn", width=16, skip_width=8)
    model = DenseModel(replace(compact_config(), encoder=EncoderConfig(rgb, dsm), decoder=decoder))
    inputs = tuple(replace(item, optional=False) for item in compact_inputs())
    info = PackageInfo(
        NAME, "1", inputs, compact_outputs(), GsdSpec(0.25, 0.1, 0.5), TileSpec(256, 32, 64), "Test learner"
    )
    export_package(model, info, folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
