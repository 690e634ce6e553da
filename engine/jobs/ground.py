"""The job that finds the ground under a surface model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

from .inputs import RasterInput, Region


@dataclass(frozen=True)
class GroundJob:
    """Makes ``ground.tif`` and ``height_above_ground.tif`` of a DSM."""

    out: str
    """Folder for the results."""
    dsm: RasterInput
    region: Optional[Region] = None
    """None: all of the DSM. The surface around a region is used all the same."""
    gsd: Optional[float] = None
    """Metres per pixel; None: the DSM's own."""
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.gsd is not None and not 0 < self.gsd < math.inf:
            raise ValueError(f"gsd must be a positive number of metres, not {self.gsd}")
