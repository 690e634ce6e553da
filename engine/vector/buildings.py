"""Strips of maps in, buildings out: outline, roof class, heights; the same whatever the strips.

A building is a connected part of the mask, or what `split_touching` makes of it. It is handed out as soon as no earlier
building, in reading order of their first pixels, can still appear; so buildings come in that order, and their ids
count up.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage

from ..jobs import BuildingOptions
from ..raster.grid import Grid
from ..terrain.lattice import Floats
from ..terrain.roof_geometry import RoofGeometry
from .bridges import MARGIN_M, is_bridge, is_slender
from .crew import Crew
from .crowns import is_crown
from .draft import Draft, drafts_of, mean_probability
from .nearness import within
from .separate import CORE_M2, OUTLINE_LEVEL, OUTLINE_LEVEL_ALONE, PART_M2, split_touching
from .trace import RIM, Component, ComponentTracer

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
        own_class: uint8 [H, W], class of an output that a user has added, 0 = none; None: there is no such output.
        surface: float32 [H, W], metres, NaN = unknown; None without a DSM.
        ground: float32 [H, W], metres, NaN = unknown; None without a DSM.
        rim: bool [H, W], True where a building may go on beyond what is seen; None: nobody will `take_no_buildings`.
    """

    row0: int
    mask: npt.NDArray[np.bool_]
    probability: Levels | None = None
    boundary: Levels | None = None
    roof_class: npt.NDArray[np.uint8] | None = None
    roof_confidence: Levels | None = None
    own_class: npt.NDArray[np.uint8] | None = None
    surface: npt.NDArray[np.float32] | None = None
    ground: npt.NDArray[np.float32] | None = None
    rim: npt.NDArray[np.bool_] | None = None

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
        for name in ("roof_class", "own_class", "surface", "ground", RIM):
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
        own_shares: part of the building that each of the user's own classes covers, 0 to 1, by name; empty without such
            classes.
    """

    id: int
    outline: shapely.Polygon
    roof_class: str | None
    roof_class_id: int | None
    roof_confidence: float | None
    building_confidence: float | None
    geometry: RoofGeometry | None
    own_shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def own_class(self) -> str | None:
        """The user's own class that covers most of it, the first of several; None if the rest covers more."""
        most = max(self.own_shares.items(), key=lambda item: item[1], default=("", 0.0))
        rest = 1 - sum(self.own_shares.values())
        return most[0] if most[1] > 0 and most[1] >= rest else None


class BuildingTracer:
    """Makes buildings of strips of maps, from top to bottom.

    Args:
        grid: that the strips are cut from; every strip is as wide as it.
        options: how outlines are made.
        roof_names: id to name of the roof classes; empty without.
        check: called before each few buildings are made; may raise.
        helpers: how many processes may share the work where there is much of it; what comes out is the same. With any,
            use the tracer in a ``with`` block, which ends them.
        surface_in: returns the surface in any window of the grid's lattice, float32 [H, W] in metres, NaN = unknown;
            bridges are told by what lies around them. None: nothing is taken for a bridge.
        own_names: id to name of the user's own classes; those without a name count as none.
    """

    def __init__(
        self,
        grid: Grid,
        options: BuildingOptions,
        roof_names: Mapping[int, str],
        check: Callable[[], None] = lambda: None,
        helpers: int = 0,
        surface_in: Callable[[Grid], Floats] | None = None,
        own_names: Mapping[int, str] | None = None,
    ) -> None:
        self._grid = grid
        self._surface_in = surface_in
        self._options = options
        self._roof_names, self._own_names = dict(roof_names), dict(own_names or {})
        self._min_pixels, self._min_core, self._min_part = (
            max(1, round(min(area, options.min_area_m2) / grid.gsd**2))
            for area in (options.min_area_m2, CORE_M2, PART_M2)
        )
        self._components = ComponentTracer(grid.col0, grid.row0, self._min_pixels)
        make = partial(drafts_of, options=options, gsd=grid.gsd, own_ids=tuple(self._own_names))
        self._crew = Crew(make, helpers, check)
        self._waiting: list[tuple[tuple[int, int], Building]] = []
        self._others: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._count = 0
        self.unsure = 0
        """Buildings left out so far, because the model is less sure of them than the options ask for, or since
        they are crowns of trees or bridges: none of these where the options ask for 0."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._crew.__exit__(kind, fault, trace)

    def add(self, strip: MapStrip) -> list[Building]:
        """Take the next rows; return the buildings that are settled now, in their final order.

        Raises:
            ValueError: if the strip does not follow the one before it, or is not as wide as the grid.
        """
        if strip.mask.shape[1] != self._grid.width:
            raise ValueError(f"the strip is {strip.mask.shape[1]} pixels wide, the grid {self._grid.width}")
        self._settle(self._components.add(strip.row0, strip.mask, strip.maps()))
        if strip.rim is None:  # nobody takes them, and they would grow with the raster
            self.take_no_buildings()
        return self._release(self._components.first_open)

    def finish(self) -> list[Building]:
        """Return the rest of the buildings."""
        self._settle(self._components.finish())
        return self._release(None)

    def take_no_buildings(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return absolute rows [N] and columns [N] of pixels that are no buildings after all, since asked last.

        They are in pieces too small for a building, in crowns of trees (`crowns.is_crown`) or bridges. What touches the
        rim is not told of: how much of it there is beyond cannot be known.
        """
        found, self._others = self._components.take_dropped() + self._others, []
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate([item[0] for item in found]), np.concatenate([item[1] for item in found])

    def _settle(self, components: list[Component]) -> None:
        owners: deque[tuple[int, Component, bool]] = deque()

        def parts() -> Iterator[Component]:
            for number, component in enumerate(components):
                rim = component.maps.pop(RIM, None)
                for part in self._parts(component):
                    if self._is_sure(part):
                        owners.append((number, part, rim is None or not rim.any()))
                        yield part
                    else:
                        self.unsure += 1

        last, neighbours = -1, _Neighbours()
        for draft in self._crew.map(parts()):
            owner, part, is_whole = owners.popleft()
            if is_whole and self._options.min_confidence and self._is_other(part, draft):
                self.unsure += 1
                self._others.append(_pixels(part))
                continue
            if owner != last:
                last, neighbours = owner, _Neighbours()
            shape = draft.shape
            if self._options.regularise:
                shape = _beside(draft, neighbours.near(shape), self._options.tolerance_m)
            neighbours.add(shape)
            heapq.heappush(self._waiting, (draft.key, self._building(draft, shape)))

    def _release(self, before: tuple[int, int] | None) -> list[Building]:
        ready = []
        while self._waiting and (before is None or self._waiting[0][0] < before):
            self._count += 1
            ready.append(_numbered(heapq.heappop(self._waiting)[1], self._count))
        return ready

    def _is_sure(self, part: Component) -> bool:
        confidence = mean_probability(part)
        return confidence is None or confidence >= (self._options.min_confidence or 0.0)

    def _is_other(self, part: Component, draft: Draft) -> bool:
        """Return whether what the model takes for a building is the crown of a tree or a bridge."""
        name = self._name_of(draft)
        return is_crown(draft, name) or (name in ("", "flat") and self._is_bridge(part))

    def _is_bridge(self, part: Component) -> bool:
        gsd = self._grid.gsd
        if self._surface_in is None or not is_slender(part.mask, gsd):
            return False
        margin = math.ceil(MARGIN_M / gsd)
        window = self._grid.window(part.row0, part.col0, *part.mask.shape).padded(margin)
        return is_bridge(np.pad(part.mask, margin), self._surface_in(window), gsd)

    def _parts(self, component: Component) -> Iterator[Component]:
        boundary = component.maps.get("boundary")
        if boundary is None:
            yield component
            return
        level = OUTLINE_LEVEL if "surface" in component.maps else OUTLINE_LEVEL_ALONE
        outlines = boundary.astype(np.float32) / 255
        labels = split_touching(component.mask, outlines, level, self._min_core, self._min_part)
        sizes = np.bincount(labels.ravel())[1:]
        large = np.flatnonzero(sizes >= self._min_pixels)  # sheds beside a house are dropped like those by themselves
        if len(sizes) == 1 or len(large) == 0:
            yield component
            return
        boxes = ndimage.find_objects(labels)
        for index in large:
            yield _part(component, boxes[index], labels[boxes[index]] == index + 1)

    def _name_of(self, draft: Draft) -> str:
        return self._roof_names.get(draft.roof_id, str(draft.roof_id)) if draft.roof_id else ""

    def _building(self, draft: Draft, outline: shapely.Polygon) -> Building:
        return Building(
            id=0,
            outline=outline,
            roof_class=self._name_of(draft) or None,
            roof_class_id=draft.roof_id or None,
            roof_confidence=draft.roof_confidence,
            building_confidence=draft.building_confidence,
            geometry=draft.geometry,
            own_shares=dict(zip(self._own_names.values(), draft.own_shares)),
        )


def _numbered(building: Building, number: int) -> Building:
    return Building(number, *(getattr(building, name) for name in list(building.__dataclass_fields__)[1:]))


def _pixels(part: Component) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return absolute rows [N] and columns [N] of a part."""
    rows, cols = np.nonzero(part.mask)
    return rows + part.row0, cols + part.col0


def _part(component: Component, box: tuple[slice, slice], mask: npt.NDArray[np.bool_]) -> Component:
    """Return the part of a component that fills ``mask`` [h, w] in a box of it."""
    maps = {name: np.where(mask, item[box], np.zeros(1, item.dtype)) for name, item in component.maps.items()}
    return Component(component.row0 + box[0].start, component.col0 + box[1].start, mask, maps)


class _Neighbours:
    """Outlines of the same component: they may touch, not overlap."""

    def __init__(self) -> None:
        self._all: list[tuple[tuple[float, float, float, float], shapely.Polygon]] = []

    def add(self, shape: shapely.Polygon) -> None:
        self._all.append((shape.bounds, shape))

    def near(self, shape: shapely.Polygon) -> list[shapely.Polygon]:
        """Return those that a shape meets, in the order in which they came."""
        xmin, ymin, xmax, ymax = shape.bounds
        return [
            other
            for (left, bottom, right, top), other in self._all
            if left <= xmax and right >= xmin and bottom <= ymax and top >= ymin and other.intersects(shape)
        ]


def _beside(draft: Draft, near: list[shapely.Polygon], tolerance_m: float) -> shapely.Polygon:
    """Return an outline without what it shares with others, or the raw one so cut, or the outline as it is.

    The first of the three that is one piece within the tolerance.
    """
    if not near:
        return draft.shape
    taken = shapely.union_all(near)
    for candidate in (draft.shape, draft.raw):
        pieces = [piece for piece in shapely.get_parts(candidate.difference(taken)) if piece.geom_type == "Polygon"]
        if pieces:
            whole = max(pieces, key=lambda piece: piece.area)
            if within(draft.raw, whole, tolerance_m):
                return whole
    return draft.shape
