"""Whether polygons lie beside what they outline: in the surface model, or in the picture as the network sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ...models.multitask import DenseModel
from ...models.package import InputSpec
from .samples import Sample

REACH_M = 4.0
LEAST_POLYGONS = 8
"""Fewer outlines follow edges by chance."""
_CLEARLY = 1.15
"""The best shift must meet so much stronger edges than none."""
_MOST_TILES = 24
"""So many tiles, those with most outlines, are looked at in a picture: they take a second or two."""


@dataclass(frozen=True)
class Edges:
    """Edges that outlines should follow.

    Attributes:
        kind: ``dsm`` for steps of the surface, ``rgb`` for edges of the roofs that the network sees in the picture.
        steps: float32 [H, W] by number of the tile: how much of an edge a pixel is.
    """

    kind: str
    steps: Mapping[int, NDArray[np.float32]]


def surface_edges(samples: Sequence[Sample], surface: InputSpec) -> Edges | None:
    """Return the steps of the surface (log-compressed gradients); None where its channels do not hold them."""
    names = surface.height_channels.channels if surface.height_channels is not None else ()
    if not samples or surface.name not in samples[0].inputs or not {"slope_x", "slope_y"} <= set(names):
        return None
    slopes = [names.index("slope_x"), names.index("slope_y")]
    return Edges("dsm", {i: np.hypot(*sample.inputs[surface.name][slopes]) for i, sample in enumerate(samples)})


@torch.no_grad()
def roof_edges(samples: Sequence[Sample], model: DenseModel, background: int | None) -> Edges | None:
    """Return the gradients of the building probability that the network gives to a picture.

    Args:
        samples: tiles with a picture.
        model: the network as it came, on the CPU.
        background: class whose polygons need not follow any roof, or None.
    """
    if "building" not in {task.name for task in model.config.tasks}:
        return None
    lengths = [int(_outlines(sample, background)[0].sum()) for sample in samples]
    shown = [int(i) for i in np.argsort(lengths)[::-1][:_MOST_TILES] if lengths[int(i)]]
    was_training = model.training
    model.eval()
    steps: dict[int, NDArray[np.float32]] = {}
    for index in shown:
        inputs = {name: torch.from_numpy(values)[None] for name, values in samples[index].inputs.items()}
        share = torch.sigmoid(model(**inputs)["building"])[0, 0].float().numpy()
        steps[index] = np.hypot(ndimage.sobel(share, 0), ndimage.sobel(share, 1))
    model.train(was_training)
    return Edges("rgb", steps)


def label_shift(samples: Sequence[Sample], edges: Edges, background: int | None) -> tuple[float, float] | None:
    """Return how far (east, north) in metres the outlines lie from the edges: the best of all shifts within reach.

    The mean edge under the outlines is compared over all shifts in whole pixels; what is drawn as background need not
    follow any edge, and a best shift on the rim of the reach is no peak. None where there is too little to tell.
    """
    if not samples:
        return None
    gsd = samples[0].window.gsd
    reach = max(1, round(REACH_M / gsd))
    size = 2 * reach + 1
    total = np.zeros((size, size))
    count = 0
    polygons: set[int] = set()
    for index, sharp in edges.steps.items():
        outline, things = _outlines(samples[index], background)
        polygons.update(np.unique(things[outline]).tolist())
        if not outline.any():
            continue
        step = ndimage.gaussian_filter(sharp, 0.5 / gsd)
        rows, cols = np.nonzero(outline)
        keep = (rows >= reach) & (rows < step.shape[0] - reach) & (cols >= reach) & (cols < step.shape[1] - reach)
        rows, cols = rows[keep], cols[keep]
        count += rows.size
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                total[down + reach, right + reach] += step[rows + down, cols + right].sum()
    if count < 100 or len(polygons) < LEAST_POLYGONS:
        return None
    best = np.unravel_index(int(np.argmax(total)), total.shape)
    # a flat top says nothing: the best shift must be clearly better than none
    rim = {0, size - 1}
    if rim & {int(item) for item in best} or total[best] <= _CLEARLY * total[reach, reach]:
        return 0.0, 0.0
    return float(reach - best[1]) * gsd, float(best[0] - reach) * gsd


def _outlines(sample: Sample, background: int | None) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Return where the outlines of polygons run, and the polygons' numbers, -1 outside all."""
    things = sample.polygon if background is None else np.where(sample.truth == background, -1, sample.polygon)
    inside = things >= 0
    outline: NDArray[np.bool_] = inside & ~ndimage.binary_erosion(inside)
    return outline, things
