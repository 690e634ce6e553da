"""Labelled polygons: read, repaired, brought into the grid's CRS, and counted on the way."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from shapely.geometry.base import BaseGeometry

from ...jobs import ErrorCode, RidgelineError
from ...jobs.finetune import ClassMapping, PolygonLayer
from ...raster.crs import parse_crs, transform_points

MOST_CLASSES = 100
SLIVER_M2 = 0.5
"""Polygons smaller than this teach nothing: they are left out and counted."""


@dataclass(frozen=True)
class LabelSet:
    """Polygons with classes, in the CRS of the grid.

    Attributes:
        polygons: one geometry each (polygon or multipolygon), valid and not empty.
        classes: int64 [N], index into ``names``.
        names: class names in the order of their indices.
        values: for each polygon, the text of its field.
        repaired: how many were invalid and could be repaired.
        broken: how many were empty, without area or beyond repair, and are left out.
        slivers: how many were smaller than `SLIVER_M2` and are left out.
        unmapped: how many polygons of each value no class was given for.
        outside_area: how many lie outside the area in which everything is labelled and are left out.
    """

    polygons: tuple[BaseGeometry, ...]
    classes: NDArray[np.int64]
    names: tuple[str, ...]
    values: tuple[str, ...]
    repaired: int
    broken: int
    slivers: int
    unmapped: dict[str, int]
    outside_area: int = 0


def read_labels(layer: PolygonLayer, field: str | None, mapping: tuple[ClassMapping, ...], crs: CRS) -> LabelSet:
    """Read the polygons that teach.

    Args:
        layer: the vector file.
        field: the field that says the class; None: all are ``building``.
        mapping: from the field's values to class names; empty: each value is a class of that name.
        crs: CRS of the grid.

    Raises:
        RidgelineError: (INPUT_MISSING, INPUT_UNREADABLE, NO_CRS, BAD_CRS) about the file; (BAD_LABELS) if the field is
            missing, no polygon is left, or none of them has a class.
    """
    name = layer.name or Path(layer.path).name
    shapes, values = _read(layer, field, name, crs)
    targets = {item.value: item.target for item in mapping}
    kept: list[tuple[BaseGeometry, str, str]] = []
    repaired = broken = slivers = 0
    unmapped: Counter[str] = Counter()
    for shape, value in zip(shapes, values):
        target = "building" if field is None and not mapping else targets.get(value, "" if mapping else value)
        polygon, was_repaired = _mended(shape)
        repaired += was_repaired
        if polygon is None:
            broken += 1
        elif not target:
            unmapped[value or "(empty)"] += 1
        elif polygon.area < SLIVER_M2:
            slivers += 1
        else:
            kept.append((polygon, target, value))
    if not kept:
        raise _bad(
            f"The labels {name!r} hold no polygon that can teach ({len(shapes)} read, {broken} broken, {slivers} "
            f"smaller than {SLIVER_M2:g} m², {sum(unmapped.values())} without a class).",
            "Draw polygons around what you want found, and give each a class.",
        )
    names = _ordered([target for _, target, _ in kept], mapping)
    if len(names) > MOST_CLASSES:
        raise _bad(
            f"The field {field!r} of the labels {name!r} has {len(names)} values; a model learns at most "
            f"{MOST_CLASSES} classes.",
            "Choose the field that holds the class, or map its values to fewer classes.",
        )
    return LabelSet(
        polygons=tuple(polygon for polygon, _, _ in kept),
        classes=np.array([names.index(target) for _, target, _ in kept], np.int64),
        names=names,
        values=tuple(value for _, _, value in kept),
        repaired=repaired,
        broken=broken,
        slivers=slivers,
        unmapped=dict(unmapped),
    )


def read_area(layer: PolygonLayer, crs: CRS) -> BaseGeometry:
    """Return the area in which everything is labelled, in the grid's CRS.

    Raises:
        RidgelineError: as `read_labels`.
    """
    name = layer.name or Path(layer.path).name
    shapes, _ = _read(layer, None, name, crs)
    polygons = [polygon for polygon, _ in map(_mended, shapes) if polygon is not None]
    if not polygons:
        raise _bad(f"The area layer {name!r} holds no polygon.", "Draw the area in which everything is labelled.")
    return shapely.union_all(polygons)


def within_area(labels: LabelSet, area: BaseGeometry) -> LabelSet:
    """Return the labels that reach into the area; the others are counted and left out.

    Whoever draws an area says where the labels may be relied on, and often keeps the rest for testing: nothing outside
    it teaches or validates.

    Raises:
        RidgelineError: (BAD_LABELS) if none is left.
    """
    shapes = np.array(labels.polygons, dtype=object)
    shapely.prepare(area)
    inside = shapely.intersects(shapes, area) & ~shapely.touches(shapes, area)
    if not inside.any():
        raise _bad(
            "None of the labelled polygons lies in the area in which everything is labelled.",
            "Draw the area around polygons, or leave it empty.",
        )
    kept = np.flatnonzero(inside)
    return replace(
        labels,
        polygons=tuple(labels.polygons[i] for i in kept),
        classes=labels.classes[kept],
        values=tuple(labels.values[i] for i in kept),
        outside_area=len(shapes) - len(kept),
    )


def counted(count: int, one: str, many: str) -> str:
    """Return a number with what it counts: ``one`` or ``many``."""
    return f"{count} {one if count == 1 else many}"


def told(labels: LabelSet) -> list[tuple[str, str]]:
    """Return a code and a sentence for each thing that was mended or left out while reading."""
    outside = "outside the area in which everything is labelled and"
    counts = (
        ("outside_area", labels.outside_area, f"lies {outside} does not count", f"lie {outside} do not count"),
        ("repaired", labels.repaired, "crosses itself and was repaired", "cross themselves and were repaired"),
        ("broken", labels.broken, "is beyond repair and was left out", "are beyond repair and were left out"),
        ("slivers", labels.slivers, "is too small to see and was left out", "are too small to see and were left out"),
    )
    found = [
        (code, counted(count, f"polygon {one}.", f"polygons {many}.")) for code, count, one, many in counts if count
    ]
    if labels.unmapped:
        listed = ", ".join(f"{value!r} ({count})" for value, count in list(labels.unmapped.items())[:5])
        found.append(("unmapped", f"Polygons with these values have no class and were left out: {listed}."))
    return found


def _read(layer: PolygonLayer, field: str | None, name: str, crs: CRS) -> tuple[list[BaseGeometry], list[str]]:
    if not layer.path.startswith("/vsi") and not os.path.exists(layer.path):
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"The labels {name!r} do not exist.", "Check the path.")
    try:
        known = list(pyogrio.read_info(layer.path, layer=layer.layer)["fields"])
        if field is not None and field not in known:
            raise _bad(f"The labels {name!r} have no field {field!r}.", f"Choose one of: {', '.join(known) or 'none'}.")
        meta, _, geometry, columns = pyogrio.raw.read(
            layer.path, layer=layer.layer, columns=[field] if field else [], force_2d=True
        )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as fault:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE, f"The labels {name!r} cannot be read ({fault}).", "Choose a polygon layer."
        ) from fault
    source = layer.crs or meta.get("crs")
    if not source:
        raise RidgelineError(
            ErrorCode.NO_CRS, f"The labels {name!r} have no CRS.", "Set the layer's CRS and save it again."
        )
    shapes = [] if geometry is None else list(shapely.from_wkb(geometry, on_invalid="ignore"))
    values = [_text(item) for item in columns[0]] if field else [""] * len(shapes)
    own = parse_crs(source, f"the labels {name!r}")
    return [_moved(shape, own, crs) for shape in shapes], values


def _moved(shape: BaseGeometry | None, source: CRS, target: CRS) -> BaseGeometry | None:
    if shape is None or shape.is_empty or source == target:
        return shape

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform_points(source, target, points[:, 0], points[:, 1]))

    return shapely.transform(shape, move)


def _mended(shape: BaseGeometry | None) -> tuple[BaseGeometry | None, bool]:
    """Return the polygonal part of a geometry, valid, and whether it had to be repaired; None if nothing is left."""
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return None, False
    valid = bool(shape.is_valid)
    whole = shape if valid else shapely.make_valid(shape)
    parts = [part for part in shapely.get_parts(whole) if part.geom_type in ("Polygon", "MultiPolygon")]
    polygon = shapely.union_all(parts) if len(parts) != 1 else parts[0]
    return (polygon, not valid) if parts and polygon.area > 0 else (None, False)


def _ordered(targets: list[str], mapping: tuple[ClassMapping, ...]) -> tuple[str, ...]:
    """Return the class names in the mapping's order, else by name."""
    used = set(targets)
    if mapping:
        return tuple(dict.fromkeys(item.target for item in mapping if item.target in used))
    return tuple(sorted(used))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))  # an integer field with gaps is read as floats
    return str(value)


def _bad(message: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_LABELS, message, hint)
