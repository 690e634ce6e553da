"""True roofs of 3D city models: what a reader gives, and which roof class they have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, make_valid, union_all
from shapely.geometry import MultiPolygon

from ..classes import FLAT_SLOPE_DEG, ROOF_CLASSES, SQUARE_SHARE
from ..jobs import ErrorCode, RidgelineError

Ring = NDArray[np.float64]
"""Corners x, y, z [n, 3], metres, not closed."""
ROOF_IDS = {info.name: info.id for info in ROOF_CLASSES}

CODED_ROOFS: dict[str, str] = {
    "1000": "flat",
    "2100": "other",  # a single slope
    "2200": "other",  # two single slopes at different heights
    "3100": "gable",
    "3200": "hipped",
    "3300": "hipped_v1",  # half-hipped
    "3400": "mansard",
    "3500": "pyramid",
    "3600": "revolved",  # cone
    "3700": "revolved",  # dome
    "3800": "row",  # saw-tooth
    "3900": "arched",
    "4000": "pyramid",  # spire
    "5000": "other",  # mixed
    "9999": "other",
}
"""Roof types of the German surveying authorities' code list (AdV CityGML profile, ``bldg:roofType``; the same codes
as in CityGML's SIG3D list) and our classes; ``hipped`` is told apart by the outline."""


@dataclass(frozen=True)
class CityRoof:
    """The roof of one building or building part.

    Attributes:
        id: its own identifier.
        building: identifier of the whole building.
        rings: one entry a plane: its outer ring and its holes.
        ground: height of the ground floor, metres.
        code: roof type as written in the file; empty if there is none.
    """

    id: str
    building: str
    rings: tuple[tuple[Ring, ...], ...]
    ground: float
    code: str = ""

    def outline(self) -> Polygon | MultiPolygon:
        """Return the roof's outline in x, y."""
        faces = [Polygon(ring[0][:, :2], [hole[:, :2] for hole in ring[1:]]) for ring in self.rings]
        return union_all([make_valid(face).buffer(1e-3) for face in faces if face.area > 1e-4])


@dataclass(frozen=True)
class City:
    """All roofs of a file and the EPSG code of its coordinates (None if the file does not say)."""

    roofs: tuple[CityRoof, ...]
    epsg: int | None

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax."""
        corners = np.concatenate([ring[0][:, :2] for roof in self.roofs for ring in roof.rings])
        low, high = corners.min(axis=0), corners.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def read_city(path: Path) -> City:
    """Return the LoD2 roofs of a CityGML (``.gml``, ``.xml``) or CityJSON (``.json``) file.

    Raises:
        RidgelineError: (INPUT_MISSING, INPUT_UNREADABLE) if the file is absent, of another kind, or has no LoD2 roofs.
    """
    from .citygml import read_citygml
    from .cityjson import read_cityjson

    if not path.is_file():
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"The city model {path} does not exist.", "Check the path.")
    if path.suffix.lower() == ".json":
        city = read_cityjson(path)
    elif path.suffix.lower() in (".gml", ".xml", ".citygml"):
        city = read_citygml(path)
    else:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE,
            f"The city model {path.name} is neither CityGML (.gml, .xml) nor CityJSON (.json).",
            "Give a CityGML 1 or 2 or a CityJSON file.",
        )
    if not city.roofs:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE,
            f"The city model {path.name} has no roof surfaces.",
            "Give a model of level of detail 2, in which roofs are surfaces of their own.",
        )
    return city


def roof_class_of(roof: CityRoof) -> int:
    """Return the roof class id: by the file's roof type if it has one, else by the planes (0 if those do not say)."""
    name = CODED_ROOFS.get(roof.code)
    if name is None:
        name = _guess(roof)
    if name == "hipped":
        name = "hipped_v1" if _simple(roof) else "hipped_v2"
    return ROOF_IDS[name] if name else 0


def plane_of(ring: Ring) -> tuple[float, float, float]:
    """Return (a, b, c) of z = a x + b y + c through a ring, by least squares."""
    centre = ring.mean(axis=0)
    design = np.c_[ring[:, :2] - centre[:2], np.ones(len(ring))]
    (a, b, c), *_ = np.linalg.lstsq(design, ring[:, 2] - centre[2], rcond=None)
    return float(a), float(b), float(c + centre[2] - a * centre[0] - b * centre[1])


def _simple(roof: CityRoof) -> bool:
    outline = roof.outline()
    return bool(outline.area >= SQUARE_SHARE * outline.minimum_rotated_rectangle.area)


def _guess(roof: CityRoof) -> str:
    """Return the class that the planes alone leave no doubt about: flat, gable, hipped, pyramid, other, or ''."""
    planes = []
    for ring in roof.rings:
        area = Polygon(ring[0][:, :2]).area
        a, b, _ = plane_of(ring[0])
        slope, aspect = np.degrees(np.arctan(np.hypot(a, b))), np.degrees(np.arctan2(b, a)) % 360
        planes.append((area, slope, aspect, ring[0]))
    total = sum(p[0] for p in planes)
    if total < 1:
        return ""
    planes = [p for p in planes if p[0] >= 0.05 * total]
    if sum(p[0] for p in planes if p[1] < FLAT_SLOPE_DEG) >= 0.8 * total:
        return "flat"
    sloping = [p for p in planes if p[1] >= FLAT_SLOPE_DEG]
    if len(planes) == 1:
        return "other"
    aspects: list[float] = []
    for plane in sloping:
        if all(min(abs(plane[2] - other), 360 - abs(plane[2] - other)) > 20 for other in aspects):
            aspects.append(float(plane[2]))
    opposite = len(aspects) == 2 and abs(abs(aspects[0] - aspects[1]) - 180) < 20
    if opposite and len(sloping) == len(planes) and _simple(roof):
        return "gable"
    if len(aspects) == 4 and len(planes) == 4 and _simple(roof):
        tops = [p[3][p[3][:, 2] > p[3][:, 2].max() - 0.2][:, :2] for p in planes]
        ridge = np.concatenate(tops)
        return "pyramid" if np.ptp(ridge, axis=0).max() < 1.0 else "hipped"
    return ""
