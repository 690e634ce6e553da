"""Several looks at each tile, turned or mirrored each time; the mean of what the network says counts.

What a network gets wrong by chance it gets wrong otherwise in a turned tile, so the mean is a little better than each
look, at the cost of as many runs ("test-time augmentation"; Krizhevsky, Sutskever and Hinton 2012, section 4.1). It is
the mean of probabilities, also of a network that gives logits.

A picture by itself may be looked at from further off, too: at half its resolution, for a quarter of the cost. Real
pictures are less sharp than those that a network learnt from, and pixels twice the size show them as sharp
(``evaluation/MODEL_HISTORY.md``, version 1.12.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ..models.package import ModelSpec
from ..terrain.symmetry import turned, turned_back, turned_channels
from .enlarge import enlarged
from .maps import probability
from .predictor import DeviceReport, Predictor, Tensors

Floats = NDArray[np.float32]

SYMMETRIES = {1: (0,), 2: (0, 3), 4: (0, 3, 5, 6), 8: (0, 1, 2, 3, 4, 5, 6, 7)}
"""Symmetries of the square (`terrain.symmetry`) by number of looks: as it lies, half a turn, quarter turns, all."""

COARSE_SYMMETRIES = {2: (5, 6), 4: (1, 2, 4, 7), 8: (0, 1, 2, 3, 4, 5, 6, 7)}
"""Symmetries of the looks from further off, by number of looks from near: other ones as far as there are."""
_COARSE_WEIGHT = 0.5
"""So much a look from further off counts beside one from near."""

_LEAST = np.float32(1e-6)
"""Probabilities nearer to 0 or 1 have no logit that float32 can tell from others."""


@dataclass(frozen=True)
class _Look:
    """One look: which symmetry, how many times smaller the tile, and how much it counts."""

    symmetry: int
    shrink: int = 1
    weight: float = 1.0


class ManyLooks:
    """A predictor that looks several times.

    Args:
        predictor: looks once.
        model: what the package says of the inputs.
        looks: a key of ``SYMMETRIES``.
        coarse: look as often from further off: the predictor takes tiles of half the size. Tiles and their halves must
            then be whole multiples of the package's multiple.
    """

    def __init__(self, predictor: Predictor, model: ModelSpec, looks: int, coarse: bool = False) -> None:
        self._activations = {item.name: item.activation for item in model.outputs}
        self._predictor = predictor
        self._looks = [_Look(symmetry) for symmetry in SYMMETRIES[looks]]
        if coarse:
            self._looks += [_Look(symmetry, 2, _COARSE_WEIGHT) for symmetry in COARSE_SYMMETRIES[looks]]
        self._heights = {
            item.name: item.height_channels.channels for item in model.inputs if item.height_channels is not None
        }

    @property
    def report(self) -> DeviceReport:
        """Which device really computes."""
        return self._predictor.report

    def predict(self, inputs: Tensors) -> Tensors:
        """Run the network as often as there are looks; see ``Predictor.predict``."""
        total: dict[str, np.ndarray] = {}
        for look in self._looks:
            seen = {name: self._shown(name, array, look) for name, array in inputs.items()}
            for name, values in self._predictor.predict(seen).items():
                said = enlarged(probability(values, self._activations[name]), look.shrink)
                back = turned_back(said, look.symmetry) * np.float32(look.weight)
                if name in total:
                    total[name] += back
                else:
                    total[name] = back
        share = np.float32(1 / sum(look.weight for look in self._looks))
        for name in total:
            total[name] *= share
        return {name: _before(mean, self._activations[name]) for name, mean in total.items()}

    def _shown(self, name: str, array: Floats, look: _Look) -> Floats:
        array = shrunk(array, look.shrink)
        if name in self._heights:
            return turned_channels(array, look.symmetry, self._heights[name])
        return turned(array, look.symmetry)


def shrunk(array: Floats, factor: int) -> Floats:
    """Return arrays [B, C, H, W] at a part of their size: the means of squares of pixels, [B, C, H / f, W / f].

    Pixels are added plane by plane: NumPy's mean over two axes of squares takes as long as the look itself.
    """
    if factor == 1:
        return array
    *many, height, width = array.shape
    total = np.zeros((*many, height // factor, width // factor), np.float32)
    for row in range(factor):
        for column in range(factor):
            total += array[..., row::factor, column::factor]
    total *= np.float32(1 / factor**2)
    return total


def _before(mean: Floats, activation: str) -> Floats:
    """Return maps [B, C, H, W] that an activation makes these probabilities of."""
    if activation == "none":
        return mean
    inside = np.clip(mean, _LEAST, 1 - _LEAST)
    return logit(inside) if activation == "sigmoid" else np.log(inside)
