"""Reads roofs from CityGML 1 and 2, element by element, so that files of any size fit in memory."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree  # nosec B405: document types, the way in for entity attacks, are refused below

import numpy as np

from ..jobs import ErrorCode, RidgelineError
from .city import City, CityRoof, Ring

_BUILDINGS = ("Building", "BuildingPart")


class _Part:
    """What is known of a building or part while the file is read."""

    def __init__(self, identifier: str) -> None:
        self.id = identifier
        self.code = ""
        self.roofs: list[tuple[Ring, ...]] = []
        self.lowest: float | None = None


def read_citygml(path: Path) -> City:
    """Return the roof surfaces of every building and building part of a CityGML file.

    Raises:
        RidgelineError: (INPUT_UNREADABLE) if the file is no well-formed XML or declares a document type.
    """
    with path.open("rb") as stream:
        if b"<!DOCTYPE" in stream.read(65536):
            raise _unreadable(path, "declares a document type, which is not read for safety")
    roofs: list[CityRoof] = []
    open_parts: list[_Part] = []
    epsg: int | None = None
    try:
        for event, element in ElementTree.iterparse(path, events=("start", "end")):  # nosec B314: see above
            name = element.tag.rsplit("}", 1)[-1]
            if event == "start":
                if name in _BUILDINGS:
                    identifier = next((v for k, v in element.attrib.items() if k.endswith("id")), f"{len(roofs)}")
                    open_parts.append(_Part(identifier))
                if epsg is None and "srsName" in element.attrib:
                    epsg = _epsg(element.attrib["srsName"])
                continue
            if name == "roofType" and open_parts:
                open_parts[-1].code = (element.text or "").strip()
            elif name == "RoofSurface" and open_parts:
                open_parts[-1].roofs.extend(_polygons(element))
            elif name == "GroundSurface" and open_parts:
                for polygon in _polygons(element):
                    low = float(polygon[0][:, 2].min())
                    last = open_parts[-1].lowest
                    open_parts[-1].lowest = low if last is None else min(low, last)
            if name in _BUILDINGS:
                part = open_parts.pop()
                if part.roofs:
                    roofs.append(_finished(part, open_parts[0].id if open_parts else part.id))
            if name in (*_BUILDINGS, "boundedBy", "lod2Solid", "cityObjectMember") and name != "GroundSurface":
                element.clear()
    except ElementTree.ParseError as fault:
        raise _unreadable(path, f"is not well-formed XML ({fault})") from fault
    return City(tuple(roofs), epsg)


def _finished(part: _Part, building: str) -> CityRoof:
    lowest = min(float(ring[:, 2].min()) for rings in part.roofs for ring in rings)
    return CityRoof(
        part.id, building, tuple(part.roofs), lowest - 3.0 if part.lowest is None else part.lowest, part.code
    )


def _polygons(element: ElementTree.Element) -> list[tuple[Ring, ...]]:
    found = []
    for polygon in element.iter():
        if polygon.tag.rsplit("}", 1)[-1] != "Polygon":
            continue
        rings = [_ring(ring) for ring in polygon.iter() if ring.tag.rsplit("}", 1)[-1] == "LinearRing"]
        rings = [ring for ring in rings if len(ring) >= 3]
        if rings:
            found.append(tuple(rings))
    return found


def _ring(element: ElementTree.Element) -> Ring:
    texts = [child.text or "" for child in element.iter() if child.tag.rsplit("}", 1)[-1] in ("posList", "pos")]
    numbers = np.array([float(value) for value in " ".join(texts).split()])
    corners = numbers[: len(numbers) // 3 * 3].reshape(-1, 3)
    return corners[:-1] if len(corners) > 1 and np.allclose(corners[0], corners[-1]) else corners


def _epsg(name: str) -> int | None:
    match = re.search(r"EPSG[:/]+(?:[\d.]*[:/]+)?(\d{4,5})", name)
    if match:
        return int(match.group(1))
    zone = re.search(r"ETRS89_UTM(\d\d)", name)  # the German authorities' own names
    return 25800 + int(zone.group(1)) if zone else None


def _unreadable(path: Path, why: str) -> RidgelineError:
    return RidgelineError(ErrorCode.INPUT_UNREADABLE, f"The city model {path.name} {why}.", "Export it again.")
