"""Give a network the batch sizes it can take, so that a tile's bits never depend on its neighbours in the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]


def run_in_batches(
    inputs: Arrays, size: int | None, compute: Callable[[Arrays], dict[str, NDArray[np.float32]]]
) -> Arrays:
    """Run ``compute`` on batches of exactly ``size`` tiles, the last one filled up with copies of its last tile.

    Args:
        inputs: arrays [B, …] by name.
        size: tiles a call; None: all at once, whatever their number.
        compute: takes and returns arrays by name, one row a tile.

    Returns:
        The outputs [B, …] by name, without the rows that only filled up.
    """
    count = len(next(iter(inputs.values())))
    if size is None or size == count:
        return compute(inputs)
    parts: list[dict[str, NDArray[np.float32]]] = []
    for start in range(0, count, size):
        piece = {name: array[start : start + size] for name, array in inputs.items()}
        real = min(size, count - start)
        if real < size:
            piece = {
                name: np.concatenate([array, np.repeat(array[-1:], size - real, axis=0)])
                for name, array in piece.items()
            }
        parts.append({name: array[:real] for name, array in compute(piece).items()})
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
