"""Tiles of which a part only is known: the network sees that part and a margin, not the whole tile.

Tiles lie on a lattice of their own, so the outermost ones of a raster reach beyond it, and many orthophotos lie askew
in frames of nodata. What is left out depends on the tile alone, never on the region or on what else is computed, so
that two runs still agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from ..models.package import InputSpec, ModelSpec
from .predictor import DeviceReport, Predictor, Tensors

Floats = NDArray[np.float32]
Window = tuple[slice, slice]

_VALID = "valid"
_MARGIN_PX = 32
"""Pixels beyond the known ones that the network sees: outlines end where the raster does as they do in a whole tile."""


def tells_what_is_known(model: ModelSpec, kinds: Collection[str]) -> bool:
    """Return whether the inputs made from these rasters show which pixels are known (see ``inference.normalise``).

    Heights have a channel for it. Pixels of a picture that are not known are 0 in all channels, which none that is
    known can be unless the mean of a band is black.
    """
    return all(_channels(item) is not None for item in model.inputs if item.kind in kinds)


class Cropped:
    """A predictor that is shown the known part of each tile.

    Args:
        predictor: takes tiles of any size (``DeviceReport.any_size``).
        model: what the package says; its inputs must tell what is known.
        multiple: of pixels, at which parts start and end.
    """

    def __init__(self, predictor: Predictor, model: ModelSpec, multiple: int) -> None:
        self._predictor = predictor
        self._multiple = multiple
        self._channels = {item.name: channels for item in model.inputs if (channels := _channels(item)) is not None}

    @property
    def report(self) -> DeviceReport:
        """Which device really computes."""
        return self._predictor.report

    def predict(self, inputs: Tensors) -> Tensors:
        """Run the network; see ``Predictor.predict``. Beyond what was computed, maps go on as they end."""
        told = {name: array[:, self._channels[name]] for name, array in inputs.items()}
        height, width = next(iter(told.values())).shape[-2:]
        count = len(next(iter(told.values())))
        windows = [known_window({name: array[k] for name, array in told.items()}, self._multiple) for k in range(count)]
        if all(_covers(window, height, width) for window in windows):
            return self._predictor.predict(inputs)
        found: dict[str, list[Floats]] = {}
        for k, (rows, cols) in enumerate(windows):
            part = {name: np.ascontiguousarray(array[k : k + 1, :, rows, cols]) for name, array in inputs.items()}
            around = ((0, 0), (rows.start, height - rows.stop), (cols.start, width - cols.stop))
            for name, maps in self._predictor.predict(part).items():
                found.setdefault(name, []).append(np.pad(maps[0], around, mode="edge"))
        return {name: np.stack(maps) for name, maps in found.items()}


def known_window(tile: Mapping[str, Floats], multiple: int) -> Window:
    """Return the rows and columns of a tile that hold all that is known, with a margin, in whole multiples.

    Args:
        tile: float32 [C, H, W] by input, channels that are 0 where nothing is known; H and W are multiples.
        multiple: of pixels, at which the window starts and ends.
    """
    arrays = list(tile.values())
    height, width = arrays[0].shape[-2:]
    edges = ((slice(None), 0), (slice(None), -1), (slice(None), slice(None), 0), (slice(None), slice(None), -1))
    if all(any(array[edge].any() for array in arrays) for edge in edges):  # nearly all tiles
        return slice(0, height), slice(0, width)
    rows = np.logical_or.reduce([array.any(axis=(0, 2)) for array in arrays])
    cols = np.logical_or.reduce([array.any(axis=(0, 1)) for array in arrays])
    return _span(rows, multiple), _span(cols, multiple)


def _span(known: NDArray[np.bool_], multiple: int) -> slice:
    places = np.flatnonzero(known)
    if not len(places):
        return slice(0, len(known))
    start = max(0, int(places[0]) - _MARGIN_PX) // multiple * multiple
    stop = -(-min(len(known), int(places[-1]) + 1 + _MARGIN_PX) // multiple) * multiple
    return slice(start, stop)


def _covers(window: Window, height: int, width: int) -> bool:
    return window == (slice(0, height), slice(0, width))


def _channels(item: InputSpec) -> slice | None:
    """Return the channels of an input that are 0 where, and only where, nothing is known; None if there are none."""
    if item.height_channels is not None:
        names = item.height_channels.channels
        at = names.index(_VALID) if _VALID in names else None
        return None if at is None else slice(at, at + 1)
    if item.kind == "rgb" and item.mean_std is not None and all(item.mean_std.mean):
        return slice(0, len(item.bands))
    return None
