"""From blended maps to classes and probabilities, in place and without temporaries.

All functions work on contiguous float32 planes of one size, so that numpy takes the same vectorised path for every
pixel: the same input gives the same bits wherever it lies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


class Winner:
    """Finds the winning class of each pixel and how sure the model is of it; keeps its buffers between calls.

    Args:
        size: side of the square planes in pixels.
    """

    def __init__(self, size: int) -> None:
        self.index: Bytes = np.empty((size, size), np.uint8)
        """uint8 [size, size]: channel of the winner, the first one where several are equal."""
        self.score: Floats = np.empty((size, size), np.float32)
        """float32 [size, size]: its value before activation; NaN where any channel is NaN."""
        self._above = np.empty((size, size), np.bool_)
        self._byte = np.empty((size, size), np.uint8)
        self._part = np.empty((size, size), np.float32)
        self._sum = np.empty((size, size), np.float32)

    def find(self, maps: Floats) -> None:
        """Set ``index`` and ``score`` from float32 maps [C, size, size]. No activation changes which one wins."""
        np.copyto(self.score, maps[0])
        self.index[:] = 0
        for channel in range(1, len(maps)):
            np.greater(maps[channel], self.score, out=self._above)
            # channels come in rising order, so the largest number seen is the winner's
            np.multiply(self._above.view(np.uint8), np.uint8(channel), out=self._byte)
            np.maximum(self.index, self._byte, out=self.index)
            np.maximum(self.score, maps[channel], out=self.score)

    def probability(self, maps: Floats, activation: str, out: Floats) -> None:
        """Write the winner's probability of the maps given to `find` last.

        Args:
            maps: float32 [C, size, size].
            activation: ``none``, ``softmax`` or ``sigmoid``.
            out: float32 [size, size].
        """
        if activation != "softmax":
            np.copyto(out, self.score)
            activate(out, activation)
            return
        self._sum[:] = 0
        for plane in maps:  # exp(x - max): the winner's own term is 1 and nothing overflows
            np.subtract(plane, self.score, out=self._part)
            np.exp(self._part, out=self._part)
            self._sum += self._part
        np.divide(np.float32(1), self._sum, out=out)

    def probability_of(self, maps: Floats, channel: int, activation: str, out: Floats) -> None:
        """Write the probability of one channel; after ``probability`` with the same maps and activation.

        Args:
            maps: float32 [C, size, size].
            channel: which one.
            activation: ``none``, ``softmax`` or ``sigmoid``.
            out: float32 [size, size].
        """
        if activation != "softmax":
            np.copyto(out, maps[channel])
            activate(out, activation)
            return
        np.subtract(maps[channel], self.score, out=out)
        np.exp(out, out=out)
        out /= self._sum


def activate(values: Floats, activation: str) -> None:
    """Apply ``sigmoid`` in place; ``none`` and a ``softmax`` over one channel leave the values as they are."""
    if activation == "sigmoid":
        np.clip(values, -60, 60, out=values)  # beyond this float32 is 0 or 1 anyway, and exp would overflow
        np.negative(values, out=values)
        np.exp(values, out=values)
        values += np.float32(1)
        np.reciprocal(values, out=values)


def to_percent(probability: Floats, out: Bytes) -> None:
    """Write a probability as whole percent from 1 to 100 (0 stays free for nodata); changes ``probability``."""
    probability *= np.float32(100)
    np.rint(probability, out=probability)
    np.clip(probability, 1, 100, out=probability)
    np.copyto(out, probability, casting="unsafe")


def to_steps(probability: Floats, out: Bytes) -> None:
    """Write a probability in 254 steps, from 1 (0.0) to 255 (1.0), rounded down; changes ``probability``.

    A threshold t of 127 / 254 = 0.5 falls between two steps exactly, so ``p >= 0.5`` can be told from the step.
    """
    np.clip(probability, 0, 1, out=probability)
    probability *= np.float32(254)
    probability += np.float32(1)
    np.copyto(out, probability, casting="unsafe")


def step_of(threshold: float) -> int:
    """Return the first step of `to_steps` whose probability reaches ``threshold``."""
    return 1 + int(np.ceil(np.float32(threshold) * np.float32(254)))
