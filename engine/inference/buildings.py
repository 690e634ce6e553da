"""Building polygons and heights above ground, from the finished strips, while later ones are still computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..given import given
from ..jobs import BuildingOptions
from ..models.package import ModelSpec, OutputSpec
from ..raster.aligned import AlignedRaster
from ..raster.grid import Grid
from ..raster.sinks import RasterSpec, StripSink
from ..vector.buildings import Building, BuildingTracer, MapStrip
from ..vector.crew import helpers_of
from ..vector.geopackage import GeoPackageWriter
from .finish import BUILDING_CLASS, building_threshold
from .follow import Follower
from .heights import Heights
from .setup import Setup

HEIGHTS = "height_above_ground"
UNKNOWN_ROOF = "unknown"

# how the strips' values become probabilities where 255 is 1
_STEPS = np.concatenate([[0], np.rint(np.arange(255) / 254 * 255)]).astype(np.uint8)
_PERCENT = np.rint(np.clip(np.arange(256), 0, 100) * 2.55).astype(np.uint8)


@dataclass(frozen=True)
class Made:
    """What `trace` made.

    Attributes:
        by_class: buildings by roof class, the most frequent first (all under ``building`` where the model tells no
            roof classes).
        unsure: buildings left out, because the model is less sure of them than it should be.
    """

    by_class: Mapping[str, int] = field(default_factory=dict)
    unsure: int = 0


def heights_spec(setup: Setup, tags: dict[str, str]) -> RasterSpec:
    """Return what ``height_above_ground.tif`` says about itself."""
    return RasterSpec(
        HEIGHTS, setup.frame.grid, "float32", float("nan"), description="Height above ground", unit="m", tags=tags
    )


def makes_buildings(setup: Setup) -> bool:
    """Return whether a run of this job makes building polygons: if they are wanted and the model tells buildings."""
    return setup.job.buildings.enabled and building_threshold(setup.model) is not None


def keeps_heights(setup: Setup) -> bool:
    """Return whether a run of this job writes heights above ground: if they are wanted and there is a DSM."""
    return setup.job.keep_heights and setup.frame.dsm is not None


def trace(
    setup: Setup,
    dsm: AlignedRaster | None,
    sinks: Mapping[str, StripSink],
    target: Path | None,
    follower: Follower[Made],
) -> Made:
    """Go over the strips once, as they are finished; make the buildings and the heights.

    Args:
        setup: the job.
        dsm: the aligned surface, if there is one.
        sinks: the strips of each raster; one for the heights above ground, if they are wanted.
        target: the GeoPackage to write; None: no buildings.
        follower: tells which rows are finished.

    Returns:
        How many buildings there are.
    """
    grid = setup.frame.grid
    counts: Counter[str] = Counter()
    roof = setup.model.output_of_role("roof_class")
    names = {} if roof is None else {item.id: item.name for item in roof.classes}
    own = own_classes(setup.model)
    own_names = own_names_of(setup.model)
    ground = None if dsm is None else Heights(dsm, grid)
    with ExitStack() as stack:
        tracer = writer = None
        if target is not None:
            helpers = helpers_of(setup.job.threads)
            surface_in = None if ground is None else ground.surface_in
            tracer = stack.enter_context(
                BuildingTracer(grid, options_of(setup), names, follower.check, helpers, surface_in, own_names)
            )
            writer = stack.enter_context(GeoPackageWriter(target, grid.crs, tuple(own_names.values())))
        heights = sinks.get(HEIGHTS)
        for band in setup.plan.bands:
            first, last = setup.plan.rows_of(band)
            if first >= last:
                continue
            row = first - grid.row0
            follower.wait_for(last - grid.row0)
            rows = grid.window(first, grid.col0, last - first, grid.width)
            mask = _mask(setup, sinks, row, rows.height) if tracer is not None else None
            surface = floor = None
            if ground is not None and (heights is not None or (mask is not None and mask.any())):
                surface, floor = ground.of(rows)
            elif ground is not None:  # the tracer wants heights in every strip or in none
                surface = floor = np.full(rows.shape, np.nan, np.float32)
            if heights is not None and surface is not None and floor is not None:
                inside = setup.frame.region_mask(rows)
                heights.write(row, np.where(inside, surface - floor, np.float32(np.nan)))
            if tracer is not None and writer is not None and mask is not None:
                found = tracer.add(
                    MapStrip(
                        row0=rows.row0,
                        mask=mask,
                        probability=_levels(sinks, "building", row, rows.height, _STEPS),
                        boundary=_levels(sinks, "boundary", row, rows.height, _STEPS),
                        roof_class=sinks["roof_class"].read(row, rows.height) if "roof_class" in sinks else None,
                        roof_confidence=_levels(sinks, "roof_confidence", row, rows.height, _PERCENT),
                        own_class=None if own is None else sinks[own.name].read(row, rows.height),
                        surface=surface,
                        ground=floor,
                        rim=_rim(setup, rows),
                    )
                )
                counts.update(_class_of(item, bool(names)) for item in found)
                writer.write(found)
                _blank_others(sinks, tracer)
        if tracer is not None and writer is not None:
            found = tracer.finish()
            counts.update(_class_of(item, bool(names)) for item in found)
            writer.write(found)
            _blank_others(sinks, tracer)
    by_class = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Made(by_class, 0 if tracer is None else tracer.unsure)


def own_classes(model: ModelSpec) -> OutputSpec | None:
    """Return the first output with classes that are neither roof classes nor land cover: the user's own; or None."""
    return next((item for item in model.outputs if item.role == "other" and item.kind == "classes"), None)


def own_names_of(model: ModelSpec) -> dict[int, str]:
    """Return id to name of the user's own classes, but for a background; empty without any."""
    own = own_classes(model)
    return {} if own is None else {item.id: item.name for item in own.classes if not item.is_background}


def options_of(setup: Setup) -> BuildingOptions:
    """Return how a run makes buildings: as the job says, and where it leaves that open, as the model advises."""
    options, building = setup.job.buildings, setup.model.output_of_role("building")
    if options.min_confidence is not None or building is None:
        return options
    return replace(options, min_confidence=building.least_confidence)


def _mask(setup: Setup, sinks: Mapping[str, StripSink], row: int, rows: int) -> NDArray[np.bool_]:
    plane, value, at_least = given(building_threshold(setup.model))  # only called where buildings are made
    values = sinks[plane].read(row, rows)
    return np.asarray(values >= value if at_least else values == value)


def _rim(setup: Setup, rows: Grid) -> NDArray[np.bool_]:
    """Return [H, W]: pixels of the region beside one that does not belong to it."""
    inside = setup.frame.region_mask(rows.padded(1))
    inner = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    return inside[1:-1, 1:-1] & ~inner


def _levels(
    sinks: Mapping[str, StripSink], name: str, row: int, rows: int, table: NDArray[np.uint8]
) -> NDArray[np.uint8] | None:
    return table[sinks[name].read(row, rows)] if name in sinks else None


def _blank_others(sinks: Mapping[str, StripSink], tracer: BuildingTracer) -> None:
    """Take away the roof class of what is too small for a building, a tree's crown or a bridge, from the raster, too.

    Other buildings that the outlines leave out, since the model is not sure of them, stay: the raster is its answer.
    Pieces at the rim of the region keep theirs: they may be parts of buildings that another run makes.
    What is building is read from another raster: a run that goes on after this finds the same buildings again.
    """
    rows, cols = tracer.take_no_buildings()
    if "roof_class" in sinks:
        grid = sinks["roof_class"].spec.grid
        sinks["roof_class"].blank(rows - grid.row0, cols - grid.col0)


def _class_of(building: Building, has_classes: bool) -> str:
    return (building.roof_class or UNKNOWN_ROOF) if has_classes else BUILDING_CLASS
