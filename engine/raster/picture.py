"""Pictures of any bit depth on one scale: by the range of their type, never by their content."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scale_factor(white: float, full_scale: float) -> float:
    """Return what a picture's values are multiplied with, so that its white becomes the model's.

    Args:
        white: the value of white in the raster (``Source.white``: 255, 65535, or 2^NBITS − 1).
        full_scale: the value of white that the model was trained with (``MeanStd.full_scale``).

    Raises:
        ValueError: if the raster's white is not above zero.
    """
    if not white > 0:
        raise ValueError(f"white must be positive, not {white}")
    return full_scale / white


def to_full_scale(values: NDArray[Any], white: float, full_scale: float) -> NDArray[np.float32]:
    """Return a picture [C, H, W] as float32 on the model's scale: linearly, nothing clipped or stretched."""
    factor = scale_factor(white, full_scale)
    scaled = values.astype(np.float32)
    if factor != 1.0:
        scaled *= np.float32(factor)
    return scaled
