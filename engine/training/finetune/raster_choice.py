"""Whether new classes are told better from the picture alone than from picture and surface together.

A network that sees both rasters has learnt to look at heights first: where colours and textures tell the classes, the
one for the picture alone teaches them better, and where heights tell them it is of no use. Which it is shows in seconds
by a linear reading of what each network says: taught on most of the labels, measured on the rest, in turn. The
benchmark's NOTES.md compares it with whole trainings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...evaluation.metrics import class_scores, confusion_matrix
from ...feedback import Feedback
from ...models.multitask import DenseModel
from .balance import rarity_weights
from .linear_reading import linear_reading
from .samples import Sample

LEAST_GAIN = 0.05
"""So much more of mean IoU both rasters together must reach; less is chance, and the picture alone then wins."""
_FOLDS = 4
_DRAWS = 3
"""So often the labels are dealt into folds: a dozen polygons of a class lie very differently each time."""
_MOST_TILES = 100
_MOST_PIXELS = 4000
"""Of a tile, drawn."""
_MOST_TAUGHT = 1500
"""Pixels of a class that a reading is taught by."""


@dataclass(frozen=True)
class Told:
    """How well a linear reading tells the classes.

    Attributes:
        picture: mean IoU of the picture alone.
        both: mean IoU of both rasters.
    """

    picture: float
    both: float

    @property
    def picture_suffices(self) -> bool:
        """Whether the surface adds nothing worth its while."""
        return self.both < self.picture + LEAST_GAIN


def compare_rasters(
    alone: DenseModel,
    together: DenseModel,
    samples: Sequence[Sample],
    ground: Ground,
    classes: int,
    seed: int,
    feedback: Feedback,
) -> Told | None:
    """Return how well the classes are told with and without the surface; None where all labels lie in one square.

    Args:
        alone: the network for the picture.
        together: the network for both rasters.
        samples: tiles with labels, and both inputs.
        ground: where the labels lie.
        classes: number of classes; the last is the background if there is one.
        seed: of the draws.
        feedback: told of progress; may cancel.
    """
    tiles = [samples[i] for i in np.unique(np.linspace(0, len(samples) - 1, _MOST_TILES).astype(int))]
    pixels = [_drawn(tile, np.random.default_rng((seed, number))) for number, tile in enumerate(tiles)]
    truth = np.concatenate([tile.truth[at] for tile, at in zip(tiles, pixels)]).astype(np.int64)
    squares = np.concatenate([ground.squares(tile, *at) for tile, at in zip(tiles, pixels)])
    if len(np.unique(squares)) < 2:
        return None
    scores = []
    for model, names in ((alone, ("rgb",)), (together, ("rgb", "dsm"))):
        said = _said(model.eval(), tiles, pixels, names, feedback)
        scores.append(_mean_iou(said, truth, squares, classes, ground.has_background, seed))
    return Told(*scores)


@dataclass(frozen=True)
class Ground:
    """Where labels lie.

    Attributes:
        block_m: side of the squares that are dealt into folds as wholes, in metres.
        points: float64 [N, 2], a point inside each polygon: its square is that of all its pixels.
        has_background: whether the last class is what no polygon covers.
    """

    block_m: float
    points: NDArray[np.float64]
    has_background: bool

    def squares(self, tile: Sample, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of the squares [N] that these pixels of a tile are dealt with."""
        gsd, polygon = tile.window.gsd, tile.polygon[rows, columns]
        xs, ys = (tile.window.col0 + columns + 0.5) * gsd, -(tile.window.row0 + rows + 0.5) * gsd
        inside = polygon >= 0
        xs[inside], ys[inside] = self.points[polygon[inside]].T
        east, north = (np.floor(item / self.block_m).astype(np.int64) for item in (xs, ys))
        numbers: NDArray[np.int64] = east * 1_000_003 + north
        return numbers


def _drawn(tile: Sample, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of labelled pixels in the middle of a tile."""
    labelled = np.zeros(tile.truth.shape, bool)
    labelled[tile.core] = tile.truth[tile.core] >= 0
    places = np.flatnonzero(labelled)
    if len(places) > _MOST_PIXELS:
        places = rng.choice(places, _MOST_PIXELS, replace=False)
    rows, columns = np.divmod(places, tile.truth.shape[1])
    return rows, columns


@torch.no_grad()
def _said(
    model: DenseModel,
    tiles: Sequence[Sample],
    pixels: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    names: tuple[str, ...],
    feedback: Feedback,
) -> Tensor:
    """Return what the decoder says [N, C] of these pixels of these tiles."""
    said = []
    for number, (tile, (rows, columns)) in enumerate(zip(tiles, pixels)):
        feedback.progress(number, len(tiles), "tiles", "comparing")
        inputs = {name: torch.from_numpy(tile.inputs[name])[None] for name in names}
        decoded = model.decoder(model.encoder(**inputs))
        full = F.interpolate(decoded, scale_factor=float(model.decoder.stride), mode="bilinear", align_corners=False)
        said.append(full[0][:, rows, columns].T)
    return torch.cat(said)


def _mean_iou(
    said: Tensor, truth: NDArray[np.int64], squares: NDArray[np.int64], classes: int, has_background: bool, seed: int
) -> float:
    """Return the mean IoU of all classes but the background, each pixel told by what other squares taught."""
    numbers, square = np.unique(squares, return_inverse=True)
    found = []
    for draw in range(_DRAWS):
        fold = np.random.default_rng((seed, draw)).permutation(len(numbers))[square] % _FOLDS
        guess = np.zeros_like(truth)
        for number in range(_FOLDS):
            tested = fold == number
            weight, bias = _taught(said, truth, np.flatnonzero(~tested), classes, seed)
            guess[tested] = (said[tested] @ weight.T + bias).argmax(1).numpy()
        iou = class_scores(confusion_matrix(truth, guess, classes)).iou
        found.append(np.nanmean(iou[:-1] if has_background else iou))
    return float(np.mean(found))


def _taught(
    said: Tensor, truth: NDArray[np.int64], teaching: NDArray[np.int64], classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return a linear reading of the ``teaching`` pixels, in which rare classes count more, as in the training itself.

    Of each class some are drawn, which then count for all of it.
    """
    rng = np.random.default_rng(seed)
    own = [teaching[truth[teaching] == index] for index in range(classes)]
    kept = np.concatenate([rng.permutation(pixels)[:_MOST_TAUGHT] for pixels in own])
    counts = np.array([len(pixels) for pixels in own], np.float64)
    share = np.minimum(1.0, _MOST_TAUGHT / np.maximum(counts, 1))
    weights = torch.from_numpy(rarity_weights(counts) / share).float()
    return linear_reading(said[kept], torch.from_numpy(truth[kept]), weights)
