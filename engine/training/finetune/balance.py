"""How often tiles are drawn and what pixels count, so that every class is learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .samples import Sample
from .teaching import Teaching


def tile_shares(samples: Sequence[Sample], teaching: Teaching, everything: bool = False) -> NDArray[np.float64]:
    """Return how often each tile is drawn [N]: by its training pixels, each class counting alike over all tiles.

    Args:
        samples: tiles with labels.
        teaching: what the labels teach.
        everything: whether what validates teaches, too.

    Raises:
        ValueError: if no tile holds a pixel to train on.
    """
    counts = _training_pixels(samples, teaching, everything)
    total = counts.sum(axis=0)
    if not total.any():
        raise ValueError("no labelled pixel is left to train on")
    # the square root keeps tiles with a few pixels of a rare class from being shown all the time
    share = np.sqrt(counts / np.maximum(total, 1)).sum(axis=1)
    shares: NDArray[np.float64] = share / share.sum()
    return shares


def class_weights(
    samples: Sequence[Sample], teaching: Teaching, ids: dict[str, dict[str, int]]
) -> dict[str, tuple[float, ...]]:
    """Return what a pixel of each class counts, by task in the channels' order: the rarer the more."""
    weight = rarity_weights(_training_pixels(samples, teaching).sum(axis=0))
    by_name = {name: float(item) for name, item in zip(teaching.names, weight)}
    return {
        task: tuple(by_name.get(name, 1.0) for name in sorted(ids[task], key=ids[task].__getitem__))
        for task in teaching.taught
        if len(ids.get(task, ())) > 1
    }


def rarity_weights(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a pixel of each class [classes] counts where there are so many of each.

    The square root of the inverse frequency, within a factor of ten: a solar panel is not drowned by the ground around
    it, and does not drown it either.
    """
    usual = total[total > 0].mean() if total.any() else 1.0
    weights: NDArray[np.float64] = np.clip(np.sqrt(usual / np.maximum(total, 1)), 0.32, 3.2)
    return weights


def _training_pixels(samples: Sequence[Sample], teaching: Teaching, everything: bool = False) -> NDArray[np.float64]:
    """Return the number of training pixels [tiles, classes]; ``everything``: of all labelled ones."""
    counts = np.zeros((len(samples), len(teaching.names)))
    for number, sample in enumerate(samples):
        trains = (sample.truth >= 0) & (~sample.validates | everything)
        counts[number] = np.bincount(sample.truth[trains], minlength=counts.shape[1])
    return counts
