"""The second pass of a run: building polygons, and heights above ground, from the finished strips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..feedback import Feedback
from ..given import given
from ..raster.aligned import AlignedRaster
from ..raster.sinks import RasterSpec, StripSink
from ..vector.buildings import Building, BuildingTracer, MapStrip
from ..vector.geopackage import GeoPackageWriter
from .finish import BUILDING_CLASS, building_threshold
from .heights import Heights
from .setup import Setup

HEIGHTS = "height_above_ground"
UNKNOWN_ROOF = "unknown"

_ROWS = 512
# how the strips' values become probabilities where 255 is 1
_STEPS = np.concatenate([[0], np.rint(np.arange(255) / 254 * 255)]).astype(np.uint8)
_PERCENT = np.rint(np.clip(np.arange(256), 0, 100) * 2.55).astype(np.uint8)


def heights_spec(setup: Setup, tags: dict[str, str]) -> RasterSpec:
    """Return what ``height_above_ground.tif`` says about itself."""
    return RasterSpec(
        HEIGHTS, setup.frame.grid, "float32", float("nan"), description="Height above ground", unit="m", tags=tags
    )


def makes_buildings(setup: Setup) -> bool:
    """Return whether a run of this job makes building polygons: if they are wanted and the model tells buildings."""
    return setup.job.buildings.enabled and building_threshold(setup.model) is not None


def trace(
    setup: Setup,
    dsm: AlignedRaster | None,
    sinks: Mapping[str, StripSink],
    heights: StripSink | None,
    target: Path | None,
    feedback: Feedback,
) -> Counter[str]:
    """Go over the finished strips once; make the buildings and the heights.

    Args:
        setup: the job.
        dsm: the aligned surface, if there is one.
        sinks: the finished strips of each raster.
        heights: takes the heights above ground, if they are wanted.
        target: the GeoPackage to write; None: no buildings.
        feedback: told the progress in rows.

    Returns:
        Buildings by roof class, the most frequent first (all under ``building`` where the model tells no roof classes).
    """
    grid = setup.frame.grid
    counts: Counter[str] = Counter()
    roof = setup.model.output_of_role("roof_class")
    names = {} if roof is None else {item.id: item.name for item in roof.classes}
    with ExitStack() as stack:
        tracer = writer = None
        if target is not None:
            tracer = BuildingTracer(grid, setup.job.buildings, names)
            writer = stack.enter_context(GeoPackageWriter(target, grid.crs))
        ground = None if dsm is None else Heights(dsm, grid)
        for row in range(0, grid.height, _ROWS):
            feedback.progress(row, grid.height, "rows", "buildings" if tracer else "heights")
            rows = grid.window(grid.row0 + row, grid.col0, min(_ROWS, grid.height - row), grid.width)
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
                        surface=surface,
                        ground=floor,
                    )
                )
                counts.update(_class_of(item, bool(names)) for item in found)
                writer.write(found)
        if tracer is not None and writer is not None:
            found = tracer.finish()
            counts.update(_class_of(item, bool(names)) for item in found)
            writer.write(found)
    feedback.progress(grid.height, grid.height, "rows", "buildings" if tracer else "heights")
    return Counter(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


def _mask(setup: Setup, sinks: Mapping[str, StripSink], row: int, rows: int) -> NDArray[np.bool_]:
    plane, value, at_least = given(building_threshold(setup.model))  # only called where buildings are made
    values = sinks[plane].read(row, rows)
    return np.asarray(values >= value if at_least else values == value)


def _levels(
    sinks: Mapping[str, StripSink], name: str, row: int, rows: int, table: NDArray[np.uint8]
) -> NDArray[np.uint8] | None:
    return table[sinks[name].read(row, rows)] if name in sinks else None


def _class_of(building: Building, has_classes: bool) -> str:
    return (building.roof_class or UNKNOWN_ROOF) if has_classes else BUILDING_CLASS
