"""Surface and ground of whole rows, for the heights of buildings and ``height_above_ground.tif``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..raster.aligned import AlignedRaster
from ..raster.grid import Grid
from ..terrain.ground_stream import GroundStream

Floats = NDArray[np.float32]


class Heights:
    """Gives surface and ground of rows, from top to bottom.

    Args:
        dsm: the aligned surface.
        grid: all rows.
    """

    def __init__(self, dsm: AlignedRaster, grid: Grid) -> None:
        self._dsm = dsm
        self._ground = GroundStream(dsm, grid)

    def of(self, rows: Grid) -> tuple[Floats, Floats]:
        """Return surface and ground, two float32 arrays [H, W] in metres, NaN where not known.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the raster and the rows that fail.
        """
        block = self._dsm.read(rows)
        return block.values[0].astype(np.float32, copy=False), self._ground.under(rows, block)

    def surface_in(self, window: Grid) -> Floats:
        """Return the surface of any window of the lattice, float32 [H, W] in metres, NaN where not known.

        Raises:
            RidgelineError: (INPUT_UNREADABLE) naming the raster and the rows that fail.
        """
        surface: Floats = self._dsm.read(window).values[0].astype(np.float32, copy=False)
        return surface
