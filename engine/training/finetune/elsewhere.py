"""Buildings on ground without labels: what was learnt from a few must not make them many or few everywhere.

A few labelled buildings stand for their own corner. A network that learnt from them tells roofs from ground better
than before on the next ground, too, but at another logit: it covered half of a picture with buildings that fill a
quarter. How much of that ground is built is not known, but two witnesses are at hand: the network as it came, and the
new one. The more buildings taught the new one, the more its word counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.multitask import DenseModel
from .loop import Lesson
from .samples import MARGIN_PX, TILE_PX, Seen
from .scores import Scores, score_samples

MOST_TILES = 40
"""So many tiles without labels are looked at: they take seconds."""
NOTABLE_SHIFT = 0.5
"""Beyond this the user is told."""
_LEAST_PIXELS = 2 * (TILE_PX - 2 * MARGIN_PX) ** 2
"""Less ground than two tiles says little of a share."""
_LEAST_IOU = 0.2
"""A network that hardly knew the labelled buildings does not know how many others there are."""
_HALF_TRUSTED = 50
"""So many labelled buildings make the new network's word count as much as the old one's; what the old one missed among
them is then half believed of other ground."""
MOST_MEASURED = 100
"""Tiles with labels on which the old network is measured."""
_MOST_SHIFT = 3.0
_FRACTIONS = (1.0, 0.75, 0.5, 0.25)


@dataclass(frozen=True)
class Witness:
    """What a network says of the ground without labels.

    Attributes:
        logits: float32 [N], building logits of pixels drawn from it.
    """

    logits: NDArray[np.float32]

    @property
    def share(self) -> float:
        """Share of the pixels that count as building."""
        return float((self.logits > 0).mean())


@dataclass(frozen=True)
class Labelled:
    """What the labels say beside the network as it came.

    Attributes:
        buildings: how many were labelled, those that validate included.
        ratio: pixels labelled as building, over those that the network called one before, of all labelled pixels.
        iou: of the network as it came.
    """

    buildings: int
    ratio: float
    iou: float


def steady(model: DenseModel, lesson: Lesson, buildings: int, seen: Sequence[Seen], device: str) -> float:
    """Return what to add to the building logits of a network that has learnt buildings, see `steadying_shift`.

    At least half of what it gained on validation is kept.

    Args:
        model: the new network.
        lesson: what it was taught, and the network as it came.
        buildings: how many were labelled, those that validate included.
        seen: tiles; of each, ``known`` are the pixels without labels.
        device: where both are.
    """
    count = len(lesson.samples)
    some = range(0, count, -(-count // MOST_MEASURED))
    old = _building_logits(lesson.before, lesson, some)
    matrix = _scores(old, lesson, some, True).matrix + _scores(old, lesson, some, False).matrix
    index = lesson.teaching.names.index("building")
    true, found, both = matrix[index].sum(), matrix[:, index].sum(), matrix[index, index]
    labelled = Labelled(buildings, float(true / max(found, 1)), float(both / max(true + found - both, 1)))
    validating = [i for i in range(count) if lesson.samples[i].validates.any()]
    start = _scores(_building_logits(lesson.before, lesson, validating), lesson, validating, True).mean_iou
    new = _building_logits(model, lesson, validating)
    least = (start + _scores(new, lesson, validating, True).mean_iou) / 2

    def keeps(shift: float) -> bool:
        return _scores([logits + shift for logits in new], lesson, validating, True).mean_iou >= least

    return steadying_shift(look(lesson.before, seen, device), look(model, seen, device), labelled, keeps)


def look(model: DenseModel, seen: Sequence[Seen], device: str) -> Witness:
    """Return what a network says of the middle of these tiles, where they are ``known``.

    Args:
        model: takes inputs float32 [1, C, H, W] by name; gives ``building`` logits [1, 1, H, W].
        seen: tiles; of each, what is ``known`` counts.
        device: where the model is.
    """
    return Witness(middle_logits(model, "building", seen, device).ravel())


@torch.no_grad()
def middle_logits(model: DenseModel, task: str, seen: Sequence[Seen], device: str) -> NDArray[np.float32]:
    """Return a task's logits, float32 [N, channels], for the ``known`` pixels in the middle of these tiles.

    Without any tile there are no channels either: [0, 0].

    Args:
        model: takes inputs float32 [1, C, H, W] by name; gives logits [1, channels, H, W] by task.
        task: of the model.
        seen: tiles; of each, what is ``known`` counts.
        device: where the model is.
    """
    model.eval()
    core = slice(MARGIN_PX, TILE_PX - MARGIN_PX)
    found = []
    for tile in seen:
        inputs = {name: torch.from_numpy(values)[None].to(device) for name, values in tile.inputs.items()}
        logits = model(**inputs)[task][0].float().cpu().numpy()
        found.append(logits[:, core, core][:, tile.known[core, core]].T)
    return np.concatenate(found) if found else np.empty((0, 0), np.float32)


def steadying_shift(before: Witness, after: Witness, labelled: Labelled, keeps: Callable[[float], bool]) -> float:
    """Return what to add to the new network's building logits so that its share of buildings elsewhere is likely.

    The likely share is a geometric mean of what the new network says, and of what the old one says times ``ratio``.
    How much the new one and the ratio count depends on how many buildings were labelled; the module says why, the
    benchmark's NOTES.md what comes of it.

    Args:
        before: of the network as it came.
        after: of the new one, for the same pixels.
        labelled: what the labels say.
        keeps: whether a shift keeps what was gained on validation; a smaller one is tried where it does not.

    Returns:
        Between -3 and 3; 0 where nothing can be said.
    """
    if after.logits.size < _LEAST_PIXELS or labelled.iou < _LEAST_IOU or not before.share or not after.share:
        return 0.0
    trusted = labelled.buildings / (labelled.buildings + _HALF_TRUSTED)
    expected = before.share * labelled.ratio**trusted
    share = min(after.share**trusted * expected ** (1 - trusted), 1.0)
    shift = float(np.clip(-np.quantile(after.logits, 1 - share), -_MOST_SHIFT, _MOST_SHIFT))
    return next((shift * fraction for fraction in _FRACTIONS if keeps(shift * fraction)), 0.0)


@torch.no_grad()
def _building_logits(model: DenseModel, lesson: Lesson, tiles: Sequence[int]) -> list[NDArray[np.float32]]:
    """Return the building logits [1, H, W] of the lesson's tiles with these numbers."""
    model.eval()
    return [lesson.outputs(model, [(tile, 0)])["building"][0].float().cpu().numpy() for tile in tiles]


def _scores(logits: list[NDArray[np.float32]], lesson: Lesson, tiles: Sequence[int], validation: bool) -> Scores:
    samples = [lesson.samples[tile] for tile in tiles]
    return score_samples(lambda i: {"building": logits[i]}, samples, lesson.teaching, lesson.ids, validation)
