"""The job that compares what a model finds with labelled polygons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from .finetune import ClassMapping, PolygonLayer
from .inputs import RasterInput
from .segment import DEFAULT_MODEL


@dataclass(frozen=True)
class EvaluateJob:
    """One run of a model over the ground that polygons describe, and the comparison."""

    out: str
    """Folder for the report; the run itself is kept in ``run`` inside it."""
    truth: PolygonLayer
    rgb: Optional[RasterInput] = None
    dsm: Optional[RasterInput] = None
    model: str = DEFAULT_MODEL
    field: Optional[str] = None
    """Field that holds the class; None: all polygons are buildings."""
    classes: Tuple[ClassMapping, ...] = ()
    """Empty: each value of the field is the class of that name."""
    area: Optional[PolygonLayer] = None
    """Where everything is labelled. None: the box around the polygons, or the polygons alone (``sparse``)."""
    sparse: bool = False
    """Without an area: only what lies in polygons is known. Then nothing can be called invented."""
    gsd: Optional[float] = None
    device: str = "auto"
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.sparse and self.area is not None:
            raise ValueError("sparse labels have no area in which everything is labelled")
