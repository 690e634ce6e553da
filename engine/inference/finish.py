"""Which rasters a model's outputs become, and how a final block becomes a block of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.package import ModelSpec, OutputSpec
from .activate import Winner, activate, step_of, to_percent, to_steps

Floats = NDArray[np.float32]
Planes = dict[str, NDArray[Any]]

BUILDING_CLASS = "building"
"""Name of the land cover class that stands for buildings where a model has no output of its own for them."""


@dataclass(frozen=True)
class PlaneSpec:
    """One raster that a run makes.

    Attributes:
        name: its name; the file is ``<name>.tif`` if it is published.
        dtype: ``uint8`` or ``float32``.
        values: ``classes`` (ids, 0 = nodata), ``percent`` (1 to 100, 0 = nodata), ``steps`` (probability in 254 steps
            from 1 to 255, 0 = nodata) or ``metres`` (NaN = nodata).
        published: whether it is a result; the others serve the building polygons.
        output: the output whose classes it shows, None for probabilities.
    """

    name: str
    dtype: str
    values: str
    published: bool
    output: OutputSpec | None = None


class Finisher:
    """Turns final blocks of blended maps into blocks of rasters.

    ``land_cover`` is the class that wins; ``confidence`` its probability in percent. ``building`` comes from the output
    of that role, else from the land cover class of that name; ``roof_class`` wins among roof classes where a pixel is
    building, by the output's threshold or by land cover, and is 0 elsewhere. Outputs of the role
    ``other`` and ``height`` become rasters under their own names.

    Args:
        model: the model, whose outputs come in its order.
        size: side of the blocks in pixels.
        buildings: make the rasters, too, that serve building polygons alone.
    """

    def __init__(self, model: ModelSpec, size: int, buildings: bool = True) -> None:
        self._outputs = model.outputs
        self._winner = Winner(size)
        self._real = np.empty((size, size), np.float32)
        self._is_building = np.empty((size, size), np.bool_)
        self._finite = np.empty((size, size), np.bool_)
        self.sound = np.empty((size, size), np.bool_)
        """bool [size, size]: where no map of the block given to `finish` last was NaN or unbounded."""
        self._land_cover = model.output_of_role("land_cover")
        self._building = model.output_of_role("building")
        self._roof = model.output_of_role("roof_class")
        known = _planes_of(model)
        self.planes = tuple(plane for plane in known if plane.published or buildings)
        """What comes out, in a fixed order."""
        self._buildings = buildings
        self._names = frozenset(plane.name for plane in known)
        self._out: Planes = {plane.name: np.zeros((size, size), plane.dtype) for plane in known}

    @property
    def channels(self) -> int:
        """Channels of all outputs together."""
        return sum(output.channels for output in self._outputs)

    def finish(self, blocks: Sequence[Floats]) -> Planes:
        """Return the rasters of one block; valid until the next call.

        Args:
            blocks: float32 [C, size, size] of blended maps, one an output, or all outputs' channels in one array.

        Returns:
            Arrays [size, size] by name. Pixels that are not ``sound`` hold anything.
        """
        if len(blocks) != len(self._outputs):
            blocks = np.split(blocks[0], np.cumsum([output.channels for output in self._outputs])[:-1])
        maps = {output.name: block for output, block in zip(self._outputs, blocks)}
        self.sound[:] = True
        if self._land_cover is not None:
            self._finish_land_cover(self._land_cover, maps[self._land_cover.name])
        if self._building is not None:
            self._finish_building(self._building, maps[self._building.name])
        if self._roof is not None:
            self._finish_roof(self._roof, maps[self._roof.name])
        for output in self._outputs:
            if output not in (self._land_cover, self._building, self._roof):
                self._finish_other(output, maps[output.name])
        return {plane.name: self._out[plane.name] for plane in self.planes}

    def _finish_land_cover(self, output: OutputSpec, maps: Floats) -> None:
        self._winner.find(maps)
        self._check(self._winner.score)
        self._winner.probability(maps, output.activation, self._real)
        to_percent(self._real, self._out["confidence"])
        ids = np.array([item.id for item in output.classes], np.uint8)
        _to_ids(self._winner.index, ids, self._out["land_cover"])
        channel = _channel_of_building(output)
        if self._building is None and channel is not None:
            if self._buildings:
                self._winner.probability_of(maps, channel, output.activation, self._real)
                to_steps(self._real, self._out["building"])
            np.equal(self._winner.index, channel, out=self._is_building)

    def _check(self, values: Floats) -> None:
        np.isfinite(values, out=self._finite)
        self.sound &= self._finite

    def _finish_building(self, output: OutputSpec, maps: Floats) -> None:
        self._check(maps[0])
        np.copyto(self._real, maps[0])
        activate(self._real, output.activation)
        if self._land_cover is None:
            sure = np.maximum(self._real, np.float32(1) - self._real)
            to_percent(sure, self._out["confidence"])
        to_steps(self._real, self._out["building"])
        np.greater_equal(self._out["building"], step_of(output.threshold), out=self._is_building)

    def _finish_roof(self, output: OutputSpec, maps: Floats) -> None:
        self._winner.find(maps)
        self._check(self._winner.score)
        self._winner.probability(maps, output.activation, self._real)
        to_percent(self._real, self._out["roof_confidence"])
        ids = np.array([item.id for item in output.classes], np.uint8)
        _to_ids(self._winner.index, ids, self._out["roof_class"])
        if "building" in self._names:
            where = self._is_building.view(np.uint8)
            for name in ("roof_class", "roof_confidence"):
                self._out[name] *= where
        if "confidence" in self._names and self._land_cover is None and self._building is None:
            np.copyto(self._out["confidence"], self._out["roof_confidence"])

    def _finish_other(self, output: OutputSpec, maps: Floats) -> None:
        name = plane_name(output)
        if name not in self._names:
            return
        if output.kind == "classes":
            self._winner.find(maps)
            self._check(self._winner.score)
            ids = np.array([item.id for item in output.classes], np.uint8)
            _to_ids(self._winner.index, ids, self._out[name])
            return
        self._check(maps[0])
        np.copyto(self._real, maps[0])
        activate(self._real, output.activation)
        if output.kind == "metres":
            np.copyto(self._out[name], self._real)
        elif output.role == "boundary":
            to_steps(self._real, self._out[name])
        else:
            to_percent(self._real, self._out[name])


def building_threshold(model: ModelSpec) -> tuple[str, int, bool] | None:
    """Return how to tell a building from the planes: (plane, value, whether larger values count too), or None."""
    building = model.output_of_role("building")
    if building is not None:
        return "building", step_of(building.threshold), True
    land_cover = model.output_of_role("land_cover")
    channel = None if land_cover is None else _channel_of_building(land_cover)
    if land_cover is None or channel is None:
        return None
    return "land_cover", land_cover.classes[channel].id, False


def plane_name(output: OutputSpec) -> str:
    """Return the name of the raster that an output becomes: its role where there is one, else its own name."""
    return output.name if output.role in ("other", "height") else output.role


def _planes_of(model: ModelSpec) -> tuple[PlaneSpec, ...]:
    planes: list[PlaneSpec] = []
    land_cover, building = model.output_of_role("land_cover"), model.output_of_role("building")
    roof = model.output_of_role("roof_class")
    if land_cover is not None:
        planes.append(PlaneSpec("land_cover", "uint8", "classes", True, land_cover))
    if land_cover is not None or building is not None or roof is not None:
        planes.append(PlaneSpec("confidence", "uint8", "percent", True))
    if building is not None or (land_cover is not None and _channel_of_building(land_cover) is not None):
        planes.append(PlaneSpec("building", "uint8", "steps", False))
    if roof is not None:
        planes.append(PlaneSpec("roof_class", "uint8", "classes", True, roof))
        planes.append(PlaneSpec("roof_confidence", "uint8", "percent", False))
    for output in model.outputs:
        name = plane_name(output)
        if output in (land_cover, building, roof) or any(plane.name == name for plane in planes):
            continue
        if output.kind == "classes":
            planes.append(PlaneSpec(name, "uint8", "classes", True, output))
        elif output.kind == "metres":
            planes.append(PlaneSpec(name, "float32", "metres", output.role != "distance"))
        elif output.role == "boundary":
            planes.append(PlaneSpec(name, "uint8", "steps", False))
        else:
            planes.append(PlaneSpec(name, "uint8", "percent", True))
    return tuple(planes)


def _channel_of_building(land_cover: OutputSpec) -> int | None:
    names = [item.name for item in land_cover.classes]
    return names.index(BUILDING_CLASS) if BUILDING_CLASS in names else None


def _to_ids(index: NDArray[np.uint8], ids: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Write class ids for channel numbers; where ids are simply the channel plus one, without a table."""
    if np.array_equal(ids, np.arange(1, len(ids) + 1)):
        np.add(index, np.uint8(1), out=out)
    else:
        np.take(ids, index, out=out)
