"""A tiny network and small towns of boxes: all that a fine-tuning needs, without files."""

from dataclasses import replace

import numpy as np
import shapely
import torch
from rasterio.crs import CRS

from ridgeline.engine.models.compact import compact_config, compact_inputs, compact_outputs
from ridgeline.engine.models.config import BackboneConfig, DecoderConfig, EncoderConfig
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.terrain.height_channels import CHANNELS
from ridgeline.engine.training.finetune.labels import LabelSet
from ridgeline.engine.training.finetune.loop import LoopConfig, start_lesson
from ridgeline.engine.training.finetune.samples import TILE_PX, LabelMaps, Sample
from ridgeline.engine.training.finetune.split import Split
from ridgeline.engine.training.finetune.teaching import plan_teaching

UTM = CRS.from_epsg(25832)
GSD = 0.5
INPUTS, OUTPUTS = compact_inputs(), compact_outputs()
_NARROW = {"channels": [8, 8, 16, 16], "stem_width": 8}


def tiny_config(dropout=0.0):
    """The compact model's shape at a hundredth of its size."""
    rgb, dsm = (BackboneConfig("resnet18d", count, dict(_NARROW), skip=True) for count in (3, len(CHANNELS)))
    decoder = DecoderConfig("fpn", width=16, skip_width=8, dropout=dropout)
    return replace(compact_config(), encoder=EncoderConfig(rgb, dsm), decoder=decoder)


def tiny_model(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return DenseModel(tiny_config(dropout)).eval()


def labels_of(shapes, names, classes=None):
    indices = np.zeros(len(shapes), np.int64) if classes is None else np.array(classes, np.int64)
    return LabelSet(tuple(shapes), indices, tuple(names), ("",) * len(shapes), 0, 0, 0, {})


def split_of(validates, block_m=64.0, blocks=()):
    return Split(block_m, frozenset(blocks), np.array(validates, bool))


def maps_of(shapes, validates, area=None, names=("building",), classes=None, blocks=(), block_m=64.0):
    teaching = plan_teaching(tiny_config(), OUTPUTS, names, area is not None, (), True)
    return LabelMaps(labels_of(shapes, teaching.names, classes), teaching, split_of(validates, block_m, blocks), area)


def tile(number=0):
    """The windows of `TILE_PX` pixels side by side from the lattice's origin, southwards of it."""
    return Grid(UTM, GSD, number * TILE_PX, 0, TILE_PX, TILE_PX)


def town(count=2, seed=1):
    """Tiles with four red boxes of 20 m each on green ground, in training and in validation by turns."""
    area = shapely.box(0, -TILE_PX * GSD, count * TILE_PX * GSD, 0)
    boxes, validates = [], []
    for number in range(count):
        for corner in range(4):
            x, y = number * TILE_PX * GSD + 24 + 50 * (corner % 2), -100 + 50 * (corner // 2)
            boxes.append(shapely.box(x, y, x + 20, y + 20))
            validates.append(corner == 3)
    blocks = [(2 * number + 1, -1) for number in range(count)]
    maps = maps_of(boxes, validates, area=area, blocks=blocks)
    random = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        truth, polygon, validating = maps.truth(tile(number))
        inside = polygon >= 0
        rgb = np.where(inside, np.array([2.0, -1.0, -1.0])[:, None, None], np.array([-1.0, 1.0, -1.0])[:, None, None])
        dsm = np.zeros((len(CHANNELS), TILE_PX, TILE_PX))
        dsm[:2], dsm[-1] = inside * 1.9, 1.0
        inputs = {
            name: (values + random.normal(0, 0.1, values.shape)).astype(np.float32)
            for name, values in {"rgb": rgb, "dsm": dsm}.items()
        }
        samples.append(Sample(tile(number), inputs, truth, polygon, validating))
    return maps, samples


def ids_of(outputs=OUTPUTS):
    return {item.name: {c.name: i + 1 for i, c in enumerate(item.classes)} for item in outputs}


def lesson_of(model, samples, teaching, **changes):
    config = LoopConfig(**{"steps": 6, "batch": 2, "validate_every": 3, **changes})
    return start_lesson(model, samples, INPUTS, teaching, ids_of(teaching.outputs), config, "cpu")
