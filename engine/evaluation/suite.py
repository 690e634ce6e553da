"""The shared suite: one table of what a model reaches on real areas that it never saw.

Every run goes through the engine's own way (files in, files out), so what is measured is what a user gets.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.merge import merge

from ..jobs import RasterInput, SegmentJob
from ..models.package import ModelPackage
from . import roofs
from .areas import EMPTY_AREA, PICTURE_AREAS, SURFACE_AREAS, Area
from .baseline import tuned
from .cameras import CAMERAS, write_as_seen_by
from .metrics import binary_iou
from .tilt import write_tilted
from .truth import OUTSIDE, building_mask, nearest_on_grid_of

Segment = Callable[[SegmentJob], None]
"""Runs a job to its end."""

LARGEST_INVENTED_M2 = 20.0


@dataclass(frozen=True)
class Row:
    """One line of the table; ``floor`` is the figure to reach (None: told for comparison), ``at_most``: a ceiling."""

    on: str
    measure: str
    value: float
    floor: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the floor is reached; None where there is none."""
        if self.floor is None or math.isnan(self.value):
            return None if self.floor is None else False
        return self.value <= self.floor if self.at_most else self.value >= self.floor


@dataclass(frozen=True)
class _Bench:
    data: Path
    scratch: Path
    package: ModelPackage
    segment: Segment
    device: str

    def run(self, name: str, rgb: str | None, dsm: str | None) -> Path:
        out = self.scratch / name
        job = SegmentJob(
            out=str(out),
            rgb=RasterInput(rgb) if rgb else None,
            dsm=RasterInput(dsm) if dsm else None,
            model=str(self.package.folder),
            device=self.device,
            overwrite=True,
        )
        self.segment(job)
        return out

    def iou(self, area: Area, name: str, rgb: str | None, dsm: str | None) -> float:
        mask, layer = building_mask(self.run(name, rgb, dsm), self.package.spec)
        truth = nearest_on_grid_of(self.data / area.truth, layer, OUTSIDE)
        counts = (truth != OUTSIDE) & ~np.isin(truth, area.ignored)
        return binary_iou(np.isin(truth, area.building), mask, counts)


def run_suite(
    data: Path, package: ModelPackage, segment: Segment, device: str = "auto", only: str | None = None
) -> Iterator[Row]:
    """Measure a model on every area, giving each row when it is known.

    Args:
        data: folder of the real sample data.
        package: the model.
        segment: runs a job of the engine.
        device: where the model runs.
        only: measure only the parts whose name holds this.

    Yields:
        Rows in the table's order.

    Raises:
        RidgelineError: if a run fails.
    """
    parts = {
        "surfaces": _surfaces,
        "pictures": _pictures,
        "cameras": _cameras,
        "empty": _empty,
        "roofs": _roofs,
        "speed": _speed,
    }
    with tempfile.TemporaryDirectory(prefix="ridgeline-suite-") as scratch:
        bench = _Bench(data, Path(scratch), package, segment, device)
        for name, part in parts.items():
            if only is None or only in name:
                yield from part(bench)


def _surfaces(bench: _Bench) -> Iterator[Row]:
    floors = {"herault": 0.90, "lidarprod": 0.92, "pacasam": 0.83}
    alone: list[float] = []
    tilted: list[float] = []
    gains: list[float] = []
    for area in SURFACE_AREAS:
        dsm = str(bench.data / str(area.dsm))
        on_surface = bench.iou(area, f"{area.name}-dsm", None, dsm)
        alone.append(on_surface)
        slope = write_tilted(Path(dsm), bench.scratch / f"{area.name}-tilted.tif")
        tilted.append(bench.iou(area, f"{area.name}-tilted", None, str(slope)))
        if area.rgb:
            rgb = _one_picture(bench, area)
            both = bench.iou(area, f"{area.name}-both", rgb, dsm)
            yield Row(area.name, "building IoU, RGB + DSM", both, floors[area.name])
            window = _cut(Path(dsm), Path(rgb), bench.scratch / f"{area.name}-cut.tif")
            gains.append(both - bench.iou(area, f"{area.name}-dsm-cut", None, str(window)))
            yield Row(area.name, "building IoU, RGB alone", bench.iou(area, f"{area.name}-rgb", rgb, None))
            yield Row(area.name, "gain of RGB over DSM alone", gains[-1], -0.02)
        yield Row(area.name, "building IoU, DSM alone", on_surface, 0.91 if area.name == "ctview" else None)
        yield Row(area.name, "baseline: height and roughness (tuned here)", _baseline(bench, area))
    yield Row("the four", "mean building IoU, DSM alone", float(np.mean(alone)), 0.87)
    yield Row("the four", "loss when tilted by 25 %", float(np.mean(alone) - np.mean(tilted)), 0.02, at_most=True)
    yield Row("the pairs", "mean gain of RGB over DSM alone", float(np.mean(gains)), 0.02)


def _pictures(bench: _Bench) -> Iterator[Row]:
    scores = []
    for area in PICTURE_AREAS:
        scores.append(bench.iou(area, area.name, str(bench.data / area.rgb[0]), None))
        yield Row(area.name, "building IoU, RGB alone", scores[-1])
    yield Row("footprints, z19", "mean building IoU, RGB alone", float(np.mean(scores)), 0.45)


def _cameras(bench: _Bench) -> Iterator[Row]:
    """Measure on the same areas with pictures made as other cameras would have taken them."""
    for camera in CAMERAS:
        both, alone = [], []
        for area in (area for area in SURFACE_AREAS if area.rgb):
            seen = write_as_seen_by(Path(_one_picture(bench, area)), camera, bench.scratch / "seen.tif")
            both.append(bench.iou(area, "seen", str(seen), str(bench.data / str(area.dsm))))
            yield Row(area.name, f"building IoU, {camera} + DSM", both[-1])
        for area in PICTURE_AREAS:
            seen = write_as_seen_by(bench.data / area.rgb[0], camera, bench.scratch / "seen.tif")
            alone.append(bench.iou(area, "seen", str(seen), None))
        yield Row("the pairs", f"mean building IoU, {camera} + DSM", float(np.mean(both)))
        yield Row("footprints, z19", f"mean building IoU, {camera} alone", float(np.mean(alone)))


def _empty(bench: _Bench) -> Iterator[Row]:
    import pyogrio

    rgb, dsm = str(bench.data / EMPTY_AREA.rgb[0]), str(bench.data / str(EMPTY_AREA.dsm))
    for name, picture, surface in (("RGB + DSM", rgb, dsm), ("DSM alone", None, dsm), ("RGB alone", rgb, None)):
        out = bench.run(f"empty-{name}", picture, surface)
        # pyogrio.raw needs no pandas, which the inference set does not hold
        fields = pyogrio.raw.read(out / "buildings.gpkg", columns=["area_m2"], read_geometry=False)[3]
        count = int(np.count_nonzero(np.asarray(fields[0]) > LARGEST_INVENTED_M2)) if len(fields) else 0
        yield Row(EMPTY_AREA.name, f"buildings over 20 m² reported, {name}", float(count), 0.0, at_most=True)


def _roofs(bench: _Bench) -> Iterator[Row]:
    gsd = bench.package.spec.gsd.trained
    rgb, dsm, ids, truth = roofs.write_dressed_city(bench.data, bench.scratch, gsd)
    for name, picture in (("RGB + DSM", str(rgb)), ("DSM alone", None)):
        out = bench.run(f"city-{name}", picture, str(dsm))
        scores = roofs.score_roofs(out / "roof_class.tif", ids, truth)
        least = (0.85, 0.70) if picture else (None, None)
        yield Row("nrw_32_280_5657, dressed", f"roof class accuracy, {name}", scores.accuracy, least[0])
        yield Row("nrw_32_280_5657, dressed", f"roof class mean recall, {name}", scores.mean_recall, least[1])
        apart = roofs.score_one_by_one(out / "buildings.gpkg", truth)
        yield Row("nrw_32_280_5657, dressed", f"buildings one by one (F1), {name}", apart)
    rgb, dsm, truth = roofs.write_town_with_heights(bench.scratch, gsd)
    found = bench.run("town", str(rgb), str(dsm)) / "buildings.gpkg"
    heights = roofs.score_heights(found, truth)
    town = f"a town, {heights.found} buildings"
    yield Row(town, "share of all buildings found (IoU ≥ 0.5)", heights.share)
    yield Row(town, "buildings one by one (F1)", roofs.score_one_by_one(found, truth))
    yield Row(town, "RMSE of ridge heights, m", heights.ridge_rmse, 0.5, at_most=True)
    yield Row(town, "RMSE of eave heights, m", heights.eave_rmse, 0.5, at_most=True)


def _speed(bench: _Bench) -> Iterator[Row]:
    """Time whole runs over synthetic places of four million pixels, files in and files out."""
    # huts, the closest there is: no other place has as many buildings to outline
    yield from _speed_over(bench, "a town of 4.2 Mpx", "informal")
    yield from _speed_over(bench, "a suburb of 4.2 Mpx", "suburb")


def _speed_over(bench: _Bench, name: str, style: str) -> Iterator[Row]:
    from ..scenes.chip import SceneConfig, make_chip

    gsd = bench.package.spec.gsd.trained
    chip = make_chip(5, 0, SceneConfig(size=2048, gsd=(gsd, gsd), styles={style: 1.0}))
    profile = {
        "driver": "GTiff",
        "width": 2048,
        "height": 2048,
        "crs": "EPSG:25832",
        "transform": rasterio.Affine(gsd, 0, 400_000, 0, -gsd, 5_600_000),
        "tiled": True,
        "compress": "deflate",
    }
    rgb, dsm = bench.scratch / "speed-rgb.tif", bench.scratch / "speed-dsm.tif"
    with rasterio.open(rgb, "w", count=3, dtype="uint8", **profile) as sink:
        sink.write(chip.rgb)
    with rasterio.open(dsm, "w", count=1, dtype="float32", nodata=-9999.0, **profile) as sink:
        sink.write(np.nan_to_num(chip.surface, nan=-9999.0), 1)
    began = time.perf_counter()
    bench.run("speed", str(rgb), str(dsm))
    yield Row(name, "Mpx/s end to end", 4.194 / (time.perf_counter() - began), 2.0)


def _baseline(bench: _Bench, area: Area) -> float:
    with rasterio.open(bench.data / str(area.dsm)) as source:
        surface, gsd = source.read(1, masked=True).astype(np.float64).filled(np.nan), source.res[0]
    with rasterio.open(bench.data / area.truth) as source:
        truth = source.read(1)
    return tuned(surface, gsd, np.isin(truth, area.building), ~np.isin(truth, area.ignored))[0]


def _one_picture(bench: _Bench, area: Area) -> str:
    """Return the area's picture as one file; pieces side by side are joined first."""
    files = [bench.data / item for item in area.rgb]
    if len(files) == 1:
        return str(files[0])
    target = bench.scratch / f"{area.name}-rgb.tif"
    merge(files, dst_path=target, method="first")
    return str(target)


def _cut(dsm: Path, rgb: Path, target: Path) -> Path:
    """Write the part of the surface that lies under the picture: only so is it fair to compare the two."""
    with rasterio.open(dsm) as source, rasterio.open(rgb) as picture:
        window = source.window(*picture.bounds).round_offsets().round_lengths()
        window = window.intersection(rasterio.windows.Window(0, 0, source.width, source.height))
        profile = source.profile | {
            "driver": "GTiff",
            "width": window.width,
            "height": window.height,
            "transform": source.window_transform(window),
        }
        with rasterio.open(target, "w", **profile) as sink:
            sink.write(source.read(window=window))
    return target
