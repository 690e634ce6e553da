"""Strips of maps in, buildings out: outline, roof class, heights; the same whatever the strips.

A building is a connected part of the mask, or what `split_touching` makes of it. It is handed out as soon as no earlier
building, in reading order of their first pixels, can still appear; so buildings come in that order, and their ids
count up.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.transform import Affine
from scipy import ndimage

from ..jobs import BuildingOptions
from ..raster.grid import Grid
from ..terrain.roof_geometry import RoofGeometry, roof_geometry
from .nearness import within
from .regularise import RegulariseOptions, regularise
from .separate import split_touching
from .trace import Component, ComponentTracer, outline

Levels = npt.NDArray[np.uint8] | npt.NDArray[np.floating]
"""Probabilities: uint8, where 255 is 1, or float from 0 to 1."""


@dataclass(frozen=True)
class MapStrip:
    """Whole rows of the maps of a run.

    Attributes:
        row0: absolute row of the first row.
        mask: bool [H, W], building or not.
        probability: [H, W], of building; None: not known.
        boundary: [H, W], probability of a building's outline, which parts touching buildings; None: not known.
        roof_class: uint8 [H, W], 0 = none; None: the model gives no roof classes.
        roof_confidence: [H, W], probability of ``roof_class``; None: every pixel counts the same.
        surface: float32 [H, W], metres, NaN = unknown; None without a DSM.
        ground: float32 [H, W], metres, NaN = unknown; None without a DSM.
    """

    row0: int
    mask: npt.NDArray[np.bool_]
    probability: Levels | None = None
    boundary: Levels | None = None
    roof_class: npt.NDArray[np.uint8] | None = None
    roof_confidence: Levels | None = None
    surface: npt.NDArray[np.float32] | None = None
    ground: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if (self.surface is None) != (self.ground is None):
            raise ValueError("surface and ground go together")
        for name, item in self.maps().items():
            if item.shape != self.mask.shape:
                raise ValueError(f"{name} is {item.shape}, the mask {self.mask.shape}")

    def maps(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the maps that are there, by name; probabilities as uint8."""
        found: dict[str, npt.NDArray[np.generic]] = {}
        for name in ("probability", "boundary", "roof_confidence"):
            item = getattr(self, name)
            if item is not None:
                found[name] = item if item.dtype == np.uint8 else np.rint(np.clip(item, 0, 1) * 255).astype(np.uint8)
        for name in ("roof_class", "surface", "ground"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        return found


@dataclass(frozen=True)
class Building:
    """One building, in the CRS of its grid.

    Attributes:
        id: counts up from 1 in reading order of the buildings' first pixels.
        outline: valid polygon.
        roof_class: name; None where nothing is known.
        roof_class_id: None where nothing is known.
        roof_confidence: 0 to 1: mean over the building of the probability of its roof class.
        building_confidence: 0 to 1: mean probability of building inside.
        geometry: heights and slope; None without a DSM.
    """

    id: int
    outline: shapely.Polygon
    roof_class: str | None
    roof_class_id: int | None
    roof_confidence: float | None
    building_confidence: float | None
    geometry: RoofGeometry | None


class BuildingTracer:
    """Makes buildings of strips of maps, from top to bottom.

    Args:
        grid: that the strips are cut from; every strip is as wide as it.
        options: how outlines are made.
        roof_names: id to name of the roof classes; empty without.
        check: called before each building is made; may raise.
    """

    def __init__(
        self,
        grid: Grid,
        options: BuildingOptions,
        roof_names: Mapping[int, str],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._grid = grid
        self._options = options
        self._roof_names = dict(roof_names)
        self._check = check
        self._min_pixels = max(1, round(options.min_area_m2 / grid.gsd**2))
        self._components = ComponentTracer(grid.col0, grid.row0, self._min_pixels)
        self._waiting: list[tuple[tuple[int, int], Building]] = []
        self._count = 0

    def add(self, strip: MapStrip) -> list[Building]:
        """Take the next rows; return the buildings that are settled now, in their final order.

        Raises:
            ValueError: if the strip does not follow the one before it, or is not as wide as the grid.
        """
        if strip.mask.shape[1] != self._grid.width:
            raise ValueError(f"the strip is {strip.mask.shape[1]} pixels wide, the grid {self._grid.width}")
        self._settle(self._components.add(strip.row0, strip.mask, strip.maps()))
        return self._release(self._components.first_open)

    def finish(self) -> list[Building]:
        """Return the rest of the buildings."""
        self._settle(self._components.finish())
        return self._release(None)

    def _settle(self, components: list[Component]) -> None:
        for component in components:
            neighbours: list[shapely.Polygon] = []  # of the same component: outlines may touch, not overlap
            for part in self._parts(component):
                self._check()
                building = self._building(part, neighbours)
                neighbours.append(building.outline)
                heapq.heappush(self._waiting, (part.key, building))

    def _release(self, before: tuple[int, int] | None) -> list[Building]:
        ready = []
        while self._waiting and (before is None or self._waiting[0][0] < before):
            self._count += 1
            ready.append(_numbered(heapq.heappop(self._waiting)[1], self._count))
        return ready

    def _parts(self, component: Component) -> Iterator[Component]:
        boundary = component.maps.get("boundary")
        if boundary is None:
            yield component
            return
        labels = split_touching(component.mask, boundary.astype(np.float32) / 255, self._min_pixels)
        count = int(labels.max())
        if count == 1:
            yield component
            return
        for number, box in enumerate(ndimage.find_objects(labels, count), start=1):
            yield _part(component, box, labels[box] == number)

    def _building(self, part: Component, neighbours: list[shapely.Polygon]) -> Building:
        gsd = self._grid.gsd
        transform = Affine(gsd, 0.0, part.col0 * gsd, 0.0, -gsd, -part.row0 * gsd)
        raw = _without_small_holes(outline(part.mask, transform), self._options.min_hole_m2)
        options = RegulariseOptions(self._options.tolerance_m, gsd)
        shape = _beside(regularise(raw, options), raw, neighbours, options) if self._options.regularise else raw
        roof_id, confidence = _vote(part)
        probability = part.maps.get("probability")
        geometry = None
        if "surface" in part.maps:
            surface, ground = part.maps["surface"], part.maps["ground"]
            geometry = roof_geometry(part.mask, surface.astype(np.float32), ground.astype(np.float32), gsd)
        return Building(
            id=0,
            outline=shape,
            roof_class=self._roof_names.get(roof_id, str(roof_id)) if roof_id else None,
            roof_class_id=roof_id or None,
            roof_confidence=confidence,
            building_confidence=None if probability is None else float(probability[part.mask].mean()) / 255,
            geometry=geometry,
        )


def _numbered(building: Building, number: int) -> Building:
    return Building(number, *(getattr(building, name) for name in list(building.__dataclass_fields__)[1:]))


def _part(component: Component, box: tuple[slice, slice], mask: npt.NDArray[np.bool_]) -> Component:
    """Return the part of a component that fills ``mask`` [h, w] in a box of it."""
    maps = {name: np.where(mask, item[box], np.zeros(1, item.dtype)) for name, item in component.maps.items()}
    return Component(component.row0 + box[0].start, component.col0 + box[1].start, mask, maps)


def _vote(part: Component) -> tuple[int, float | None]:
    """Return the roof class with the largest sum of probability, and its mean probability over the building.

    Of two classes with the same sum the smaller id wins; 0 and None where no pixel has a class.
    """
    if "roof_class" not in part.maps:
        return 0, None
    classes = part.maps["roof_class"][part.mask].astype(np.int64)
    levels = part.maps.get("roof_confidence")
    weights = np.full(len(classes), 255) if levels is None else levels[part.mask].astype(np.int64)
    sums = np.bincount(classes, weights=weights, minlength=2)
    sums[0] = 0
    if not (classes > 0).any():
        return 0, None
    winner = int(np.argmax(sums)) if sums.any() else int(np.bincount(classes[classes > 0]).argmax())
    return winner, float(sums[winner]) / (255 * len(classes))


def _beside(
    shape: shapely.Polygon, raw: shapely.Polygon, neighbours: list[shapely.Polygon], options: RegulariseOptions
) -> shapely.Polygon:
    """Return an outline without what it shares with its neighbours, or the raw one so cut, or the outline as it is.

    The first of the three that is one piece within the tolerance.
    """
    near = [other for other in neighbours if other.intersects(shape)]
    if not near:
        return shape
    taken = shapely.union_all(near)
    for candidate in (shape, raw):
        pieces = [piece for piece in shapely.get_parts(candidate.difference(taken)) if piece.geom_type == "Polygon"]
        if pieces:
            whole = max(pieces, key=lambda piece: piece.area)
            if within(raw, whole, options.tolerance_m):
                return whole
    return shape


def _without_small_holes(polygon: shapely.Polygon, smallest_m2: float) -> shapely.Polygon:
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= smallest_m2]
    return polygon if len(holes) == len(polygon.interiors) else shapely.Polygon(polygon.exterior, holes)
