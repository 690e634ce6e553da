"""The speed benchmark: whole runs against the bare network over the same tiles, on rasters and networks made here.

Rows: ``small-network-4096``, ``-8192``, ``-16384`` run a network of about 85 000 parameters in 512-pixel tiles with
15 % overlap over a square RGB of that side; ``free-network-8192`` runs one that costs nothing (6 classes, stride
384) and so shows what reading, stitching and writing cost by themselves; ``mixed-grid-8192`` runs the small
network over an RGB and a DSM of another CRS and GSD, and the same pair on one grid for comparison. Every row is
measured in a fresh process, so that its peak memory is its own. Runs write land cover and confidence as finished
Cloud Optimized GeoTIFFs; no building polygons are made.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..feedback import Feedback
from ..inference.runner import run_segment
from ..jobs import BuildingOptions, ErrorCode, RasterInput, RidgelineError, SegmentJob
from ..models.package import load_package
from ..runtime.open import open_predictor
from .speed_data import OVERLAPS, make_dsm, make_model, make_rgb

ROWS: dict[str, tuple[str, int]] = {
    "small-network-4096": ("small", 4096),
    "small-network-8192": ("small", 8192),
    "small-network-16384": ("small", 16384),
    "free-network-8192": ("free", 8192),
    "mixed-grid-8192": ("pair", 8192),
}
"""Kind of network and side of the raster, by the row's name."""


@dataclass(frozen=True)
class SpeedRow:
    """One row.

    Attributes:
        name: of the row.
        end_to_end_s: the whole run: opening, reading, computing, writing the finished files.
        network_s: the bare network over as many tiles in batches of the same size, tiles ready in memory.
        ratio: of the two.
        mpx_per_s: megapixels of the raster a second, end to end.
        peak_rss_mb: most memory that the process held during the run, in 10^6 bytes.
        tiles: how many tiles were computed.
        aligned_s: for a pair on two grids: end to end for the same pair on one grid.
        to_aligned: for such a pair: ``end_to_end_s / aligned_s``.
    """

    name: str
    end_to_end_s: float
    network_s: float
    ratio: float
    mpx_per_s: float
    peak_rss_mb: float
    tiles: int
    aligned_s: float | None = None
    to_aligned: float | None = None


def run_speed(names: list[str], report: Callable[[SpeedRow], None], folder: Path | None = None) -> list[SpeedRow]:
    """Measure rows, each in a process of its own.

    Args:
        names: which rows.
        report: told each row as soon as it is measured.
        folder: where rasters are made; None: a temporary folder. Rasters that are there already are used again.

    Raises:
        RidgelineError: (BAD_JOB) if there is no such row, (INTERNAL) if one fails.
    """
    for name in names:
        if name not in ROWS:
            raise RidgelineError(ErrorCode.BAD_JOB, f"There is no row {name!r}.", f"Choose from: {', '.join(ROWS)}.")
    with tempfile.TemporaryDirectory(prefix="ridgeline-speed-") as temporary:
        place = folder or Path(temporary)
        rows = []
        for name in names:
            _make_inputs(name, place)
            row = SpeedRow(**_in_child(name, place))
            if ROWS[name][0] == "pair":
                aligned = _in_child(f"{name}:aligned", place)["end_to_end_s"]
                row = SpeedRow(**{**asdict(row), "aligned_s": aligned, "to_aligned": row.end_to_end_s / aligned})
            report(row)
            rows.append(row)
    return rows


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Measure one row in this process; inputs must have been made.

    Args:
        name: of the row; with ``:aligned`` after it, the DSM on the RGB's grid is taken.
        folder: where the inputs lie.
    """
    base, _, variant = name.partition(":")
    _kind, side = ROWS[base]
    rgb, dsm, model = _inputs(base, folder, aligned=variant == "aligned")
    with tempfile.TemporaryDirectory(prefix="out-", dir=folder) as out:
        job = SegmentJob(
            out=out,
            rgb=RasterInput(str(rgb)),
            dsm=RasterInput(str(dsm)) if dsm is not None else None,
            model=str(model),
            buildings=BuildingOptions(enabled=False),
        )
        began = time.perf_counter()
        run_segment(job, Feedback())
        end_to_end = time.perf_counter() - began
        peak = peak_rss_mb()
        record = json.loads((Path(out) / "run.json").read_text(encoding="utf-8"))
    tiles = record["tiles"]["computed"]
    network = _bare_network(
        model, frozenset({"rgb"} if dsm is None else {"rgb", "dsm"}), tiles, record["tiles"]["batch"]
    )
    return {
        "name": base,
        "end_to_end_s": end_to_end,
        "network_s": network,
        "ratio": end_to_end / network,
        "mpx_per_s": side * side / 1e6 / end_to_end,
        "peak_rss_mb": peak,
        "tiles": tiles,
    }


def peak_rss_mb() -> float:
    """Return the most memory that this process has held so far, in 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count what the parent held before it started us
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def table_text(rows: list[SpeedRow]) -> str:
    """Return the rows as a table for people."""
    head = f"{'row':<22}{'end to end':>12}{'network':>10}{'ratio':>8}{'Mpx/s':>8}{'peak MB':>9}{'tiles':>7}"
    lines = [head]
    for row in rows:
        line = (
            f"{row.name:<22}{row.end_to_end_s:>10.2f} s{row.network_s:>8.2f} s{row.ratio:>8.3f}{row.mpx_per_s:>8.2f}"
            f"{row.peak_rss_mb:>9.0f}{row.tiles:>7}"
        )
        if row.to_aligned is not None and row.aligned_s is not None:
            line += f"   {row.to_aligned:.3f} times the aligned pair ({row.aligned_s:.2f} s)"
        lines.append(line)
    return "\n".join(lines)


def _bare_network(model: Path, kinds: frozenset[str], tiles: int, batch: int) -> float:
    """Return the seconds that the network takes for ``tiles`` tiles, normalised and in memory."""
    package = load_package(model)
    predictor = open_predictor(package, kinds)  # as often as runs look
    size = package.spec.tile.size
    random = np.random.default_rng(0)
    inputs = {
        item.name: random.normal(size=(batch, item.channels, size, size)).astype(np.float32)
        for item in package.spec.inputs
        if item.kind in kinds
    }
    predictor.predict(inputs)  # the first call sets up memory
    began = time.perf_counter()
    done = 0
    while done < tiles:
        count = min(batch, tiles - done)
        predictor.predict({name: array[:count] for name, array in inputs.items()})
        done += count
    return time.perf_counter() - began


def _in_child(name: str, folder: Path) -> dict[str, Any]:
    main = Path(__file__).resolve().parents[1] / "__main__.py"
    command = [sys.executable, "-I", str(main), "benchmark", "speed", "--measure", name, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # nosec B603: no shell; this very program
    if done.returncode != 0:
        raise RidgelineError(
            ErrorCode.INTERNAL,
            f"The benchmark's row {name!r} failed (exit status {done.returncode}).",
            "Its own words are above.",
        )
    found: dict[str, Any] = json.loads(done.stdout.decode().strip().splitlines()[-1])
    return found


def _inputs(name: str, folder: Path, aligned: bool) -> tuple[Path, Path | None, Path]:
    kind, side = ROWS[name]
    dsm = None if kind != "pair" else folder / (f"dsm-{side}.tif" if aligned else f"dsm-{side}-other-grid.tif")
    return folder / f"rgb-{side}.tif", dsm, folder / f"model-{kind}"


def _make_inputs(name: str, folder: Path) -> None:
    """Make what a row needs and the folder lacks."""
    kind, side = ROWS[name]
    for aligned in (True, False):
        rgb, dsm, model = _inputs(name, folder, aligned)
        if not rgb.exists():
            make_rgb(rgb, side)
        if dsm is not None and not dsm.exists():
            make_dsm(dsm, side, aligned)
        if not model.exists():
            make_model(model, kind, OVERLAPS[kind])
