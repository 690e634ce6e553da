"""Layers as inputs of a job: files as they are, all else written for the region first."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Tuple

from ...engine.jobs import RasterInput
from ..engine_link.job import layer_source
from ..i18n import tr
from ..layers.export import ExportPlan, plan_export, write_export


@dataclass(frozen=True)
class PlannedInput:
    """An input that is known in the main thread and made ready in the worker's.

    Attributes:
        raster: the input, if it is a file already.
        export: what must be written, if it is not.
        bands: bands to use.
        vertical_unit: unit of heights, if the user named it.
    """

    raster: Optional[RasterInput]
    export: Optional[ExportPlan]
    bands: Tuple[int, ...] = ()
    vertical_unit: Optional[str] = None


def plan_input(
    layer: Any,
    bands: Tuple[int, ...],
    vertical_unit: Optional[str],
    region: Any,
    region_crs: Any,
    gsd: float,
    context: Any,
    cap_mb: float,
) -> PlannedInput:
    """Return how a layer will reach the engine. To be called in the main thread.

    Args:
        layer: a QgsRasterLayer.
        bands: bands to use, counted from 1; empty: the engine guesses.
        vertical_unit: unit of heights, where the user named it.
        region: the polygon that bounds the run; None: the whole layer.
        region_crs: its CRS.
        gsd: metres per pixel at which a layer that is no file is written.
        context: of the algorithm.
        cap_mb: largest file that may be written.

    Raises:
        RidgelineError: naming the layer and what is wrong with it.
    """
    source = layer_source(layer, bands, vertical_unit)
    if source.raster is not None:
        return PlannedInput(source.raster, None)
    plan = plan_export(layer, region, region_crs, gsd, context.transformContext(), cap_mb)
    return PlannedInput(None, plan, bands, vertical_unit)


def ready_input(planned: PlannedInput, out: str, context: Any, feedback: Any) -> RasterInput:
    """Return the input, once it has been written beside the results in ``out`` if need be. In any thread.

    Raises:
        Cancelled: if the user cancelled.
        RidgelineError: naming the layer, if it cannot be read or written.
    """
    if planned.raster is not None:
        return planned.raster
    plan = planned.export
    if plan is None:
        raise ValueError("an input is either a file or planned to be one")
    feedback.setProgressText(tr("Writing “{name}” to a file ({size:.1f} MB) …", name=plan.name, size=plan.megabytes))
    file = write_export(plan, Path(out) / "inputs", context.transformContext(), feedback)
    return RasterInput(str(file), planned.bands, name=plan.name, vertical_unit=planned.vertical_unit)
