"""What a model finds, compared with labelled polygons: pixel by pixel, and thing by thing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.features import rasterize, shapes
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry.base import BaseGeometry

from ..jobs import ErrorCode, RidgelineError
from ..models.package import BACKGROUND, ModelSpec, OutputSpec
from ..training.finetune.labels import LabelSet
from .metrics import confusion_matrix
from .objects import MISSED, WRONG_CLASS, Fault, Shape

ELSE = "something else"
BUILDING = "building"
_ROWS = 512
_LEAST_PIXELS = 8
"""Patches of a class raster smaller than this are specks, not things."""
_LEAST_SEEN = 0.5
"""Part of a true thing that the rasters must show for it to count."""


@dataclass(frozen=True)
class Target:
    """Which result the classes are compared with.

    Attributes:
        kind: ``building``, ``roof_class``, ``land_cover`` or ``classes`` (any other output).
        names: the labels' classes without a background.
        output: the output that gives them; None: the building polygons are all there is.
    """

    kind: str
    names: tuple[str, ...]
    output: OutputSpec | None

    @property
    def raster(self) -> str | None:
        """Name of the class raster that a run writes of it, without extension."""
        if self.output is None:
            return None
        return self.output.name if self.output.role == "other" else self.output.role

    def values(self) -> dict[int, int]:
        """Return the index among ``names`` of each class id of the raster that is one of them."""
        if self.output is None:
            return {}
        if self.kind == "building" and self.output.role == "roof_class":
            return {item.id: 0 for item in self.output.classes}  # roof classes stand on buildings alone
        return {item.id: self.names.index(item.name) for item in self.output.classes if item.name in self.names}


def choose_target(spec: ModelSpec, names: tuple[str, ...]) -> Target:
    """Return what of a model's results the classes are compared with.

    Raises:
        RidgelineError: (BAD_LABELS) if no output of the model gives these classes.
    """
    real = tuple(name for name in names if name != BACKGROUND)
    if real == (BUILDING,):
        cover = spec.output_of_role("land_cover")
        has_building = cover is not None and any(item.name == BUILDING for item in cover.classes)
        output = spec.output_of_role("roof_class") or (cover if has_building else None)
        if output is not None or spec.output_of_role("building") is not None:
            return Target("building", real, output)
    ranked = sorted(spec.outputs, key=lambda item: item.role not in ("roof_class", "land_cover"))
    for output in ranked:
        if output.kind == "classes" and set(real) <= {item.name for item in output.classes}:
            kind = output.role if output.role in ("roof_class", "land_cover") else "classes"
            return Target(kind, real, output)
    known = "; ".join(", ".join(item.name for item in output.classes) for output in spec.outputs if output.classes)
    raise RidgelineError(
        ErrorCode.BAD_LABELS,
        f"The model {spec.name!r} has no output with the classes {', '.join(real)}.",
        f"Map the values of the field to classes of one output: {known or BUILDING}.",
    )


@dataclass(frozen=True)
class Ground:
    """Where the truth is known.

    Attributes:
        labels: the polygons, in the CRS of the run.
        region: where all is labelled; None: in the polygons alone.
        crs: of both.
    """

    labels: LabelSet
    region: BaseGeometry | None
    crs: CRS


@dataclass(frozen=True)
class PixelCounts:
    """Pixels compared.

    Attributes:
        names: the classes, then what is none of them.
        matrix: int64 [classes, classes], rows are the truth.
        by_polygon: int64 [polygons, classes], what was found in each.
    """

    names: tuple[str, ...]
    matrix: NDArray[np.int64]
    by_polygon: NDArray[np.int64]


def count_pixels(folder: Path, target: Target, ground: Ground, found: list[Shape]) -> PixelCounts:
    """Compare the run in ``folder`` with the truth, some rows at a time.

    Args:
        folder: a finished run.
        target: what is compared.
        ground: the truth.
        found: building polygons, used where the model writes no class raster.

    Raises:
        rasterio.errors.RasterioIOError: if a raster cannot be read.
    """
    names = (*target.names, BACKGROUND if ground.region is not None else ELSE)
    rest = len(target.names)
    index_of = np.array([names.index(name) if name in target.names else rest for name in ground.labels.names])
    matrix = np.zeros((len(names), len(names)), np.int64)
    by_polygon = np.zeros((len(ground.labels.polygons), len(names)), np.int64)
    polygons = np.array(ground.labels.polygons, dtype=object)
    order = np.argsort(-shapely.area(polygons), kind="stable")  # where polygons overlap, the smaller one counts
    table = np.full(256, rest, np.int64)
    for value, index in target.values().items():
        table[value] = index
    grid_file = f"{target.raster}.tif" if target.raster else "confidence.tif"
    with rasterio.open(folder / grid_file) as raster, rasterio.open(_known_file(folder, target)) as known:
        for row in range(0, raster.height, _ROWS):
            window = Window(0, row, raster.width, min(_ROWS, raster.height - row))
            transform, shape = raster.window_transform(window), (int(window.height), int(window.width))
            burn = partial(_burnt, shape, transform)
            place = shapely.box(*rasterio.windows.bounds(window, raster.transform))

            near = set(np.flatnonzero(shapely.intersects(polygons, place)).tolist())
            which = burn([(polygons[i], int(i)) for i in order if int(i) in near], -1)
            inside = which >= 0
            truth = np.where(inside, index_of[ground.labels.classes[np.maximum(which, 0)]], rest)
            counts = known.dataset_mask(window=window) > 0
            counts &= inside if ground.region is None else burn([(ground.region, 1)], 0) == 1
            if target.raster:
                answer = table[raster.read(1, window=window)]
            else:
                touching = [(item.outline, 1) for item in found if item.outline.intersects(place)]
                answer = np.where(burn(touching, 0) == 1, 0, rest)
            matrix += confusion_matrix(truth, answer, len(names), counts)
            here = counts & inside
            np.add.at(by_polygon, (which[here], answer[here]), 1)
    return PixelCounts(names, matrix, by_polygon)


def _burnt(
    shape: tuple[int, int], transform: Affine, items: list[tuple[BaseGeometry, int]], fill: int
) -> NDArray[np.int32]:
    if not items:
        return np.full(shape, fill, np.int32)
    burnt: NDArray[np.int32] = rasterize(items, out_shape=shape, transform=transform, fill=fill, dtype="int32")
    return burnt


def found_buildings(file: Path, with_class: bool, ground: Ground) -> list[Shape]:
    """Return the building polygons of a run whose inner point lies where the truth is known.

    Args:
        file: ``buildings.gpkg`` of the run.
        with_class: whether their roof class plays a part.
        ground: the truth.
    """
    _, _, geometry, columns = pyogrio.raw.read(str(file), columns=["roof_class"])
    outlines = shapely.from_wkb(geometry)
    names = columns[0] if len(columns) else [None] * len(outlines)
    items = [Shape(outline, str(name) if with_class and name else None) for outline, name in zip(outlines, names)]
    return [item for item in items if _is_known(item, ground)]


def found_patches(folder: Path, target: Target, ground: Ground) -> list[Shape]:
    """Return the connected patches of each class of interest in the class raster of a run, small specks left out."""
    values = target.values()
    with rasterio.open(folder / f"{target.raster}.tif") as raster:
        classes, least_m2 = raster.read(1), _LEAST_PIXELS * abs(raster.transform.determinant)
        wanted = np.isin(classes, list(values))
        patches = [
            Shape(shapely.geometry.shape(outline), target.names[values[int(value)]])
            for outline, value in shapes(classes, mask=wanted, transform=raster.transform)
        ]
    return [item for item in patches if item.outline.area >= least_m2 and _is_known(item, ground)]


def _known_file(folder: Path, target: Target) -> Path:
    """Return the raster of a run that has no data where its rasters have none.

    That of confidence; a model of own classes alone has none, and theirs are everywhere else.
    """
    confidence = folder / "confidence.tif"
    return confidence if confidence.exists() else folder / f"{target.raster}.tif"


def seen_ground(folder: Path, target: Target) -> BaseGeometry:
    """Return the outline of what the rasters of a run show, in its CRS; holes in them do not count."""
    parts = []
    with rasterio.open(_known_file(folder, target)) as raster:
        for row in range(0, raster.height, _ROWS):
            window = Window(0, row, raster.width, min(_ROWS, raster.height - row))
            mask = raster.dataset_mask(window=window)
            found = shapes(mask, mask=mask > 0, transform=raster.window_transform(window))
            parts += [shapely.geometry.shape(outline) for outline, _ in found]
    together = shapely.get_parts(shapely.union_all(parts))
    whole = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(together)))
    shapely.prepare(whole)
    return whole


def true_shapes(target: Target, ground: Ground, seen: BaseGeometry) -> tuple[list[Shape], list[BaseGeometry]]:
    """Return the true things as far as the rasters show them (`seen_ground`), and the outlines of those hardly seen.

    True things are polygons of the classes of interest whose inner point lies where all is known. Of a thing that the
    rasters cut off, what they show is compared with what was found; if that is less than half of it, nobody can say
    whether it had to be found.
    """
    labels = ground.labels
    items: list[Shape] = []
    hidden: list[BaseGeometry] = []
    for outline, index in zip(labels.polygons, labels.classes):
        name = labels.names[int(index)]
        if name not in target.names or (target.kind == "land_cover" and name != BUILDING):
            continue
        part = _cut(outline, seen)
        if part.area < _LEAST_SEEN * outline.area:
            hidden.append(outline)
        else:
            items.append(Shape(part, None if target.kind in ("building", "land_cover") else name))
    return [item for item in items if _is_known(item, ground)], hidden


def _cut(outline: BaseGeometry, seen: BaseGeometry) -> BaseGeometry:
    """Return the part of a polygon that is seen, as polygons alone."""
    if seen.covers(outline):
        return outline
    parts = shapely.get_parts(shapely.intersection(outline, seen))
    return shapely.union_all(parts[shapely.area(parts) > 0])


def without_hidden(found: list[Shape], hidden: list[BaseGeometry]) -> list[Shape]:
    """Return what was found but for what lies for the most part on things that are hardly seen."""
    if not hidden:
        return found
    cover = shapely.union_all(hidden)
    shapely.prepare(cover)
    return [
        item
        for item in found
        if not cover.intersects(item.outline) or cover.intersection(item.outline).area < 0.5 * item.outline.area
    ]


def faults_by_majority(target: Target, ground: Ground, counts: PixelCounts) -> list[Fault]:
    """Return the polygons of land cover most of which was found as something else; buildings are told one by one."""
    faults = []
    for number, (outline, index) in enumerate(zip(ground.labels.polygons, ground.labels.classes)):
        name, row = ground.labels.names[int(index)], counts.by_polygon[number]
        if name == BUILDING or name not in target.names or not row.any():
            continue
        most = int(row.argmax())
        if counts.names[most] != name:
            nothing = most == len(target.names)
            share = float(row[counts.names.index(name)] / row.sum())
            found = None if nothing else counts.names[most]
            faults.append(Fault(MISSED if nothing else WRONG_CLASS, outline, name, found, share))
    return faults


def _is_known(item: Shape, ground: Ground) -> bool:
    return ground.region is None or bool(ground.region.covers(item.outline.representative_point()))
