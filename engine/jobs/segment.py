"""The main job: two rasters in, class rasters and building polygons out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

from .inputs import RasterInput, Region

DEFAULT_MODEL = "ridgeline-compact"

LOOKS = (1, 2, 4, 8)
"""How often a network may look at each tile, turned or mirrored each time."""


@dataclass(frozen=True)
class BuildingOptions:
    """How building polygons are made."""

    enabled: bool = True
    regularise: bool = True
    """Square corners where the data says so."""
    tolerance_m: float = 1.0
    """The furthest, in metres, that a regular outline may lie from the raw one."""
    min_area_m2: float = 10.0
    """Smaller buildings are dropped, in square metres."""
    min_hole_m2: float = 4.0
    """Smaller holes are filled, in square metres."""
    min_confidence: Optional[float] = None
    """Buildings of a smaller mean probability (0 to 1) are left out. None: what the model advises; 0: none is."""

    def __post_init__(self) -> None:
        if self.min_confidence is not None and not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence must lie between 0 and 1, not {self.min_confidence}")


@dataclass(frozen=True)
class SegmentJob:
    """One run of a model over a pair of rasters."""

    out: str
    """Folder for the results."""
    rgb: Optional[RasterInput] = None
    dsm: Optional[RasterInput] = None
    region: Optional[Region] = None
    """None: the area where the inputs overlap."""
    model: str = DEFAULT_MODEL
    """Name of a model in the library, or a folder."""
    gsd: Optional[float] = None
    """Metres per pixel; None: what the model takes over these rasters (see `pixel_size.run_gsd`)."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or another device of the runtime."""
    runtime: str = "auto"
    """``auto``, ``onnx`` or ``torch``."""
    precision: str = "auto"
    """``auto``, ``fp32``, ``fp16``, ``bf16`` or ``int8``."""
    looks: Optional[int] = None
    """How often the model looks at each place (one of ``LOOKS``); the mean counts. None: what the model advises."""
    batch: Optional[int] = None
    threads: Optional[int] = None
    skip_empty: bool = False
    """With a DSM: skip tiles in which nothing stands above the ground."""
    keep_heights: bool = False
    """Write ``height_above_ground.tif`` too."""
    overwrite: bool = False
    buildings: BuildingOptions = field(default_factory=BuildingOptions)

    def __post_init__(self) -> None:
        for name, value in (("batch", self.batch), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be a whole number from 1, not {value}")
        check_looks(self.looks)


def check_looks(looks: Optional[int]) -> None:
    """Check that a job may ask for so many looks.

    Raises:
        ValueError: naming the numbers that there are.
    """
    if looks is not None and looks not in LOOKS:
        raise ValueError(f"looks must be one of {', '.join(map(str, LOOKS))}, not {looks}")
