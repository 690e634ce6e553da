"""Roof classes from a picture and heights, on surveyed roofs of a region that taught no model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyogrio.raw
import shapely

from ...evaluation.evaluate_job import run_evaluate
from ...evaluation.roofs import CITY, LEAST_ROOF_M2, write_dressed_city
from ...evaluation.suite import Row
from ...feedback import Feedback
from ...jobs import RasterInput
from ...jobs.evaluate import EvaluateJob
from ...jobs.finetune import FinetuneJob, PolygonLayer
from ..finetune.run import run_finetune
from .layers import write_layer
from .trial import Trial

_ON = f"{Path(CITY).stem}, dressed"


def measure_roof_types(data: Path, scratch: Path, trial: Trial, feedback: Feedback) -> Iterator[Row]:
    """Teach the roof classes of the western half of a surveyed place, and measure whole runs on its eastern half.

    Only roofs teach and are measured (no area): their true class against what a run says on them. Roofs of less than
    `LEAST_ROOF_M2` or of unknown class, and those across the middle, are in neither half.

    Args:
        data: folder of the real sample data.
        scratch: folder for what is written.
        trial: what is tried.
        feedback: told of progress; may cancel.

    Yields:
        Mean IoU over the roof classes and the share of right pixels, before and after.

    Raises:
        RidgelineError: if a training or a run fails.
    """
    rgb, dsm, _ids, truth = write_dressed_city(data, scratch, 0.25)
    west, east, counts = _halves(truth, scratch)
    yield Row(_ON, "roofs that teach", float(counts[0]))
    yield Row(_ON, "roofs that test", float(counts[1]))
    picture, surface = RasterInput(str(rgb)), RasterInput(str(dsm))

    def measured(when: str, which: str) -> Iterator[Row]:
        job = EvaluateJob(
            out=str(scratch / "evaluation"),
            truth=east,
            rgb=picture,
            dsm=surface,
            field="roof",
            sparse=True,
            model=which,
            device=trial.device,
            overwrite=True,
        )
        summary = run_evaluate(job, feedback.silent()).summary
        yield Row(_ON, f"mean IoU of roof classes {when}", summary["mean_iou"])
        yield Row(_ON, f"share of right pixels on roofs {when}", summary["accuracy"])

    yield from measured("before", trial.model)
    for mode in trial.modes:
        out = scratch / f"model-roofs-{mode}"
        job = FinetuneJob(out=str(out), labels=west, field="roof", rgb=picture, dsm=surface)
        run_finetune(trial.applied(job, mode), feedback.silent())
        yield from measured(f"after: {mode}", str(out))


def _halves(truth: Path, folder: Path) -> tuple[PolygonLayer, PolygonLayer, tuple[int, int]]:
    meta, _, geometry, columns = pyogrio.raw.read(truth, layer="buildings", columns=["roof_class", "roof_name"])
    fields = dict(zip(meta["fields"], columns))
    shapes = np.array(shapely.from_wkb(geometry), dtype=object)
    used = (fields["roof_class"] > 0) & (shapely.area(shapes) >= LEAST_ROOF_M2)
    shapes, names = shapes[used], fields["roof_name"][used]
    bounds = shapely.bounds(shapes)
    middle = float(np.median((bounds[:, 0] + bounds[:, 2]) / 2))
    halves = bounds[:, 2] < middle, bounds[:, 0] > middle
    layers = []
    for name, half in zip(("west", "east"), halves):
        path = folder / f"roofs_{name}.gpkg"
        write_layer(path, list(shapes[half]), meta["crs"], {"roof": list(names[half])})
        layers.append(PolygonLayer(str(path)))
    return layers[0], layers[1], (int(halves[0].sum()), int(halves[1].sum()))
