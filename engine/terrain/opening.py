"""The grey opening: what is left of a surface when all that is narrower than a square is taken off it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d


def grey_opening(
    lowest: NDArray[np.float32], size: int, centres: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Return the opening with a square of ``size`` blocks, float32 [h, w], metres; NaN where nothing known is in reach.

    Args:
        lowest: float32 [h, w], the lowest height of each block; +inf where it is not known.
        size: odd number of blocks.
        centres: bool [h, w], where the square's centre may lie; None: anywhere, beyond the rim too.
    """
    eroded = lowest
    for axis in (0, 1):
        eroded = minimum_filter1d(eroded, size, axis=axis, mode="constant", cval=np.inf)
    usable = np.isfinite(eroded) if centres is None else centres
    opened = np.where(usable, eroded, np.float32(-np.inf))
    for axis in (0, 1):
        opened = maximum_filter1d(opened, size, axis=axis, mode="constant", cval=-np.inf)
    return np.where(np.isinf(opened), np.float32(np.nan), opened)
