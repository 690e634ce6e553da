"""What a frozen encoder says of each tile, computed once per symmetry and kept in half precision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.multitask import DenseModel
from ...models.package import InputSpec
from ...terrain.height_channels import CHANNELS
from ..symmetry import turned, turned_channels
from .samples import Sample

_FULL_HEIGHTS = tuple(CHANNELS)
CACHE_BYTES = 1_500_000_000
"""Features that were used longest ago are given up beyond this."""


def turned_input(spec: InputSpec, values: NDArray[np.float32], symmetry: int) -> NDArray[np.float32]:
    """Return a normalised input [C, H, W] under a symmetry of the square; slopes turn with it."""
    names = spec.height_channels.channels if spec.height_channels is not None else ()
    if "slope_x" not in names and "slope_y" not in names:
        return np.asarray(turned(values, symmetry), np.float32)
    if tuple(names) != _FULL_HEIGHTS:
        # place the channels where turned_channels expects them, and take them back out
        full = np.zeros((len(CHANNELS), *values.shape[1:]), np.float32)
        places = [CHANNELS.index(name) for name in names]
        full[places] = values
        return turned_channels(full, symmetry)[places]
    return turned_channels(values, symmetry)


def jittered_input(spec: InputSpec, values: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Return a picture under slightly other light; heights are returned as they are."""
    if spec.kind != "rgb":
        return values
    gain = np.exp(random.normal(0, 0.08) + random.normal(0, 0.04, (len(values), 1, 1)))
    return (values * gain + random.normal(0, 0.08)).astype(np.float32)


class FeatureCache:
    """Features by tile and symmetry, computed when first asked for.

    Args:
        model: its encoder must stay as it is.
        inputs: what the model takes.
        samples: the tiles.
        seed: of the light that each symmetry is seen under (the first is seen as it is).
        device: where the encoder runs.
        most_bytes: of kept features.
    """

    def __init__(
        self,
        model: DenseModel,
        inputs: Sequence[InputSpec],
        samples: Sequence[Sample],
        seed: int,
        device: str,
        most_bytes: int = CACHE_BYTES,
    ) -> None:
        self._model, self._samples, self._seed, self._device = model, samples, seed, device
        self._specs = {item.name: item for item in inputs}
        self._kept: dict[tuple[int, int], list[Tensor]] = {}  # in the order of their last use
        self._most_bytes, self._bytes = most_bytes, 0

    @torch.no_grad()
    def __call__(self, tiles: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Return the pyramid of (tile, symmetry) pairs: float32 [B, C, H / stride, W / stride], fine to coarse."""
        for pair in dict.fromkeys(tiles):
            self._kept[pair] = self._kept.pop(pair) if pair in self._kept else self._computed(pair)
        levels = [torch.stack(level) for level in zip(*(self._kept[pair] for pair in tiles))]
        while self._bytes > self._most_bytes:
            self._bytes -= _size(self._kept.pop(next(iter(self._kept))))
        return [level.to(self._device, torch.float32) for level in levels]

    def _computed(self, pair: tuple[int, int]) -> list[Tensor]:
        # one at a time: the bits then do not depend on what is asked for together, which a resumed run would change
        pyramid = self._model.encoder.eval()(**self.inputs([pair]))
        levels = [level[0].to(torch.float16).cpu() for level in pyramid]
        self._bytes += _size(levels)
        return levels

    def inputs(self, tiles: Sequence[tuple[int, int]]) -> dict[str, Tensor]:
        """Return the network's inputs of these (tile, symmetry) pairs, float32 [B, C, H, W] by name."""
        batch: dict[str, list[NDArray[np.float32]]] = {}
        for tile, symmetry in tiles:
            random = np.random.default_rng((self._seed, tile, symmetry))
            for name, values in self._samples[tile].inputs.items():
                spec = self._specs[name]
                seen = jittered_input(spec, values, random) if symmetry else values
                batch.setdefault(name, []).append(turned_input(spec, seen, symmetry))
        return {name: torch.from_numpy(np.stack(items)).to(self._device) for name, items in batch.items()}


def _size(levels: Sequence[Tensor]) -> int:
    return sum(level.numel() * level.element_size() for level in levels)
