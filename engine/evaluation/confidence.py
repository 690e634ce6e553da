"""What it costs to leave out buildings that a model is not sure of: on scenes that taught it nothing.

Every scene is run from files to files, as a user's rasters are. A building that is found counts as true where most of
it lies on true ones, and as invented where hardly any of it does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.transform import from_origin

from ..jobs import BuildingOptions, RasterInput, SegmentJob
from ..models.package import ModelPackage
from ..scenes.chip import SceneChip, SceneConfig, make_chip

SEED = 555
"""No round of training has it."""
LEVELS = (0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
_MODES = {"both": ("rgb", "dsm"), "DSM": ("dsm",), "RGB": ("rgb",)}
_TRUE, _INVENTED = 0.5, 0.2
_SIDE = 640


@dataclass(frozen=True)
class ConfidenceRow:
    """One level in one mode.

    Attributes:
        mode: what the model saw: ``both``, ``DSM`` or ``RGB``.
        level: buildings of a smaller mean probability are left out.
        true: buildings found that are true.
        true_lost: those of them that are left out.
        invented: buildings found that are none.
        invented_gone: those of them that are left out.
    """

    mode: str
    level: float
    true: int
    true_lost: int
    invented: int
    invented_gone: int


def measure(package: ModelPackage, segment: Callable[[SegmentJob], object], scenes: int) -> Iterator[ConfidenceRow]:
    """Yield what each level costs and brings, mode by mode.

    Args:
        package: the model.
        segment: runs a job of the engine.
        scenes: how many scenes of 640 pixels a side.
    """
    gsd = package.spec.gsd.trained
    config = SceneConfig(size=_SIDE, gsd=(gsd, gsd), feet=0.0)
    found: dict[str, list[NDArray[np.float64]]] = {mode: [] for mode in _MODES}
    with tempfile.TemporaryDirectory(prefix="ridgeline-confidence-") as scratch:
        folder = Path(scratch)
        for index in range(scenes):
            chip = make_chip(SEED, index, config)
            _write(folder, chip)
            for mode, kinds in _MODES.items():
                segment(_job(folder, kinds, package))
                found[mode].append(_look(folder / "out" / "buildings.gpkg", chip))
    for mode, parts in found.items():
        confidence, share = np.concatenate(parts, axis=1)
        true, invented = share > _TRUE, share < _INVENTED
        for level in LEVELS:
            out = confidence < level
            counts = (int(np.count_nonzero(item)) for item in (true, true & out, invented, invented & out))
            yield ConfidenceRow(mode, level, *counts)


def _job(folder: Path, kinds: tuple[str, ...], package: ModelPackage) -> SegmentJob:
    rgb, dsm = (RasterInput(str(folder / f"{kind}.tif")) if kind in kinds else None for kind in ("rgb", "dsm"))
    return SegmentJob(
        str(folder / "out"),
        rgb,
        dsm,
        model=str(package.folder),
        device="cpu",
        overwrite=True,
        buildings=BuildingOptions(min_confidence=0.0),
    )


def _place(chip: SceneChip) -> rasterio.Affine:
    return from_origin(400_000, 5_600_000, chip.gsd, chip.gsd)


def _write(folder: Path, chip: SceneChip) -> None:
    profile = {"driver": "GTiff", "width": _SIDE, "height": _SIDE, "crs": "EPSG:25832", "transform": _place(chip)}
    with rasterio.open(folder / "rgb.tif", "w", count=3, dtype="uint8", nodata=None, **profile) as sink:
        sink.write(chip.rgb)
    with rasterio.open(folder / "dsm.tif", "w", count=1, dtype="float32", nodata=-9999.0, **profile) as sink:
        sink.write(np.nan_to_num(chip.surface, nan=-9999.0), 1)


def _look(file: Path, chip: SceneChip) -> NDArray[np.float64]:
    """Return [2, n]: confidence of each building found, and the share of it that lies on true ones."""
    _, _, shapes, fields = pyogrio.raw.read(file, columns=["building_confidence"])
    rows = []
    for shape, confidence in zip(shapely.from_wkb(shapes), fields[0]):
        inside = rasterize([shape], chip.building_id.shape, transform=_place(chip)).astype(bool)
        if inside.any():
            rows.append((confidence, (chip.building_id[inside] > 0).mean()))
    return np.array(rows, np.float64).reshape(-1, 2).T
