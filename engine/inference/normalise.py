"""Makes the network's input from raster values, by what the model package says and nothing else.

No number here comes from the raster's own content: a dark tile stays dark, a tile full of nodata shifts nothing, and a
height is never taken for a colour. Pixels without data become 0, which is the mean of what the model was trained on;
for heights the recipe's own ``valid`` channel tells the network which ones they are.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..given import given
from ..jobs import ErrorCode, RidgelineError
from ..models.package import HeightChannels, InputSpec, MeanStd
from ..terrain.height_channels import CHANNELS, RECIPE_VERSION, context_px, height_channels

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


class Cut(Protocol):
    """Writes the network's input for one square of a panel."""

    def __call__(self, row: int, col: int, out: Floats) -> None:
        """Fill ``out`` [C, size, size] from the panel's pixel (row, col) on, context not counted."""
        ...


class Normaliser(Protocol):
    """Prepares one input of the network, panel by panel."""

    @property
    def context_px(self) -> int:
        """Pixels that a panel must be read wider on every side."""
        ...

    def prepare(self, values: NDArray[Any], valid: Bools, col0: int, row0: int) -> Cut:
        """Take a panel.

        Args:
            values: [bands, H, W] in the raster's own type, with the context on every side.
            valid: bool [H, W].
            col0: absolute column of its first pixel (context included).
            row0: absolute row of its first pixel.
        """
        ...


def normaliser_for(item: InputSpec, gsd: float, white: float) -> Normaliser:
    """Return the normaliser of a network's input.

    Args:
        item: what the package says about the input.
        gsd: metres per pixel.
        white: the raster's value of white (pictures), by its type or stated bit depth.

    Raises:
        RidgelineError: (BAD_MODEL) if the package asks for a recipe of heights that this version does not know.
    """
    if item.height_channels is not None:
        return _Heights(item.name, item.height_channels, gsd)
    norm = given(item.mean_std)  # the one or the other, by the description's own check
    return _Linear(norm, norm.full_scale / white if item.kind == "rgb" else 1.0)


class _Linear:
    """``(value * scale - mean) / std`` by band."""

    context_px = 0

    def __init__(self, spec: MeanStd, scale: float) -> None:
        mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
        self._factor = (scale / std).astype(np.float32)
        self._offset = (-mean / std).astype(np.float32)

    def prepare(self, values: NDArray[Any], valid: Bools, col0: int, row0: int) -> Cut:
        """Take a panel; see ``Normaliser.prepare``."""
        complete = bool(valid.all())

        def cut(row: int, col: int, out: Floats) -> None:
            rows, cols = slice(row, row + out.shape[1]), slice(col, col + out.shape[2])
            for band, factor, offset, plane in zip(values, self._factor, self._offset, out):
                np.multiply(band[rows, cols], factor, out=plane, dtype=np.float32, casting="unsafe")
                np.add(plane, offset, out=plane)
            if not complete:
                np.copyto(out, np.float32(0), where=~valid[rows, cols])

        return cut


class _Heights:
    """The channels that `terrain.height_channels` derives from a surface."""

    def __init__(self, name: str, spec: HeightChannels, gsd: float) -> None:
        unknown = [channel for channel in spec.channels if channel not in CHANNELS]
        if spec.version != RECIPE_VERSION or unknown:
            what = f"the channel {unknown[0]!r}" if unknown else f"version {spec.version} of the recipe"
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The model's input {name!r} needs {what} for heights, which this version of Ridgeline does not know.",
                "Update Ridgeline, or choose another model.",
            )
        self._channels = [CHANNELS.index(channel) for channel in spec.channels]
        self._gsd = gsd
        self.context_px = context_px(gsd)

    def prepare(self, values: NDArray[Any], valid: Bools, col0: int, row0: int) -> Cut:
        """Take a panel; see ``Normaliser.prepare``."""
        channels = height_channels(values[0], valid, self._gsd, col0, row0, self.context_px)

        def cut(row: int, col: int, out: Floats) -> None:
            rows, cols = slice(row, row + out.shape[1]), slice(col, col + out.shape[2])
            for channel, plane in zip(self._channels, out):
                np.copyto(plane, channels[channel, rows, cols])

        return cut
