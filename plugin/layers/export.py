"""A layer that is no local file becomes a GeoTIFF of the region: what QGIS can show, the engine can then read.

The file is written in the layer's own CRS at the run's ground sampling distance, so that the pixels are resampled only
once more, by the engine. It is kept beside the results under a name made from what is in it: a run that is taken up
again finds it.
"""

import hashlib
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from qgis.core import (
    Qgis,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsGeometry,
    QgsPointXY,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterPipe,
    QgsRectangle,
)

from ...engine.jobs import Cancelled, ErrorCode, RidgelineError
from ..i18n import tr

MARGIN_M = 64.0
"""Real surroundings of the region that are written too, in metres: the model sees a little beyond the border."""
DEFAULT_CAP_MB = 2000.0
_PICTURE_TYPES = (Qgis.DataType.ARGB32, Qgis.DataType.ARGB32_Premultiplied)


@dataclass(frozen=True)
class ExportPlan:
    """What will be written for a layer.

    Attributes:
        name: the layer's name.
        source: the layer's source, for the file's name.
        provider: a copy of the layer's data provider, for another thread.
        extent: what is written, in ``crs``.
        crs: the layer's CRS.
        columns: width in pixels.
        rows: height in pixels.
        megabytes: size before compression.
    """

    name: str
    source: str
    provider: Any
    extent: QgsRectangle
    crs: Any
    columns: int
    rows: int
    megabytes: float

    @property
    def file_name(self) -> str:
        """Name of the file: the same for the same source, extent and size."""
        box = (self.extent.xMinimum(), self.extent.yMinimum(), self.extent.xMaximum(), self.extent.yMaximum())
        text = f"{self.source}|{self.crs.authid()}|{box!r}|{self.columns}x{self.rows}"
        return f"layer-{hashlib.sha256(text.encode()).hexdigest()[:12]}.tif"


def plan_export(
    layer: Any, region: Optional[QgsGeometry], region_crs: Any, gsd: float, transform_context: Any, cap_mb: float
) -> ExportPlan:
    """Return what would be written for ``layer`` so that ``region`` is covered. To be called in the main thread.

    Args:
        layer: a QgsRasterLayer.
        region: a polygon in ``region_crs``; None: the whole layer.
        region_crs: its CRS.
        gsd: metres per pixel on the ground.
        transform_context: of the project.
        cap_mb: largest size before compression, in megabytes.

    Raises:
        RidgelineError: (NO_CRS, NO_OVERLAP, BAD_REGION) if nothing sensible can be written, or too much.
    """
    crs = layer.crs()
    if not crs.isValid():
        raise RidgelineError(
            ErrorCode.NO_CRS,
            tr("The layer “{name}” has no CRS.", name=layer.name()),
            tr("Set it by a right click on the layer ▸ Layer CRS."),
        )
    extent = QgsRectangle(layer.extent())
    if region is not None:
        wanted = _extent_in(region, region_crs, crs, transform_context, layer.name())
        extent = wanted if extent.isEmpty() else extent.intersect(wanted)
    if extent.isEmpty():
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            tr("The layer “{name}” does not cover the region.", name=layer.name()),
            tr("Choose a region inside the layer."),
        )
    width_m, height_m = ground_size(extent, crs, transform_context)
    columns, rows = max(1, math.ceil(width_m / gsd)), max(1, math.ceil(height_m / gsd))
    provider = layer.dataProvider()
    picture = provider.dataType(1) in _PICTURE_TYPES
    pixel_bytes = 4 if picture else sum(_bytes_of(provider.dataType(b + 1)) for b in range(layer.bandCount()))
    megabytes = columns * rows * pixel_bytes / 1e6
    if megabytes > cap_mb:
        raise RidgelineError(
            ErrorCode.BAD_REGION,
            tr(
                "“{name}” is no local file and would be written with {size:.0f} MB for this region; "
                "the limit is {cap:.0f} MB.",
                name=layer.name(),
                size=megabytes,
                cap=cap_mb,
            ),
            tr("Choose a smaller region, or raise the limit under Advanced."),
        )
    return ExportPlan(layer.name(), layer.source(), provider.clone(), extent, crs, columns, rows, megabytes)


def write_export(plan: ExportPlan, folder: Path, transform_context: Any, feedback: Any) -> Path:
    """Write what was planned into ``folder`` and return the file; may be called in any thread.

    Raises:
        Cancelled: if ``feedback`` was cancelled; nothing is left behind.
        RidgelineError: (INPUT_UNREADABLE) naming the layer, if it cannot be read; (OUTPUT_NOT_WRITABLE) if not written.
    """
    target = folder / plan.file_name
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"part-{os.getpid()}-{plan.file_name}"
    blocks = QgsRasterBlockFeedback()
    if feedback is not None:
        feedback.canceled.connect(blocks.cancel)
    writer = QgsRasterFileWriter(str(partial))
    writer.setOutputFormat("GTiff")
    writer.setCreateOptions(["COMPRESS=DEFLATE", "TILED=YES", "BIGTIFF=IF_SAFER"])
    pipe = QgsRasterPipe()
    if not pipe.set(plan.provider.clone()):
        raise _unreadable(plan.name, "")
    try:
        status = writer.writeRaster(pipe, plan.columns, plan.rows, plan.extent, plan.crs, transform_context, blocks)
        if blocks.isCanceled() or (feedback is not None and feedback.isCanceled()):
            raise Cancelled()
        if int(status) != 0:
            raise _write_fault(plan, int(status))
        if blocks.errors():
            raise _unreadable(plan.name, blocks.errors()[0])
        os.replace(partial, target)
    finally:
        for left in (partial, Path(f"{partial}.aux.xml")):
            left.unlink(missing_ok=True)
    return target


def ground_size(extent: QgsRectangle, crs: Any, transform_context: Any) -> "tuple[float, float]":
    """Return width and height of an extent in metres on the ground, through its centre."""
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, transform_context)
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    centre = extent.center()

    def metres(x0: float, y0: float, x1: float, y1: float) -> float:
        return float(measure.measureLine(QgsPointXY(x0, y0), QgsPointXY(x1, y1)))

    width = metres(extent.xMinimum(), centre.y(), extent.xMaximum(), centre.y())
    return width, metres(centre.x(), extent.yMinimum(), centre.x(), extent.yMaximum())


def _extent_in(region: QgsGeometry, source: Any, target: Any, context: QgsCoordinateTransformContext, name: str) -> Any:
    """Return the box of the region with its margin, in ``target``."""
    try:
        copy = QgsGeometry(region)
        if source.isValid() and source != target:
            copy.transform(QgsCoordinateTransform(source, target, context))
    except QgsCsException as fault:
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            tr("The region cannot be brought into the CRS of the layer “{name}”.", name=name),
            tr("Choose a region inside the layer."),
        ) from fault
    box = copy.boundingBox()
    width_m, height_m = ground_size(box, target, context)
    if not (width_m > 0 and height_m > 0):
        raise RidgelineError(ErrorCode.BAD_REGION, tr("The region has no area."), tr("Draw or choose another region."))
    grow_x, grow_y = MARGIN_M * box.width() / width_m, MARGIN_M * box.height() / height_m
    return QgsRectangle(
        box.xMinimum() - grow_x, box.yMinimum() - grow_y, box.xMaximum() + grow_x, box.yMaximum() + grow_y
    )


def _bytes_of(data_type: Any) -> int:
    one, two, eight = (Qgis.DataType.Byte,), (Qgis.DataType.UInt16, Qgis.DataType.Int16), (Qgis.DataType.Float64,)
    return 1 if data_type in one else 2 if data_type in two else 8 if data_type in eight else 4


def _unreadable(name: str, reason: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.INPUT_UNREADABLE,
        tr("The layer “{name}” could not be read{reason}.", name=name, reason=f": {reason}" if reason else ""),
        tr("Check that it shows on the map, and try again."),
    )


def _write_fault(plan: ExportPlan, status: int) -> RidgelineError:
    return RidgelineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        tr("“{name}” could not be written to a file (QGIS says {status}).", name=plan.name, status=status),
        tr("Check that the layer shows on the map, and that the disk has {size:.0f} MB.", size=plan.megabytes),
    )
