"""What the warm engine can be asked, one JSON object a line on its standard input.

Each line is ``{"id": ..., "do": NAME, NAME: {...}}`` with one of the requests below; events come back with the same
``id``. A preview replaces the preview before it, which then ends as cancelled; the end of the input ends the engine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Optional, Tuple, Union

from .codec import check_texts, from_dict, to_dict
from .errors import ErrorCode, RidgelineError
from .inputs import RasterInput
from .segment import DEFAULT_MODEL, SegmentJob, check_looks


@dataclass(frozen=True)
class Scene:
    """Rasters and model that requests are about; what it needs is opened once and kept."""

    rgb: Optional[RasterInput] = None
    dsm: Optional[RasterInput] = None
    model: str = DEFAULT_MODEL
    gsd: Optional[float] = None
    """Metres per pixel; None: what the model takes over these rasters (see `pixel_size.run_gsd`)."""
    device: str = "auto"
    runtime: str = "auto"
    precision: str = "auto"
    threads: Optional[int] = None
    looks: Optional[int] = None
    """How often the model looks at each place; None: what it advises (see `SegmentJob.looks`)."""

    def __post_init__(self) -> None:
        check_looks(self.looks)


@dataclass(frozen=True)
class LoadRequest:
    """Open model and rasters, so that what follows is quick."""

    scene: Scene


@dataclass(frozen=True)
class PreviewRequest:
    """Results for a part of the map."""

    scene: Scene
    bounds: Tuple[float, float, float, float]
    """xmin, ymin, xmax, ymax of the view in ``crs``."""
    out: str
    """Folder for the pictures; those of older previews in it are removed in time."""
    crs: Optional[str] = None
    """CRS of ``bounds``; None: that of the grid."""
    layers: Tuple[str, ...] = ()
    """Rasters wanted (``land_cover``, ``roof_class``, ``confidence``, …); empty: all that the model gives."""
    format: str = "tif"
    """``tif`` (GeoTIFF with colour table) or ``png`` (with a world file)."""
    most_tiles: int = 64
    """A view that needs more is refused: the user should zoom in."""

    def __post_init__(self) -> None:
        if self.format not in ("tif", "png"):
            raise ValueError(f"format must be tif or png, not {self.format!r}")


@dataclass(frozen=True)
class RoofRequest:
    """The building at one place."""

    scene: Scene
    x: float
    y: float
    crs: Optional[str] = None
    """CRS of x and y; None: that of the grid."""
    tolerance_m: float = 1.0
    """The furthest, in metres, that the regular outline may lie from the raw one."""


@dataclass(frozen=True)
class CancelRequest:
    """Stop a request; it ends as cancelled."""

    target: str
    """Its id."""


@dataclass(frozen=True)
class ShutdownRequest:
    """Stop everything and end."""


ServeRequest = Union[LoadRequest, PreviewRequest, RoofRequest, SegmentJob, CancelRequest, ShutdownRequest]

_KINDS = {
    "load": LoadRequest,
    "preview": PreviewRequest,
    "roof": RoofRequest,
    "segment": SegmentJob,
    "cancel": CancelRequest,
    "shutdown": ShutdownRequest,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def request_to_line(id: str, request: ServeRequest) -> str:
    """Return the request as one line of JSON, without the line's end."""
    name = _NAMES[type(request)]
    return json.dumps({"id": id, "do": name, name: to_dict(request)}, ensure_ascii=True, allow_nan=False)


def request_from_line(line: str) -> Tuple[Optional[str], ServeRequest]:
    """Return id and request of a line.

    Raises:
        RidgelineError: (BAD_JOB) if the line is no request; its attribute ``id`` names the request where it is known.
    """
    identity: Optional[str] = None
    try:
        try:
            data: Any = json.loads(line)
        except (ValueError, RecursionError) as fault:
            raise _bad("is no JSON") from fault
        if not isinstance(data, dict):
            raise _bad("is no object")
        check_texts(data)
        identity = str(data["id"]) if data.get("id") is not None else None
        name = data.get("do")
        if not isinstance(name, str) or name not in _KINDS:
            raise _bad(f"asks for {name!r}; known are: {', '.join(_KINDS)}")
        surplus = sorted(set(map(str, data)) - {"id", "do", name})
        if surplus:
            raise _bad(f"holds the unknown key {surplus[0]!r}")
        request: ServeRequest = from_dict(_KINDS[name], data.get(name, {}), name)
    except RidgelineError as fault:
        raise BadRequestError(fault, identity) from fault
    return identity, request


class BadRequestError(RidgelineError):
    """A line that is no request.

    Attributes:
        id: of the request, where the line says it.
    """

    def __init__(self, fault: RidgelineError, id: Optional[str]) -> None:
        super().__init__(fault.code, fault.message, fault.hint)
        self.id = id


def _bad(what: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_JOB, f"A request {what}.", "Correct whoever talks to the engine.")
