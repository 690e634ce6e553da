"""At which pixel size a model finds buildings best, by the pixel size of the rasters: on towns that taught it nothing.

The same towns are drawn with fine and with coarse pixels; each run's buildings are compared with the finest truth.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio

from ..feedback import Feedback
from ..jobs import RasterInput, SegmentJob
from ..models.package import ModelPackage
from ..scenes.sensor import draw_sensor
from ..scenes.write import SceneFiles, TownConfig, write_town
from .metrics import binary_iou
from .truth import Layer, building_mask, nearest_on_grid_of

SEED = 700
"""No round of training has it."""
FINE = 0.2
NATIVE = (0.2, 0.5, 0.8, 1.0)
_SIDE_M = 160.0
"""A whole number of pixels of each size: a town depends on its exact extent."""
_STYLES = ("suburb", "town", "old_town", "villas", "estate", "farm", "industry", "informal")
_OUTSIDE = -1


@dataclass(frozen=True)
class PixelRow:
    """Mean building IoU over the towns.

    Attributes:
        rgb: metres per pixel of the picture; None: not seen.
        dsm: metres per pixel of the surface; None: not seen.
        gsd: metres per pixel of the run; None: what the engine chooses.
        iou: building IoU.
    """

    rgb: float | None
    dsm: float | None
    gsd: float | None
    iou: float


def measure(
    package: ModelPackage,
    segment: Callable[[SegmentJob], object],
    towns: int,
    sizes: tuple[float | None, ...],
    feedback: Feedback,
) -> Iterator[PixelRow]:
    """Yield the building IoU for each pair of rasters and each pixel size of the run.

    Args:
        package: the model.
        segment: runs a job of the engine.
        towns: how many towns of 160 m a side.
        sizes: pixel sizes of the runs; None: what the engine chooses.
        feedback: of the drawing; may cancel.

    Raises:
        RidgelineError: if a run fails.
    """
    pairs: list[tuple[float | None, float | None]] = [(None, native) for native in NATIVE]
    pairs += [(native, None) for native in NATIVE]
    pairs += [(FINE, native) for native in NATIVE]
    scores: dict[tuple[float | None, float | None, float | None], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ridgeline-pixels-") as scratch:
        for index in range(towns):
            drawn = {native: _draw(Path(scratch), index, native, feedback) for native in NATIVE}
            for rgb, dsm in pairs:
                for gsd in sizes:
                    job = SegmentJob(
                        out=str(Path(scratch) / "out"),
                        rgb=RasterInput(str(drawn[rgb].rgb)) if rgb else None,
                        dsm=RasterInput(str(drawn[dsm].dsm)) if dsm else None,
                        model=str(package.folder),
                        device="cpu",
                        gsd=gsd,
                        overwrite=True,
                    )
                    segment(job)
                    iou = _iou(Path(job.out), drawn[FINE].building, package)
                    scores.setdefault((rgb, dsm, gsd), []).append(iou)
    for (rgb, dsm, gsd), values in scores.items():
        yield PixelRow(rgb, dsm, gsd, float(np.mean(values)))


def _draw(folder: Path, index: int, native: float, feedback: Feedback) -> SceneFiles:
    sensor = draw_sensor(np.random.default_rng((SEED, index)))
    config = TownConfig(_SIDE_M, native, styles=((_STYLES[index % len(_STYLES)], 1.0),), sensor=sensor)
    return write_town(folder, f"town{index}-{native}", SEED + index, config, feedback)


def _iou(out: Path, truth: Path, package: ModelPackage) -> float:
    """Return the building IoU of a run on the pixels of the truth."""
    mask, layer = building_mask(out, package.spec)
    found = out / "mask.tif"
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "crs": layer.crs, "transform": layer.transform}
    with rasterio.open(found, "w", width=mask.shape[1], height=mask.shape[0], **profile) as sink:
        sink.write(mask.astype(np.uint8), 1)
    with rasterio.open(truth) as source:
        fine = Layer(source.read(1).astype(bool), source.crs, source.transform)
    values = nearest_on_grid_of(found, fine, _OUTSIDE)
    return binary_iou(fine.values.astype(bool), values == 1, values != _OUTSIDE)
