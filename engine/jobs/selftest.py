"""Does everything work? The default model on the sample area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .inputs import RasterInput
from .segment import DEFAULT_MODEL


@dataclass(frozen=True)
class SelftestJob:
    """Run a model over a small area and say what computed it, with which versions, how fast."""

    model: str = DEFAULT_MODEL
    """Name of a model in the library, or a folder."""
    device: str = "auto"
    runtime: str = "auto"
    precision: str = "auto"
    threads: Optional[int] = None
    rgb: Optional[RasterInput] = None
    """A picture in place of the sample area's."""
    dsm: Optional[RasterInput] = None
    """A surface in place of the sample area's."""
    out: Optional[str] = None
    """Folder to keep the results in; None: they are thrown away."""
