"""How close the estimated ground comes to the true one, on real areas and on made terrain."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio

from ..terrain.ground import ground
from ..terrain.lattice import Bools, Floats

REAL = ("terrain/ctview_770500_6277500", "real/herault_77055_627760", "real/pacasam_792000_6272000")
_BUILDING = 6  # ASPRS class


@dataclass(frozen=True)
class GroundArea:
    """A surface with its true ground.

    Attributes:
        name: of the area.
        surface: float32 [H, W], metres.
        valid: bool [H, W], where surface and truth are known.
        truth: float32 [H, W], metres.
        building: bool [H, W], where buildings stand.
        gsd: metres per pixel.
    """

    name: str
    surface: Floats
    valid: Bools
    truth: Floats
    building: Bools
    gsd: float


def measure(data: Path | None) -> list[dict[str, float | str]]:
    """Return rows of the benchmark, one for each area and method.

    Args:
        data: folder of real sample data (with ``terrain`` and ``real`` in it); None: made areas only.
    """
    methods: dict[str, Callable[[GroundArea], Floats]] = {
        "ridgeline": lambda area: ground(area.surface, area.valid, area.gsd, 0, 0)
    }
    if importlib.util.find_spec("bulldozer") is not None:
        methods["bulldozer"] = _bulldozer
    areas = [*(real_areas(data) if data is not None else ()), *made_areas()]
    return [_row(area, name, method) for area in areas for name, method in methods.items()]


def real_areas(data: Path) -> Iterator[GroundArea]:
    """Yield the areas of the sample data that come with a true ground, taken from classified LiDAR."""
    for name in REAL:
        with rasterio.open(data / f"{name}_dsm.tif") as dsm, rasterio.open(data / f"{name}_dtm.tif") as dtm:
            surface, truth, gsd = dsm.read(1), dtm.read(1), float(dsm.res[0])
            valid = (dsm.read_masks(1) > 0) & (dtm.read_masks(1) > 0)
        with rasterio.open(data / f"{name}_class.tif") as classes:
            building = classes.read(1) == _BUILDING
        yield GroundArea(name.split("/")[1].split("_")[0], surface, valid, truth, building, gsd)


def made_areas() -> Iterator[GroundArea]:
    """Yield 400 m by 400 m of made terrain at 0.5 m with flat-roofed blocks and 3 cm of noise."""
    gsd, size = 0.5, 800
    rows, cols = (np.mgrid[:size, :size] * gsd).astype(np.float64)
    plain = np.zeros((size, size))
    town = [(20 + 24 * i + 3 * (j % 2), 20 + 20 * j, 14, 10, 3 + (i * j) % 6) for i in range(14) for j in range(17)]
    blocks = [(20 + 40 * i, 20 + 48 * j, 34, 42, 15) for i in range(9) for j in range(7)]
    halls = [(100, 100, 100, 80, 8), (250, 80, 100, 140, 7), (60, 250, 60, 60, 5)]
    hill = 30 * np.exp(-((cols - 200) ** 2 + (rows - 200) ** 2) / (2 * 70**2))
    rolling = 10 * np.sin(cols / 25) * np.cos(rows / 30)
    terraces = np.floor(cols * 0.25 / 2) * 2
    for name, terrain, houses in (
        ("slope-town", 0.2 * cols + 0.15 * rows, town),
        ("hill-bare", hill, []),
        ("hill-town", hill, town),
        ("rolling-town", rolling, town),
        ("terraces-bare", terraces, []),
        ("terraces-town", terraces, town),
        ("halls", plain, halls),
        ("halls-tilted", 0.05 * cols, halls),
        ("dense-blocks", 0.08 * cols, blocks),
    ):
        surface, building = terrain.copy(), np.zeros(terrain.shape, bool)
        for x, y, width, depth, height in houses:
            inside = (cols >= x) & (cols < x + width) & (rows >= y) & (rows < y + depth)
            surface[inside] = np.maximum(surface[inside], np.median(terrain[inside]) + height)
            building |= inside
        surface += np.random.default_rng(0).normal(0, 0.03, surface.shape)
        known = np.ones(terrain.shape, bool)
        yield GroundArea(name, surface.astype(np.float32), known, terrain.astype(np.float32), building, gsd)


def _row(area: GroundArea, name: str, method: Callable[[GroundArea], Floats]) -> dict[str, float | str]:
    began = time.perf_counter()
    found = method(area)
    spent = time.perf_counter() - began
    known = area.valid & np.isfinite(found)
    error = (found - area.truth)[known].astype(np.float64)
    under = np.abs((found - area.truth)[known & area.building])
    return {
        "area": area.name,
        "method": name,
        "mae_m": float(np.abs(error).mean()),
        "rmse_m": float(np.sqrt(np.square(error).mean())),
        "p95_m": float(np.percentile(np.abs(error), 95)),
        "over_1m_share": float((np.abs(error) > 1).mean()),
        "mae_under_buildings_m": float(under.mean()) if under.size else 0.0,
        "mpx_per_s": area.surface.size / 1e6 / spent,
    }


def _bulldozer(area: GroundArea) -> npt.NDArray[np.float32]:
    """Return the ground that CNES' bulldozer finds, with its own defaults."""
    dsm_to_dtm = importlib.import_module("bulldozer.pipeline.bulldozer_pipeline").dsm_to_dtm
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dsm.tif"
        rows, cols = area.surface.shape
        transform = rasterio.transform.from_origin(500_000, 5_000_000, area.gsd, area.gsd)
        profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "height": rows, "width": cols, "nodata": -9999}
        with rasterio.open(path, "w", crs="EPSG:32632", transform=transform, **profile) as out:
            out.write(np.where(area.valid, area.surface, -9999).astype(np.float32), 1)
        with contextlib.redirect_stdout(sys.stderr):  # it prints as it goes
            dsm_to_dtm(dsm_path=str(path), output_dir=str(Path(folder) / "out"), nb_max_workers=1)
        with rasterio.open(Path(folder) / "out" / "dtm.tif") as dtm:
            values: npt.NDArray[np.float32] = dtm.read(1)
            return np.where(dtm.read_masks(1) > 0, values, np.float32(np.nan))
