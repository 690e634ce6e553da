"""Surface and ground of whole rows, for the heights of buildings and ``height_above_ground.tif``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..raster.grid import Grid
from ..terrain.ground import context_px, ground
from .feed import Raster

Floats = NDArray[np.float32]

_PANEL_PX = 2048


def surface_and_ground(dsm: Raster, rows: Grid, wanted: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
    """Return the surface and the ground under it.

    Both are made panel by panel with the context that the estimate of the ground needs: they do not depend on how
    rows were cut, and memory does not on the width.

    Args:
        dsm: the aligned surface.
        rows: whole rows of the grid.
        wanted: bool [H, W]: panels without any wanted pixel are left NaN; None: all.

    Returns:
        Two float32 arrays [H, W] in metres, NaN where not known.
    """
    surface = np.full(rows.shape, np.nan, np.float32)
    floor = np.full(rows.shape, np.nan, np.float32)
    margin = context_px(rows.gsd)
    for left in range(0, rows.width, _PANEL_PX):
        columns = slice(left, min(left + _PANEL_PX, rows.width))
        if wanted is not None and not wanted[:, columns].any():
            continue
        panel = rows.window(rows.row0, rows.col0 + left, rows.height, columns.stop - left)
        around = panel.padded(margin)
        pixels = dsm.read(around)
        found = ground(pixels.values[0], pixels.valid, rows.gsd, around.col0, around.row0)
        inner = np.s_[margin : margin + panel.height, margin : margin + panel.width]
        surface[:, columns] = np.where(pixels.valid[inner], pixels.values[0][inner], np.float32(np.nan))
        floor[:, columns] = found[inner]
    return surface, floor
