"""The job that teaches a model from labelled polygons."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Optional, Tuple

from .inputs import RasterInput
from .segment import DEFAULT_MODEL

MODES = ("head", "adapters", "full")
NEW_COLOURS = (
    "#ee6677",
    "#4477aa",
    "#ccbb44",
    "#aa3377",
    "#66ccee",
    "#ee8866",
    "#ffaabb",
    "#44bb99",
    "#bbbbbb",
    "#228833",
)
"""Colours of new classes without one (Paul Tol's bright and light schemes, told apart by colour-blind people); first
those that are easily told from grass, trees and roads in a picture from above."""
_DEVICES_OF_WINDOWS = {"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(10))}


def package_name(title: str) -> str:
    """Return a name of small letters, digits and dashes for the model that people call ``title``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-")
    return "my-model" if not word or word in _DEVICES_OF_WINDOWS else word


@dataclass(frozen=True)
class PolygonLayer:
    """Polygons in a vector file."""

    path: str
    layer: Optional[str] = None
    """Layer of the file; None: the first."""
    crs: Optional[str] = None
    """A CRS that overrides the file's own."""
    name: Optional[str] = None
    """What the user calls it; used in messages."""


@dataclass(frozen=True)
class ClassMapping:
    """What a value of the labels' field means."""

    value: str
    """The field's value as text."""
    target: str
    """A class of the model (``gable``, ``building``) or the name of a new one; empty: leave these polygons out."""
    colour: Optional[str] = None
    """``#rrggbb`` of a new class."""

    def __post_init__(self) -> None:
        if self.colour is not None and not re.fullmatch(r"#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f"colour {self.colour!r} must look like #a1b2c3")


@dataclass(frozen=True)
class FinetuneJob:
    """One training on the user's polygons; the result is a model package."""

    out: str
    """Folder of the new package; made if missing."""
    labels: PolygonLayer
    rgb: Optional[RasterInput] = None
    dsm: Optional[RasterInput] = None
    model: str = DEFAULT_MODEL
    name: str = "my-model"
    """Name of the new model."""
    field: Optional[str] = None
    """Field that holds the class; None: all polygons are of one class, ``building``."""
    classes: Tuple[ClassMapping, ...] = ()
    """Empty: each value of the field is the class of that name."""
    area: Optional[PolygonLayer] = None
    """Where everything is labelled: what no polygon covers there is background, and nothing outside it teaches. None:
    only polygons teach, wherever they lie."""
    keep_old_classes: bool = True
    """New classes only: keep what the model already gives beside them."""
    keep_surface: bool = False
    """New classes only: use the surface even where the picture alone seems to tell them better."""
    mode: str = "head"
    """``head`` (frozen encoder, minutes on a CPU), ``adapters`` or ``full``."""
    gsd: Optional[float] = None
    minutes: float = 4.0
    """At most so long; it stops earlier when validation does not improve."""
    steps: Optional[int] = None
    """Exactly so many steps instead, which makes a run repeatable to the bit."""
    validation_share: float = 0.25
    block_m: float = 64.0
    """Side of the squares that training and validation are split by, in metres."""
    seed: int = 1
    device: str = "auto"
    overwrite: bool = False
    check_only: bool = False
    """Read, check and split the labels, and end before any training."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if not 0 < self.validation_share < 1:
            raise ValueError("validation_share must lie between 0 and 1")
        if not (0 < self.minutes < math.inf and 0 < self.block_m < math.inf):
            raise ValueError("minutes and block_m must be positive numbers")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be 1 or more, not {self.steps}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be a whole number from 0 to {2**32 - 1}, not {self.seed}")
