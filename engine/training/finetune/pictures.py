"""Pictures of validation tiles as a training goes on: picture, heights, truth, and what the network says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...models.package import InputSpec, OutputSpec
from .samples import Sample
from .teaching import Teaching

Bytes = NDArray[np.uint8]
_GAP = 4


def write_strip(
    path: Path,
    sample: Sample,
    found: NDArray[np.int64],
    inputs: tuple[InputSpec, ...],
    teaching: Teaching,
    colours: Bytes,
) -> None:
    """Write one tile as a strip of pictures side by side (atomically).

    Args:
        path: PNG to write.
        sample: the tile.
        found: int64 [H, W], class indices that the network gives.
        inputs: what the tile's inputs are.
        teaching: the classes.
        colours: uint8 [classes + 1, 3], by class index, the last for classes that the labels do not have.
    """
    panels = [_panel(item, sample.inputs[item.name]) for item in inputs if item.name in sample.inputs]
    truth = np.full((*sample.truth.shape, 3), 255, np.uint8)
    known = sample.truth >= 0
    truth[known] = colours[sample.truth[known]]
    panels += [truth, colours[found]]
    height = sample.truth.shape[0]
    gap = np.full((height, _GAP, 3), 255, np.uint8)
    strip = np.concatenate([piece for panel in panels for piece in (panel, gap)][:-1], axis=1)
    part = path.with_name(path.name + ".part")
    Image.fromarray(strip).save(part, format="PNG")
    part.replace(path)


def class_colours(teaching: Teaching, outputs: tuple[OutputSpec, ...]) -> Bytes:
    """Return the colours uint8 [classes + 1, 3]: of the classes, and grey for those that the labels do not have."""
    known = {item.name: item.colour for output in outputs for item in output.classes} | {"background": "#f0f0f0"}
    named = [*(known.get(name, "#cc3311") for name in teaching.names), "#999999"]
    return np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in named], np.uint8)


def _panel(item: InputSpec, values: NDArray[np.float32]) -> Bytes:
    """Return an input [C, H, W] as a picture [H, W, 3]."""
    if item.mean_std is not None and len(values) >= 3:
        mean = np.array(item.mean_std.mean[:3], np.float32)[:, None, None]
        std = np.array(item.mean_std.std[:3], np.float32)[:, None, None]
        colour = (values[:3] * std + mean) * (255.0 / item.mean_std.full_scale)
        shown: Bytes = np.clip(colour, 0, 255).astype(np.uint8).transpose(1, 2, 0)
        return shown
    # height above the ground is log-compressed: 20 m is white
    grey = np.clip(values[0] / np.log1p(20.0) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
