"""Several looks at each tile, turned or mirrored each time; the mean of what the network says counts.

What a network gets wrong by chance it gets wrong otherwise in a turned tile, so the mean is a little better than each
look, at the cost of as many runs ("test-time augmentation"; Krizhevsky, Sutskever and Hinton 2012, section 4.1). It is
the mean of probabilities, also of a network that gives logits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from ..models.package import ModelSpec
from ..terrain.symmetry import turned, turned_back, turned_channels
from .maps import probability
from .predictor import DeviceReport, Predictor, Tensors

Floats = NDArray[np.float32]

SYMMETRIES = {1: (0,), 2: (0, 3), 4: (0, 3, 5, 6), 8: (0, 1, 2, 3, 4, 5, 6, 7)}
"""Symmetries of the square (`terrain.symmetry`) by number of looks: as it lies, half a turn, quarter turns, all."""

_LEAST = np.float32(1e-6)
"""Probabilities nearer to 0 or 1 have no logit that float32 can tell from others."""


class ManyLooks:
    """A predictor that looks several times.

    Args:
        predictor: looks once.
        model: what the package says of the inputs.
        looks: a key of ``SYMMETRIES``.
    """

    def __init__(self, predictor: Predictor, model: ModelSpec, looks: int) -> None:
        self._activations = {item.name: item.activation for item in model.outputs}
        self._predictor, self._symmetries = predictor, SYMMETRIES[looks]
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
        for symmetry in self._symmetries:
            seen = {
                name: turned_channels(array, symmetry, self._heights[name])
                if name in self._heights
                else turned(array, symmetry)
                for name, array in inputs.items()
            }
            for name, values in self._predictor.predict(seen).items():
                back = turned_back(probability(values, self._activations[name]), symmetry)
                if name in total:
                    total[name] += back
                else:
                    total[name] = np.array(back)
        share = np.float32(1 / len(self._symmetries))
        for name in total:
            total[name] *= share
        return {name: _before(mean, self._activations[name]) for name, mean in total.items()}


def _before(mean: Floats, activation: str) -> Floats:
    """Return maps [B, C, H, W] that an activation makes these probabilities of."""
    if activation == "none":
        return mean
    inside = np.clip(mean, _LEAST, 1 - _LEAST)
    return logit(inside) if activation == "sigmoid" else np.log(inside)
