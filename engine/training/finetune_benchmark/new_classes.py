"""Three classes that no model of ours has, on a synthetic town: solar panels, tiled roofs and metal roofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from ...evaluation.evaluate_job import run_evaluate
from ...evaluation.suite import Row
from ...feedback import Feedback
from ...jobs import RasterInput
from ...jobs.evaluate import EvaluateJob
from ...jobs.finetune import FinetuneJob, PolygonLayer
from ...scenes.buildings import Building, Detail
from ...scenes.town import draw_town
from ...scenes.write import EASTING, NORTHING, SceneFiles, TownConfig, write_town
from ..finetune.run import run_finetune
from .layers import write_layer
from .trial import Trial

PANEL, TILED, METAL = "solar panel", "tiled roof", "metal roof"
CLASSES = {"tile": TILED, "old_tile": TILED, "metal": METAL, "sheets": METAL, "rusty": METAL}
"""What the coverings of the scene generator are called; all others are background."""
LEAST_IOU = 0.5
_SHARES = {PANEL: 14, TILED: 13, METAL: 13}
"""Labelled polygons by class: forty in all."""
_AROUND_M = 6.0
_TOWN = TownConfig(size_m=480.0, styles=(("suburb", 1.0),))
_SEED = 11


@dataclass(frozen=True)
class Thing:
    """A polygon with its class, in the CRS of the town."""

    outline: BaseGeometry
    name: str


def measure_new_classes(scratch: Path, trial: Trial, feedback: Feedback) -> Iterator[Row]:
    """Teach three new classes with forty polygons of the west of a town, and measure whole runs in its east.

    Around each labelled building (`_AROUND_M`) everything is labelled: what no polygon covers there is background.

    Args:
        scratch: folder for what is written.
        trial: what is tried.
        feedback: told of progress; may cancel.

    Yields:
        IoU of each class, and their mean.

    Raises:
        RidgelineError: if the training or a run fails.
    """
    files, things = draw_labelled_town(scratch, feedback)
    middle = EASTING + _TOWN.size_m / 2
    west = [item for item in things if item.outline.bounds[2] < middle]
    east = [item for item in things if item.outline.bounds[0] > middle]
    across = [item.outline for item in things if item.outline.bounds[0] <= middle <= item.outline.bounds[2]]
    labels = choose_labels(west)
    crs = f"EPSG:{_TOWN.epsg}"
    taught = _layer(scratch / "labels.gpkg", labels, crs)
    tested = _layer(scratch / "truth.gpkg", east, crs)
    south, end = NORTHING - _TOWN.size_m, EASTING + _TOWN.size_m
    western, eastern = shapely.box(EASTING, south, middle, NORTHING), shapely.box(middle, south, end, NORTHING)
    write_layer(scratch / "taught.gpkg", [shapely.intersection(labelled_ground(labels, things), western)], crs)
    write_layer(scratch / "tested.gpkg", [shapely.difference(eastern, shapely.union_all(across))], crs)
    for mode in trial.modes:
        out = scratch / f"model-{mode}"
        job = FinetuneJob(
            out=str(out),
            labels=taught,
            field="kind",
            area=PolygonLayer(str(scratch / "taught.gpkg")),
            rgb=RasterInput(str(files.rgb)),
            dsm=RasterInput(str(files.dsm)),
        )
        run_finetune(trial.applied(job, mode), feedback.silent())
        evaluation = EvaluateJob(
            out=str(scratch / "evaluation"),
            truth=tested,
            field="kind",
            area=PolygonLayer(str(scratch / "tested.gpkg")),
            rgb=RasterInput(str(files.rgb)),
            dsm=RasterInput(str(files.dsm)),
            model=str(out),
            device=trial.device,
            overwrite=True,
        )
        summary = run_evaluate(evaluation, feedback.silent()).summary
        for name in _SHARES:
            yield Row(f"a town, {len(labels)} polygons", f"IoU of {name}: {mode}", summary["classes"][name]["iou"] or 0)
        yield Row(f"a town, {len(labels)} polygons", f"mean IoU: {mode}", summary["mean_iou"], LEAST_IOU)


def draw_labelled_town(folder: Path, feedback: Feedback) -> tuple[SceneFiles, list[Thing]]:
    """Write a town's rasters; return them, and its tiled roofs, metal roofs and solar panels."""
    files = write_town(folder, "town", _SEED, _TOWN, feedback)
    # the same draw as the rasters came from: what roofs are covered with is in no file
    extent = _TOWN.size_m
    plan = draw_town(
        np.random.default_rng((_SEED, 40961)),
        (0.0, 0.0, extent, extent),
        dict(_TOWN.styles),
        _TOWN.balance,
        _TOWN.max_slope,
    )
    frame = shapely.box(0, 0, extent, extent)
    things = []
    for building in plan.buildings:
        if building.hollow:
            continue
        parts = [(panel_outline(building, item), PANEL) for item in building.details if item.kind == "panel"]
        if building.material in CLASSES:
            parts.append((building.polygon(), CLASSES[building.material]))
        for outline, name in parts:
            seen = shapely.intersection(outline, frame)
            if seen.area > 1:
                things.append(Thing(_placed(seen), name))
    return files, things


def panel_outline(building: Building, panel: Detail) -> shapely.Polygon:
    """Return where a panel lies, in the town's frame (x right, y down)."""
    x, y = building.world(panel.p, panel.q)
    half_p, half_q = panel.length / 2, panel.width / 2
    flat = shapely.affinity.rotate(
        shapely.box(-half_p, -half_q, half_p, half_q), building.angle + panel.turned, origin=(0, 0), use_radians=True
    )
    return shapely.affinity.translate(flat, x, y).intersection(building.polygon())


def choose_labels(things: Sequence[Thing]) -> list[Thing]:
    """Return as many things of each class as `_SHARES` says, spread from west to east.

    Whoever labels a few takes them from many places: the fourteen westmost panels lie in five places.
    """
    chosen = []
    for name, count in _SHARES.items():
        own = sorted((item for item in things if item.name == name), key=lambda item: item.outline.bounds[0])
        chosen += [own[i] for i in np.unique(np.linspace(0, len(own) - 1, min(count, len(own))).round().astype(int))]
    return chosen


def labelled_ground(labels: Sequence[Thing], things: Sequence[Thing]) -> BaseGeometry:
    """Return the ground around labels on which everything is labelled: without what was left unlabelled."""
    near = shapely.union_all(
        [shapely.box(*item.outline.bounds).buffer(_AROUND_M, join_style="mitre") for item in labels]
    )
    chosen = {id(item) for item in labels}
    rest = [item for item in things if id(item) not in chosen]
    ground = shapely.difference(near, shapely.union_all([item.outline for item in rest]))
    # a labelled panel may lie on a roof that is not labelled, and a panel that is not on one that is
    ground = shapely.union(ground, shapely.union_all([item.outline for item in labels]))
    return shapely.difference(ground, shapely.union_all([item.outline for item in rest if item.name == PANEL]))


def _placed(shape: BaseGeometry) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: np.column_stack([xy[:, 0] + EASTING, NORTHING - xy[:, 1]]))


def _layer(path: Path, things: Sequence[Thing], crs: str) -> PolygonLayer:
    write_layer(path, [item.outline for item in things], crs, {"kind": [item.name for item in things]})
    return PolygonLayer(str(path))
