"""The end of a run: result files under their final names, and ``run.json`` which tells how they came to be."""

from __future__ import annotations

import json
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..beside import Beside
from ..feedback import Feedback
from ..jobs import Result, to_dict
from ..raster.files import keep_existing, remove_partials, write_atomically, writing
from ..raster.sinks import StripSink
from ..runtime.predictor import DeviceReport
from .buildings import HEIGHTS, Made, keeps_heights, makes_buildings
from .finish import Finisher
from .follow import Follower
from .ledger import WORK_FOLDER, Ledger, LedgerState
from .setup import Setup, batch_of, input_files

RECORD = "run.json"
BUILDINGS = "buildings.gpkg"

_TOGETHER_PX = 1 << 26
"""Rasters of up to so many pixels are written two at a time: of larger ones that holds much memory."""


def result_names(setup: Setup) -> dict[str, str]:
    """Return the files that a run makes, by the name of the result, ``run.json`` last."""
    names = {plane.name: f"{plane.name}.tif" for plane in Finisher(setup.model, 1).planes if plane.published}
    if keeps_heights(setup):
        names[HEIGHTS] = f"{HEIGHTS}.tif"
    if makes_buildings(setup):
        names["buildings"] = BUILDINGS
    return {**names, "run": RECORD}


def check_free(setup: Setup, out: Path, state: LedgerState | None = None) -> None:
    """Refuse to overwrite results that another run made.

    Args:
        setup: the job.
        out: the output folder.
        state: of the job's own ledger; None before it is known: then nothing is refused where there is any ledger.

    Raises:
        RidgelineError: (OUTPUT_EXISTS) naming the first file that is there.
    """
    if setup.job.overwrite or (state is not None and state.publishing):
        return
    if state is None and (out / WORK_FOLDER).exists():
        return
    keep_existing(out, result_names(setup).values(), overwrite=False)


def finished_before(setup: Setup, ledger: Ledger) -> Result | None:
    """Return the result if the same run was killed when all was done but for tidying up, else None."""
    out = Path(setup.job.out)
    if not ledger.left_over or (ledger.state != LedgerState() and not ledger.state.publishing):
        return None
    record = _record_of(out)
    if record.get("key") != ledger.folder.name:
        return None
    outputs = {**record["outputs"], "run": RECORD}
    if not all((out / name).exists() for name in outputs.values()):
        return None
    # a run that came after it, began anew and was killed while it finished files has left them
    with suppress(OSError):  # the results are there all the same
        remove_partials(out, outputs.values())
    return Result({name: str(out / file) for name, file in outputs.items()}, _summary(setup, record))


def publish(
    setup: Setup,
    sinks: Mapping[str, StripSink],
    buildings: Follower[Made] | None,
    ledger: Ledger,
    seconds: dict[str, float],
    report: DeviceReport,
    feedback: Feedback,
) -> Result:
    """Make the result files of the finished strips, once buildings and heights are made too, where they are wanted.

    Raises:
        RidgelineError: (DISK_FULL), (OUTPUT_NOT_WRITABLE).
    """
    out = Path(setup.job.out)
    names = result_names(setup)
    stale = set(_record_of(out).get("outputs", {}).values())
    began = time.perf_counter()
    outputs: dict[str, str] = {}
    made = Made()
    if buildings is not None:
        phase, height = "buildings" if makes_buildings(setup) else "heights", setup.frame.grid.height
        made = buildings.result(lambda rows: feedback.progress(rows, height, "rows", phase))
        feedback.progress(height, height, "rows", phase)
        seconds["buildings"] = seconds.get("buildings", 0.0) + time.perf_counter() - began
    ledger.commit(replace(ledger.state, publishing=True))
    began = time.perf_counter()
    outputs |= _finish({name: sinks[name] for name in names if name in sinks}, out, feedback)
    seconds["writing"] = seconds.get("writing", 0.0) + time.perf_counter() - began
    if "buildings" in names:
        with writing(out / BUILDINGS):
            (ledger.folder / BUILDINGS).replace(out / BUILDINGS)
        outputs["buildings"] = str(out / BUILDINGS)
    record = {"key": ledger.folder.name} | run_record(
        setup,
        ledger.state,
        seconds,
        report,
        feedback,
        {name: Path(path).name for name, path in outputs.items()},
        made,
        {name: sinks[name].class_areas() for name in names if name in sinks and sinks[name].spec.classes},
    )
    write_atomically(out / RECORD, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())
    outputs["run"] = str(out / RECORD)
    for name in stale - {Path(path).name for path in outputs.values()}:
        (out / name).unlink(missing_ok=True)
    return Result(outputs, _summary(setup, record))


def _finish(sinks: Mapping[str, StripSink], out: Path, feedback: Feedback) -> dict[str, str]:
    """Make the file of each raster and return where they are, by name."""
    pixels = max((sink.spec.grid.width * sink.spec.grid.height for sink in sinks.values()), default=0)
    waiting, files, faults = deque(sinks.items()), dict[str, str](), list[BaseException]()

    def work(told: Callable[[], None] = lambda: None) -> None:
        while not faults:
            try:
                name, sink = waiting.popleft()
            except IndexError:  # all are taken
                return
            try:
                files[name] = str(sink.finish(out))
                told()
            except BaseException as fault:
                faults.append(fault)

    beside = Beside(work) if pixels <= _TOGETHER_PX and len(sinks) > 1 else None
    work(lambda: feedback.progress(len(files), len(sinks), "files", "writing rasters"))
    if beside is not None:
        beside.join()
    if faults:
        raise faults[0]
    feedback.progress(len(files), len(sinks), "files", "writing rasters")
    return {name: files[name] for name in sinks}


def run_record(
    setup: Setup,
    state: LedgerState,
    seconds: Mapping[str, float],
    report: DeviceReport,
    feedback: Feedback,
    outputs: Mapping[str, str],
    buildings: Made,
    areas: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """Return what ``run.json`` says; ``areas``: m² of each class by raster."""
    grid, model = setup.frame.grid, setup.model
    return {
        "ridgeline": __version__,
        "job": to_dict(setup.job),
        "inputs": {
            kind: {"used_by_model": kind in setup.kinds, "files": input_files(item)}
            for kind, item in (("rgb", setup.job.rgb), ("dsm", setup.job.dsm))
            if item is not None
        },
        "grid": {
            "crs": grid.crs.to_string(),
            "crs_wkt": grid.crs.to_wkt(),
            "gsd_m": grid.gsd,
            "width": grid.width,
            "height": grid.height,
            "bounds": list(grid.bounds),
            "lattice_column": grid.col0,
            "lattice_row": grid.row0,
        },
        "model": {
            "name": model.name,
            "version": model.version,
            "sha256": setup.package.fingerprint,
            "licence": model.licence,
        },
        "device": to_dict(report),
        "tiles": {
            "size": setup.plan.size,
            "stride": setup.plan.stride,
            "batch": batch_of(setup, report),
            "computed": state.tiles.get("computed", 0),
            "skipped_empty": state.tiles.get("empty", 0),
            "skipped_nodata": state.tiles.get("nodata", 0),
        },
        "seconds": {name: round(value, 3) for name, value in sorted(seconds.items())},
        "warnings": [{"code": warning.code, "message": warning.message} for warning in feedback.warnings],
        "buildings": dict(buildings.by_class) if makes_buildings(setup) else None,
        "buildings_unsure": buildings.unsure,
        "areas_m2": {name: {key: round(area, 2) for key, area in found.items()} for name, found in areas.items()},
        "versions": _versions(),
        "outputs": dict(outputs),
    }


def _versions() -> dict[str, str]:
    import numpy as np
    import rasterio

    found = {"python": platform.python_version(), "platform": platform.platform(terse=True)}
    return {**found, "numpy": np.__version__, "rasterio": rasterio.__version__, "gdal": rasterio.__gdal_version__}


def _record_of(out: Path) -> dict[str, Any]:
    """Return what the record of an earlier run in this folder says; empty if there is none that makes sense."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        outputs = record["outputs"]
        sensible = all(Path(name).name == name for name in outputs.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return record if sensible else {}


def _summary(setup: Setup, record: Mapping[str, Any]) -> dict[str, Any]:
    tiles = record["tiles"]
    buildings = record["buildings"]
    told = {} if buildings is None else {"buildings": sum(buildings.values()), "by_roof_class": buildings}
    if unsure := record.get("buildings_unsure", 0):
        told["buildings_left_out_as_unsure"] = unsure
    return {
        **told,
        "areas_m2": record.get("areas_m2", {}),
        "grid": f"{setup.frame.grid.width} x {setup.frame.grid.height} pixels of {setup.frame.grid.gsd:g} m",
        "tiles": {name: tiles[name] for name in ("computed", "skipped_empty", "skipped_nodata")},
        "seconds": record["seconds"],
        "warnings": len(record["warnings"]),
    }
