"""The warm engine as a process of its own over made rasters: what its benchmarks talk to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import numpy as np
import rasterio
from rasterio.transform import Affine

from ..given import given
from ..jobs import ErrorCode, RidgelineError
from ..jobs.serve import LoadRequest, Scene, ServeRequest, request_to_line
from ..raster.gdal_env import gdal_env

GSD, SIDE, CRS = 0.25, 6144, "EPSG:25832"
"""Of the rasters that are made: metres per pixel, pixels along a side."""
WEST, NORTH = 400_000.0, 5_600_000.0
HOUSE_EVERY_M, HOUSE_M = 30.0, 12.0
VIEW_M = (1000 * GSD, 700 * GSD)
"""Width and height of what a map of 1000 × 700 pixels shows."""
_MAIN = Path(__file__).resolve().parents[1] / "__main__.py"


class WarmProcess:
    """A warm engine in a process of its own; it ends with the ``with`` block."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # nosec B603: a list, no shell; this very program
            [sys.executable, "-I", str(_MAIN), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._count = 0

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._input().close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, request: ServeRequest) -> tuple[float, dict[str, Any], float | None]:
        """Return how long the answer took, its summary, and how long its first part took if it came in parts.

        Raises:
            RidgelineError: what the engine answers; (INTERNAL) if it ended instead.
        """
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
        """Return the memory that the process holds now (resident set), None where the system does not tell."""
        return self._status("VmRSS")

    def settled_memory_mb(self, scene: Scene) -> float | None:
        """Return the memory that it holds once it has given back, after an answer, what it no longer needs.

        It does so before it takes the next request, so it is asked for a scene, which costs nothing if that is open:
        to wait some time in place of that would not do on a machine that is busy.
        """
        self.ask(LoadRequest(scene))
        return self.memory_mb()

    def peak_memory_mb(self) -> float | None:
        """Return the most that it ever held, None where the system does not tell."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float | None:
        try:
            text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return None
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(name))

    def _input(self) -> IO[str]:
        return given(self._process.stdin)


def make_pair(folder: Path) -> tuple[Path, Path]:
    """Write a picture and a surface with rows of houses, compressed as such files are; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb, dsm = folder / "preview_rgb.tif", folder / "preview_dsm.tif"
    if rgb.is_file() and dsm.is_file():
        return rgb, dsm
    dice = np.random.default_rng(0)
    every, house = round(HOUSE_EVERY_M / GSD), round(HOUSE_M / GSD)
    along = np.arange(SIDE) % every < house
    roof = along[:, None] & along[None, :]
    ground = 100 + np.linspace(0, 20, SIDE, dtype=np.float32)[None, :]
    surface = (ground + dice.normal(0, 0.03, roof.shape).astype(np.float32) + roof * np.float32(6)).astype(np.float32)
    picture = dice.integers(70, 110, (3, *roof.shape), dtype=np.uint8)
    picture[0][roof] += 90
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": SIDE, "width": SIDE, "crs": CRS, "tiled": True, "blockxsize": 512,
        "blockysize": 512, "compress": "deflate", "transform": Affine(GSD, 0, WEST, 0, -GSD, NORTH),
    }  # fmt: skip
    with gdal_env():
        with rasterio.open(rgb, "w", count=3, dtype="uint8", photometric="rgb", **profile) as sink:
            sink.write(picture)
        with rasterio.open(dsm, "w", count=1, dtype="float32", predictor=3, **profile) as sink:
            sink.write(surface, 1)
    return rgb, dsm


def house_at(column: int, row: int) -> tuple[float, float]:
    """Return the middle of a made house, counted from the north-western one."""
    return WEST + column * HOUSE_EVERY_M + HOUSE_M / 2, NORTH - row * HOUSE_EVERY_M - HOUSE_M / 2
