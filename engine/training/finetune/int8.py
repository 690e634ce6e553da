"""int8 graphs of a taught model, calibrated on the tiles that taught it: it then runs as quickly as the one before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...models.export.quantise import add_int8
from ...models.package import ModelSpec, load_package
from .samples import Sample

_MOST = 12
"""Pictures to calibrate on: a dozen, spread over all tiles, hold what a few hundred more would."""


def add_int8_like(before: ModelSpec, folder: Path, samples: Sequence[Sample]) -> None:
    """Give the package in ``folder`` int8 graphs if the model that it began with has some; processors then take them.

    Args:
        before: the model that was taught.
        folder: of the new package, with fp32 graphs.
        samples: what taught it; at least one.
    """
    if any(item.precision == "int8" for item in before.weights):
        package = load_package(folder)
        add_int8(package, pieced(samples, package.spec.tile.size), first=True)


def pieced(samples: Sequence[Sample], side: int) -> list[dict[str, NDArray[np.float32]]]:
    """Return pictures [1, C, side, side] by input name, put together from the tiles; what is left over is zero."""
    tile = samples[0].truth.shape[0]
    along = max(1, side // tile)
    pictures = []
    count = min(_MOST, -(-len(samples) // along**2))
    chosen = np.linspace(0, len(samples) - 1, count * along**2).astype(int)
    for number in range(count):
        inputs = {
            name: np.zeros((1, len(values), side, side), np.float32) for name, values in samples[0].inputs.items()
        }
        for place, index in enumerate(chosen[number * along**2 : (number + 1) * along**2]):
            row, col = (tile * item for item in divmod(place, along))
            for name, picture in inputs.items():
                piece = samples[index].inputs[name][:, : side - row, : side - col]
                picture[0, :, row : row + tile, col : col + tile] = piece
        pictures.append(inputs)
    return pictures
