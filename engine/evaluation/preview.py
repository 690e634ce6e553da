"""How quick the warm engine is: first view, pans, clicks, through its own process and pipes as QGIS does it."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import rasterio
from rasterio.transform import Affine

from ..given import given
from ..jobs import ErrorCode, RasterInput, RidgelineError
from ..jobs.serve import LoadRequest, PreviewRequest, RoofRequest, Scene, ServeRequest, request_to_line
from ..raster.gdal_env import gdal_env

VIEW = (1000, 700)
"""Columns and rows of the map on the screen."""
_GSD, _SIDE, _CRS = 0.25, 6144, "EPSG:25832"
_WEST, _NORTH = 400_000.0, 5_600_000.0
_HOUSE_EVERY_M, _HOUSE_M = 30.0, 12.0
_MAIN = Path(__file__).resolve().parents[1] / "__main__.py"


@dataclass(frozen=True)
class PreviewSpeed:
    """What was measured, in seconds.

    Attributes:
        load_s: until rasters and model are open, process start included.
        first_part_s: until the first part of the first view is there.
        first_view_s: until all of it is.
        pan_median_s: a pan by a third of the view, always to where nothing was seen before.
        pan_worst_s: the slowest of them.
        back_s: going back to what was seen (median).
        click_median_s: the roof tool.
        click_worst_s: the slowest click.
        pans: how many pans there were.
        memory_first_mb: memory of the engine after the first view; None where the system does not tell.
        memory_last_mb: at the end.
        device: the sentence of what computes.
    """

    load_s: float
    first_part_s: float
    first_view_s: float
    pan_median_s: float
    pan_worst_s: float
    back_s: float
    click_median_s: float
    click_worst_s: float
    pans: int
    memory_first_mb: float | None
    memory_last_mb: float | None
    device: str


def measure_preview(model: str, folder: Path, pans: int = 18, seed: int = 0) -> PreviewSpeed:
    """Measure a model in a process of its own, over rasters made in ``folder``.

    Raises:
        RidgelineError: what the engine answers.
    """
    rgb, dsm = make_pair(folder)
    scene = Scene(RasterInput(str(rgb)), RasterInput(str(dsm)), model)
    out = str(folder / "preview")
    dice = random.Random(seed)
    began = time.perf_counter()
    with _Engine() as engine:
        device = engine.ask(LoadRequest(scene))[1]["device"]
        load_s = time.perf_counter() - began
        width, height = VIEW[0] * _GSD, VIEW[1] * _GSD
        x, y = _WEST + 40.0, _NORTH - 40.0 - height

        def view() -> tuple[float, float]:
            """Return the time until all of a view is there, and until the first part of it is."""
            whole, _, part = engine.ask(PreviewRequest(scene, (x, y, x + width, y + height), out))
            return whole, part or whole

        first, first_part = view()
        memory_first = engine.memory_mb()
        times, back = [], []
        for dx, dy in _walk(pans):
            before = x, y
            x, y = x + dx * width / 3, y + dy * height / 3
            times.append(view()[0])
            here, (x, y) = (x, y), before
            back.append(view()[0])
            x, y = here
        clicks = []
        for _ in range(max(pans // 3, 3)):
            column, row = dice.randrange(30, 48), dice.randrange(2, 10)  # where no view was
            place = (column * _HOUSE_EVERY_M + _HOUSE_M / 2, row * _HOUSE_EVERY_M + _HOUSE_M / 2)
            clicks.append(engine.ask(RoofRequest(scene, _WEST + place[0], _NORTH - place[1]))[0])
        memory_last = engine.memory_mb()
    return PreviewSpeed(
        load_s=load_s,
        first_part_s=first_part,
        first_view_s=first,
        pan_median_s=statistics.median(times),
        pan_worst_s=max(times),
        back_s=statistics.median(back),
        click_median_s=statistics.median(clicks),
        click_worst_s=max(clicks),
        pans=len(times),
        memory_first_mb=memory_first,
        memory_last_mb=memory_last,
        device=device,
    )


@dataclass(frozen=True)
class Soak:
    """Random panning, zooming and clicking for a while.

    Attributes:
        minutes: how long.
        requests: how many were answered.
        warm_mb: memory of the engine once its stores are full (after a fifth of the time).
        last_mb: at the end.
        most_mb: the most that was seen after ``warm_mb``.
        growth: ``last_mb`` over ``warm_mb``, minus one.
    """

    minutes: float
    requests: int
    warm_mb: float
    last_mb: float
    most_mb: float
    growth: float


def soak(model: str, folder: Path, minutes: float, seed: int = 0) -> Soak:
    """Use the warm engine at random for some minutes and watch its memory (Linux only).

    Raises:
        RidgelineError: what the engine answers; (BAD_JOB) where the system does not tell the memory.
    """
    rgb, dsm = make_pair(folder)
    scene = Scene(RasterInput(str(rgb)), RasterInput(str(dsm)), model)
    dice = random.Random(seed)
    width, height = VIEW[0] * _GSD, VIEW[1] * _GSD
    warm, most, last, count = 0.0, 0.0, 0.0, 0
    with _Engine() as engine:
        began = time.perf_counter()
        x, y = _WEST, _NORTH - height
        while (spent := (time.perf_counter() - began) / 60) < minutes:
            zoom = dice.choice([0.5, 1.0, 1.0, 1.5])
            x = min(max(x + dice.uniform(-1, 1) * width, _WEST), _WEST + _SIDE * _GSD - width * zoom)
            y = min(max(y + dice.uniform(-1, 1) * height, _NORTH - _SIDE * _GSD), _NORTH - height * zoom)
            box = (x, y, x + width * zoom, y + height * zoom)
            engine.ask(PreviewRequest(scene, box, str(folder / "preview")))
            if count % 5 == 0:
                engine.ask(RoofRequest(scene, x + width * zoom / 2, y + height * zoom / 2))
            count += 1
            memory = engine.memory_mb()
            if memory is None:
                raise RidgelineError(
                    ErrorCode.BAD_JOB, "This system does not tell the memory of a process.", "Run this on Linux."
                )
            last, most = memory, max(most, memory)
            if spent < minutes / 5:
                warm = most = memory
    return Soak(minutes, count, warm, last, most, last / warm - 1)


def make_pair(folder: Path) -> tuple[Path, Path]:
    """Write a picture and a surface with rows of houses, compressed as such files are; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb, dsm = folder / "preview_rgb.tif", folder / "preview_dsm.tif"
    if rgb.is_file() and dsm.is_file():
        return rgb, dsm
    dice = np.random.default_rng(0)
    every, house = round(_HOUSE_EVERY_M / _GSD), round(_HOUSE_M / _GSD)
    along = np.arange(_SIDE) % every < house
    roof = along[:, None] & along[None, :]
    ground = 100 + np.linspace(0, 20, _SIDE, dtype=np.float32)[None, :]
    surface = (ground + dice.normal(0, 0.03, roof.shape).astype(np.float32) + roof * np.float32(6)).astype(np.float32)
    picture = dice.integers(70, 110, (3, *roof.shape), dtype=np.uint8)
    picture[0][roof] += 90
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": _SIDE, "width": _SIDE, "crs": _CRS, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "compress": "deflate", "transform": Affine(_GSD, 0, _WEST, 0, -_GSD, _NORTH),
    }  # fmt: skip
    with gdal_env():
        with rasterio.open(rgb, "w", count=3, dtype="uint8", photometric="rgb", **profile) as sink:
            sink.write(picture)
        with rasterio.open(dsm, "w", count=1, dtype="float32", predictor=3, **profile) as sink:
            sink.write(surface, 1)
    return rgb, dsm


def figures_text(figures: PreviewSpeed | Soak) -> str:
    """Return the figures as lines for people."""
    lines = [f"{name:<16}{value:10.3f}" for name, value in asdict(figures).items() if isinstance(value, (int, float))]
    return "\n".join([*([figures.device] if isinstance(figures, PreviewSpeed) else []), *lines])


def _walk(steps: int) -> list[tuple[int, int]]:
    """Return steps that lead over new ground all the time: right, right, down, and so on."""
    return [(1, 0) if index % 3 != 2 else (0, -1) for index in range(steps)]


class _Engine:
    """A warm engine in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_MAIN), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._count = 0

    def __enter__(self) -> _Engine:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._input().close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, request: ServeRequest) -> tuple[float, dict[str, Any], float | None]:
        """Return how long the answer took, its summary, and how long its first part took if it came in parts."""
        self._count += 1
        name = str(self._count)
        began, part = time.perf_counter(), None
        self._input().write(request_to_line(name, request) + "\n")
        self._input().flush()
        for line in given(self._process.stdout):
            event = json.loads(line)
            if event.get("id") == name and event.get("phase") == "part":
                part = part or time.perf_counter() - began
            if event.get("id") == name and event["event"] in ("result", "error"):
                if event["event"] == "error":
                    raise RidgelineError(ErrorCode(event["code"]), event["message"], event["hint"])
                return time.perf_counter() - began, event["summary"], part
        raise RidgelineError(ErrorCode.INTERNAL, "The warm engine ended before it answered.", "See its log.")

    def memory_mb(self) -> float | None:
        """Return the memory that the process holds now."""
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS"))

    def _input(self) -> IO[str]:
        return given(self._process.stdin)
