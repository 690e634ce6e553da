"""The self-test: a model from the library over the sample area, through the same code as any run."""

from __future__ import annotations

import json
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .. import __version__
from ..feedback import Feedback
from ..jobs import ErrorCode, RasterInput, Result, RidgelineError, SegmentJob
from ..jobs.selftest import SelftestJob
from ..models.package import ModelPackage
from ..models.package.library import find_model

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "samples"


def run_selftest(job: SelftestJob, feedback: Feedback) -> Result:
    """Segment the sample area and say what computed it.

    Returns:
        The files that are kept (none unless the job names a folder), and a summary: ``device`` (the sentence of what
        really computed), ``model``, ``versions``, ``seconds``, ``area_ha``, ``buildings`` (None if the model finds
        none) and ``land_cover`` (share of each class, where the model has it).

    Raises:
        RidgelineError: (INPUT_MISSING) without a sample; else as a segment job.
    """
    from ..inference.runner import run_segment

    began = time.perf_counter()
    package = find_model(job.model)
    rgb, dsm = _inputs(job, package)
    with ExitStack() as stack:
        out = job.out or stack.enter_context(tempfile.TemporaryDirectory(prefix="ridgeline-selftest-"))
        segment = SegmentJob(
            out=out,
            rgb=rgb,
            dsm=dsm,
            model=job.model,
            device=job.device,
            runtime=job.runtime,
            precision=job.precision,
            threads=job.threads,
            overwrite=True,
        )
        result = run_segment(segment, feedback)
        record = json.loads(Path(result.outputs["run"]).read_text(encoding="utf-8"))
        summary = {
            "device": record["device"]["sentence"],
            "fallback": record["device"].get("fallback"),
            "model": f"{record['model']['name']} {record['model']['version']}",
            "versions": _versions(),
            "seconds": round(time.perf_counter() - began, 2),
            "area_ha": round(
                record["grid"]["width"] * record["grid"]["height"] * record["grid"]["gsd_m"] ** 2 / 1e4, 2
            ),
            "buildings": _buildings(result.outputs),
            "land_cover": _shares(result.outputs, package),
        }
        return Result(result.outputs if job.out else {}, summary)


def sample_pair(folder: Path | None = None) -> dict[str, Path]:
    """Return ``<name>_rgb.tif`` and ``<name>_dsm.tif`` of the first sample area that has both; empty without one."""
    folder = folder or SAMPLES
    for rgb in sorted(folder.glob("*_rgb.tif")) if folder.is_dir() else []:
        dsm = rgb.with_name(rgb.name.replace("_rgb.tif", "_dsm.tif"))
        if dsm.is_file():
            return {"rgb": rgb, "dsm": dsm}
    return {}


def _inputs(job: SelftestJob, package: ModelPackage) -> tuple[RasterInput | None, RasterInput | None]:
    if job.rgb is not None or job.dsm is not None:
        return job.rgb, job.dsm
    pair = sample_pair()
    wanted = {kind: path for kind, path in pair.items() if package.spec.input_of_kind(kind) is not None}
    if not wanted:
        raise RidgelineError(
            ErrorCode.INPUT_MISSING,
            f"There is no sample area in {str(SAMPLES)!r}.",
            "Install Ridgeline again, or name rasters of your own with --rgb and --dsm.",
        )
    inputs = {kind: RasterInput(str(path), name="sample area") for kind, path in wanted.items()}
    return inputs.get("rgb"), inputs.get("dsm")


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    import rasterio

    found = {"ridgeline": __version__, "python": platform.python_version(), "platform": platform.platform(terse=True)}
    for name in ("onnxruntime", "onnxruntime-gpu", "numpy", "scipy", "rasterio", "shapely", "pyogrio", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # optional, or the other build of the same library
            continue
    return {**found, "gdal": rasterio.__gdal_version__}


def _buildings(outputs: dict[str, str]) -> int | None:
    path = outputs.get("buildings")
    if path is None:
        return None
    import pyogrio

    return int(pyogrio.read_info(path)["features"])


def _shares(outputs: dict[str, str], package: ModelPackage) -> dict[str, Any]:
    path, output = outputs.get("land_cover"), package.spec.output_of_role("land_cover")
    if path is None or output is None:
        return {}
    import numpy as np
    import rasterio

    with rasterio.open(path) as dataset:
        counts = np.bincount(dataset.read(1).ravel(), minlength=256)
    known = max(int(counts[1:].sum()), 1)
    return {item.name: round(float(counts[item.id]) / known, 4) for item in output.classes}
