"""Surfaces tilted on purpose: a model that measures heights above the ground must not mind a hillside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

TILT = 0.25
"""Rise in metres per metre, to the east."""


def write_tilted(dsm: Path, target: Path, tilt: float = TILT) -> Path:
    """Write the surface of ``dsm`` with a slope of ``tilt`` to the east added, and return ``target``.

    Raises:
        rasterio.errors.RasterioIOError: if the surface cannot be read.
    """
    with rasterio.open(dsm) as source:
        heights = source.read(1, masked=True)
        rise = np.arange(source.width, dtype=np.float32) * np.float32(source.res[0] * tilt)
        profile = source.profile | {"driver": "GTiff", "dtype": "float32", "nodata": -9999.0}
        tilted = (heights.astype(np.float32) + rise[None, :]).filled(-9999.0)
        with rasterio.open(target, "w", **profile) as sink:
            sink.write(tilted, 1)
    return target
