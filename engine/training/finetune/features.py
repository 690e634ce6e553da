"""Tiles as a network sees them, and what a frozen one says of them: computed once, kept in half precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.multitask import DenseModel
from ...models.package import InputSpec
from .samples import Sample
from .views import View, can_zoom, seen_input, view_of

CACHE_BYTES = 1_200_000_000
"""Answers that were used longest ago are given up beyond this."""
MOST_SHOWN = 700
"""So many shown tiles are kept at once (of the compact model, as `CACHE_BYTES` allows): computing them anew for every
step would take longer than the step."""
Pairs = Sequence[tuple[int, int]]
"""Tiles to show: index of the sample, and number of the view (0: as it is)."""


def fitting_views(tiles: int, most: int) -> int:
    """Return in how many ways each tile is looked at, so that all fit what is kept; four at least."""
    return min(most, max(4, MOST_SHOWN // max(1, tiles)))


class Shown:
    """Tiles as their views show them.

    Args:
        inputs: what the model takes.
        samples: the tiles.
        seed: of the views.
        device: where the network runs.
        free_colours: whether colours say nothing about the classes, so that views may change them at will.
    """

    def __init__(
        self,
        inputs: Sequence[InputSpec],
        samples: Sequence[Sample],
        seed: int,
        device: str,
        free_colours: bool = False,
    ) -> None:
        self._samples, self._seed, self._device, self._free_colours = samples, seed, device, free_colours
        self._specs = {item.name: item for item in inputs}
        self._can_zoom = can_zoom(inputs, list(samples[0].inputs)) if samples else False

    @property
    def kinds(self) -> list[str]:
        """Kinds of the inputs that the tiles have, in the model's order."""
        given = self._samples[0].inputs if self._samples else {}
        return [item.kind for item in self._specs.values() if item.name in given]

    def view(self, pair: tuple[int, int]) -> View:
        """Return how a tile is looked at."""
        return view_of(self._seed, *pair, self._can_zoom)

    def inputs(self, pairs: Pairs) -> dict[str, Tensor]:
        """Return the network's inputs of these pairs, float32 [B, C, H, W] by name."""
        batch: dict[str, list[NDArray[np.float32]]] = {}
        for pair in pairs:
            view, sample = self.view(pair), self._samples[pair[0]]
            roofs = sample.polygon if self._free_colours else None
            for name, values in sample.inputs.items():
                batch.setdefault(name, []).append(seen_input(self._specs[name], values, view, roofs))
        return {name: torch.from_numpy(np.stack(items)).to(self._device) for name, items in batch.items()}


def picture_for(model: DenseModel, shown: Shown, pairs: Pairs) -> Tensor | None:
    """Return the pictures [B, bands, H, W] of these tiles where a task of the network looks at them, else None."""
    return shown.inputs(pairs).get("rgb") if model.details else None


class Kept:
    """What a network that stays as it is says of tiles and views, computed when first asked for.

    Args:
        compute: gives tensors [C, H, W] of one pair. One at a time: their bits then do not depend on what is asked for
            together, which a resumed run would change.
        device: where the answers are wanted.
        most_bytes: of kept answers.
    """

    def __init__(
        self, compute: Callable[[tuple[int, int]], Sequence[Tensor]], device: str, most_bytes: int = CACHE_BYTES
    ) -> None:
        self._compute, self._device = compute, device
        self._kept: dict[tuple[int, int], list[Tensor]] = {}  # in the order of their last use
        self._most_bytes, self._bytes = most_bytes, 0

    @torch.no_grad()
    def __call__(self, pairs: Pairs) -> list[Tensor]:
        """Return float32 [B, C, H, W] for each tensor that ``compute`` gives."""
        for pair in dict.fromkeys(pairs):
            self._kept[pair] = self._kept.pop(pair) if pair in self._kept else self._computed(pair)
        stacks = [torch.stack(items) for items in zip(*(self._kept[pair] for pair in pairs))]
        while self._bytes > self._most_bytes:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        return [stack.to(self._device, torch.float32) for stack in stacks]

    def _computed(self, pair: tuple[int, int]) -> list[Tensor]:
        answer = [item.to(torch.float16).cpu() for item in self._compute(pair)]
        self._bytes += _size(answer)
        return answer


def _size(items: Sequence[Tensor]) -> int:
    return sum(item.numel() * item.element_size() for item in items)
