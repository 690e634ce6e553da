"""Reads roofs from CityJSON 1 and 2."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..jobs import ErrorCode, RidgelineError
from .city import City, CityRoof, Ring


def read_cityjson(path: Path) -> City:
    """Return the roof surfaces of level of detail 2 of every building and building part.

    Raises:
        RidgelineError: (INPUT_UNREADABLE) if the file is no CityJSON.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.get("type") != "CityJSON":
            raise ValueError("its type is not CityJSON")
        vertices = np.array(data["vertices"], np.float64).reshape(-1, 3)
        if "transform" in data:
            vertices = vertices * data["transform"]["scale"] + data["transform"]["translate"]
        roofs = [
            roof
            for name, thing in data["CityObjects"].items()
            if (roof := _roof(name, thing, data["CityObjects"], vertices)) is not None
        ]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as fault:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE,
            f"The city model {path.name} cannot be read as CityJSON ({fault}).",
            "Check it with a CityJSON validator.",
        ) from fault
    match = re.search(r"EPSG\D+(?:[\d.]+\D)?(\d{4,5})$", str(data.get("metadata", {}).get("referenceSystem", "")))
    return City(tuple(roofs), int(match.group(1)) if match else None)


def _roof(name: str, thing: dict[str, Any], things: dict[str, Any], vertices: np.ndarray) -> CityRoof | None:
    if thing.get("type") not in ("Building", "BuildingPart"):
        return None
    planes: list[tuple[Ring, ...]] = []
    lowest: float | None = None
    for geometry in thing.get("geometry", []):
        if not str(geometry.get("lod", "")).startswith("2") or "semantics" not in geometry:
            continue
        for surface, kind in _surfaces(geometry):
            rings = tuple(vertices[ring] for ring in surface if len(ring) >= 3)
            if kind == "RoofSurface" and rings:
                planes.append(rings)
            elif kind == "GroundSurface" and rings:
                low = float(rings[0][:, 2].min())
                lowest = low if lowest is None else min(low, lowest)
    if not planes:
        return None
    parent = thing.get("parents", [name])[0]
    attributes = {**things.get(parent, {}).get("attributes", {}), **thing.get("attributes", {})}
    if lowest is None:
        lowest = min(float(ring[:, 2].min()) for rings in planes for ring in rings) - 3.0
    return CityRoof(name, parent, tuple(planes), lowest, str(attributes.get("roofType", "")))


def _surfaces(geometry: dict[str, Any]) -> list[tuple[list[list[int]], str]]:
    """Return (rings of vertex numbers, semantic type) of every surface of a multi-surface or (multi-)solid."""
    semantics = geometry["semantics"]
    kinds = semantics["surfaces"]
    found: list[tuple[list[list[int]], str]] = []

    def walk(boundaries: list[Any], values: Any) -> None:
        for k, item in enumerate(boundaries):
            value = values[k] if isinstance(values, list) else values
            if item and isinstance(item[0], list) and item[0] and isinstance(item[0][0], int):
                kind = kinds[value]["type"] if isinstance(value, int) else ""
                found.append((item, kind))
            else:
                walk(item, value)

    walk(geometry["boundaries"], semantics["values"])
    return found
