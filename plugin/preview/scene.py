"""What the Segment page holds, as a scene for the warm engine."""

from typing import Any, Optional

from ...engine.jobs import ErrorCode, RasterInput, RidgelineError
from ...engine.jobs.serve import Scene
from ..engine_link.job import layer_source
from ..i18n import tr


def scene_of(page: Any) -> Scene:
    """Return the scene of the Segment page.

    Args:
        page: has ``inputs()`` and ``advanced``, as the Segment page does.

    Raises:
        RidgelineError: naming what is missing, or what a preview cannot do.
    """
    inputs, advanced = page.inputs(), page.advanced
    if inputs.rgb is None and inputs.dsm is None:
        raise RidgelineError(
            ErrorCode.BAD_JOB, tr("There is no layer to look at."), tr("Choose an RGB layer, a DSM layer, or both.")
        )
    if inputs.model is None:
        raise RidgelineError(ErrorCode.BAD_MODEL, tr("There is no model."), tr("Import one on the Models page."))
    if not inputs.model.takes(inputs.kinds):
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            tr("The model “{model}” does not work with these layers.", model=inputs.model.label),
            tr("Choose another model, or other layers."),
        )
    return Scene(
        rgb=_raster(inputs.rgb, tuple(advanced.bands)),
        dsm=_raster(inputs.dsm, (advanced.dsm_band.currentBand(),)),
        model=inputs.model.name,
        gsd=inputs.gsd,
        device=str(advanced.device.currentData() or "auto"),
        looks=advanced.looks,
    )


def _raster(layer: Any, bands: "tuple[int, ...]") -> Optional[RasterInput]:
    if layer is None:
        return None
    source = layer_source(layer, tuple(band for band in bands if 1 <= band <= layer.bandCount()))
    if source.raster is None:
        raise RidgelineError(
            ErrorCode.INPUT_UNREADABLE,
            tr("The layer “{name}” is no file, and a preview reads files only.", name=source.name),
            tr("Save it as a GeoTIFF, or use Run, which writes the region to a file first."),
        )
    return source.raster
