"""Classes on ground without labels: as frequent as they are there, not as they are among the labels.

Whoever labels three classes draws about as many polygons of each, and a training makes rare classes count more, so
that none is forgotten. On the ground one of them may cover a thousandth, and a network that expects a tenth finds it
everywhere. So new outputs are first calibrated on the labels (a temperature and a bias for each class: Alexandari,
Kundaje and Shrikumar 2020, "Maximum likelihood with bias-corrected calibration", ICML, arXiv 1901.06852), then the
shares on the ground without labels are looked for by expectation maximisation (Saerens, Latinne and Decaestecker 2002,
Neural Computation 14(1)), and the outputs move `TRUST` of the way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from torch.nn import functional as F

from ...models.multitask import DenseModel
from .loop import Lesson
from .samples import MARGIN_PX, TILE_PX, Seen, task_labels

Floats = NDArray[np.float64]

MOST_TILES = 40
"""So many tiles without labels are looked at: they take seconds."""
TRUST = 0.25
"""How far towards the shares found, in their logarithm. All the way was worse than nothing in the towns it was tried
on: few polygons make no calibrated network, and a rare class then vanishes (the benchmark's NOTES.md)."""
_MOST_MEASURED = 100
"""Tiles with labels that are looked at."""
_MOST_PIXELS = 100_000
"""So many of the labelled pixels, and so many of those without labels, are drawn: a few numbers need no more."""
_LEAST_SHARE = 1e-5
_WEIGHT_DECAY = 1e-3
_ROUNDS = 200


@dataclass(frozen=True)
class Calibration:
    """What makes logits probabilities on the labels: ``softmax(logits * temperature + bias)``.

    Attributes:
        temperature: factor of the logits, above 0.
        bias: float64 [classes].
    """

    temperature: float
    bias: Floats


def shares_shift(model: DenseModel, lesson: Lesson, seen: Sequence[Seen], device: str) -> Floats:
    """Return what to add to the logits [classes] of the task that the labels teach; zeros where nothing can be said.

    Args:
        model: the new network.
        lesson: labels that teach one ``classes`` task, with a background.
        seen: tiles; of each, ``known`` are the pixels without labels.
        device: where the network is.
    """
    task = lesson.teaching.taught[0]
    logits, classes = _labelled(model, lesson, task)
    ground = _unlabelled(model, task, seen, device, lesson.config.seed)
    shares = np.bincount(classes, minlength=logits.shape[1]) / max(len(classes), 1)
    if not len(ground) or np.count_nonzero(shares) < 2:
        return np.zeros(logits.shape[1])
    fitted = calibrate(logits, classes)
    return shift_to_shares(fitted, shares, shares_of(ground * fitted.temperature + fitted.bias, shares), TRUST)


def calibrate(logits: Floats, classes: NDArray[np.int64]) -> Calibration:
    """Return the temperature and the biases with which the logits [N, classes] say the classes [N] best."""
    values, wanted = torch.from_numpy(logits), torch.from_numpy(classes)
    factor = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([factor, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        total: torch.Tensor = F.cross_entropy(values * factor.exp() + bias, wanted)
        # classes without labels stay where they are, and logits that say nothing keep their size
        total = total + _WEIGHT_DECAY * (bias.square().sum() + 10 * factor.square().sum())
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return Calibration(float(factor.detach().exp()), bias.detach().numpy())


def shares_of(logits: Floats, shares: Floats) -> Floats:
    """Return the share of each class [classes] among pixels without labels, by expectation maximisation.

    Args:
        logits: [N, classes] of these pixels, calibrated on labels.
        shares: of the classes among the labels, summing up to 1. A class without any has none here either.
    """
    said = np.exp(log_softmax(logits, axis=1))
    before = np.where(shares > 0, shares, 1.0)
    found = shares
    for _ in range(_ROUNDS):
        weighed = said * (found / before)
        weighed /= np.maximum(weighed.sum(axis=1, keepdims=True), 1e-12)
        last, found = found, weighed.mean(axis=0)
        if np.abs(found - last).max() < 1e-6:
            break
    return found


def shift_to_shares(fitted: Calibration, shares: Floats, elsewhere: Floats, trust: float) -> Floats:
    """Return what to add to the raw logits [classes] so that they expect other shares than those of the labels.

    Args:
        fitted: calibration of the raw logits on the labels.
        shares: of the classes among the labels; a class without any is not moved for its share.
        elsewhere: of the classes on other ground.
        trust: 0 stays at the labels' shares, 1 goes all the way.
    """
    moved = np.log(np.maximum(elsewhere, _LEAST_SHARE)) - np.log(np.where(shares > 0, shares, 1.0))
    return (fitted.bias + trust * np.where(shares > 0, moved, 0.0)) / fitted.temperature


@torch.no_grad()
def _labelled(model: DenseModel, lesson: Lesson, task: str) -> tuple[Floats, NDArray[np.int64]]:
    """Return the logits [N, classes] of labelled pixels, those that validate included, and their channels [N]."""
    model.eval()
    count = len(lesson.samples)
    logits, classes = [], []
    for index in range(0, count, -(-count // _MOST_MEASURED)):
        sample = lesson.samples[index]
        rows, columns = sample.core
        channels = task_labels(sample, lesson.teaching, lesson.ids)[task][rows, columns].astype(np.int64) - 1
        said = lesson.outputs(model, [(index, 0)])[task][0].double().cpu().numpy()[:, rows, columns]
        logits.append(said[:, channels >= 0].T)
        classes.append(channels[channels >= 0])
    known = np.concatenate(classes)
    chosen = _some(len(known), lesson.config.seed)
    return np.concatenate(logits)[chosen], known[chosen]


@torch.no_grad()
def _unlabelled(model: DenseModel, task: str, seen: Sequence[Seen], device: str, seed: int) -> Floats:
    """Return the logits [N, classes] of ``known`` pixels in the middle of these tiles; [0, 0] without a tile."""
    model.eval()
    core = slice(MARGIN_PX, TILE_PX - MARGIN_PX)
    found = []
    for tile in seen:
        inputs = {name: torch.from_numpy(values)[None].to(device) for name, values in tile.inputs.items()}
        logits = model(**inputs)[task][0].float().cpu().numpy()
        found.append(logits[:, core, core][:, tile.known[core, core]].T)
    pixels = np.concatenate(found) if found else np.empty((0, 0))
    return pixels[_some(len(pixels), seed)].astype(np.float64)


def _some(count: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of at most `_MOST_PIXELS` of so many pixels, drawn."""
    if count <= _MOST_PIXELS:
        return np.arange(count)
    return np.random.default_rng(seed).choice(count, _MOST_PIXELS, replace=False)
