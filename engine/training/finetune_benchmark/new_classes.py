"""Three classes that no model of ours has, taught with forty polygons of a synthetic town; three sets of three.

The coverings of roofs are told by little in these scenes: nearly any colour may lie on tiles and on metal, as the
model is to find roofs of any colour. Pools and roads look like what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ...evaluation.evaluate_job import run_evaluate
from ...evaluation.suite import Row
from ...feedback import Feedback
from ...jobs import RasterInput
from ...jobs.evaluate import EvaluateJob
from ...jobs.finetune import FinetuneJob, PolygonLayer
from ...models.package import load_package
from ...scenes.write import EASTING, NORTHING, TownConfig
from ..finetune.run import run_finetune
from .layers import write_layer
from .town_things import METAL, PANEL, POOL, ROAD, TILED, Thing, draw_town_with_things
from .trial import Trial

LEAST_IOU = 0.5
_AROUND_M = 6.0


@dataclass(frozen=True)
class ClassSet:
    """Classes that are taught together.

    Attributes:
        name: of the set.
        shares: labelled polygons by class, forty in all.
        town: where they are labelled; its west has enough of each.
    """

    name: str
    shares: Mapping[str, int]
    town: TownConfig


SETS = (
    ClassSet("roofs", {PANEL: 14, TILED: 13, METAL: 13}, TownConfig(size_m=480.0, styles=(("suburb", 1.0),))),
    # in suburbs 3 roofs of 100 are of metal, among villas half of them
    ClassSet("villas' roofs", {PANEL: 14, TILED: 13, METAL: 13}, TownConfig(size_m=480.0, styles=(("villas", 1.0),))),
    # suburbs of that size have a pool or two in their west
    ClassSet("ground", {PANEL: 14, POOL: 12, ROAD: 14}, TownConfig(size_m=640.0, styles=(("villas", 1.0),))),
)


def measure_new_classes(scratch: Path, seed: int, trial: Trial, feedback: Feedback) -> Iterator[Row]:
    """Teach three new classes with polygons of the west of a town, and measure whole runs in its east; for each set.

    Around each labelled thing (`_AROUND_M`) everything is labelled: what no polygon covers there is background.

    Args:
        scratch: folder for what is written.
        seed: of the towns.
        trial: what is tried.
        feedback: told of progress; may cancel.

    Yields:
        IoU of each class, and their mean.

    Raises:
        RidgelineError: if the training or a run fails.
    """
    for chosen in SETS:
        yield from _measure(scratch / chosen.name, chosen, seed, trial, feedback)


def _measure(folder: Path, chosen: ClassSet, seed: int, trial: Trial, feedback: Feedback) -> Iterator[Row]:
    folder.mkdir(parents=True, exist_ok=True)
    files, drawn = draw_town_with_things(folder, seed, chosen.town, feedback)
    things = [item for item in drawn if item.name in chosen.shares]
    middle = EASTING + chosen.town.size_m / 2
    west = [item for item in things if item.outline.bounds[2] < middle]
    east = [item for item in things if item.outline.bounds[0] > middle]
    across = [item.outline for item in things if item.outline.bounds[0] <= middle <= item.outline.bounds[2]]
    labels = choose_labels(west, chosen.shares)
    crs = f"EPSG:{chosen.town.epsg}"
    taught = _layer(folder / "labels.gpkg", labels, crs)
    tested = _layer(folder / "truth.gpkg", east, crs)
    south, end = NORTHING - chosen.town.size_m, EASTING + chosen.town.size_m
    western, eastern = shapely.box(EASTING, south, middle, NORTHING), shapely.box(middle, south, end, NORTHING)
    grounds = {
        "taught": shapely.intersection(labelled_ground(labels, things), western),
        "tested": shapely.difference(eastern, shapely.union_all(across)),
    }
    for name, ground in grounds.items():
        write_layer(folder / f"{name}.gpkg", [ground], crs)
    rgb, dsm = RasterInput(str(files.rgb)), RasterInput(str(files.dsm)) if trial.surface != "never" else None
    for mode in trial.modes:
        out = folder / f"model-{mode}"
        area = PolygonLayer(str(folder / "taught.gpkg"))
        job = FinetuneJob(out=str(out), labels=taught, field="kind", area=area, rgb=rgb, dsm=dsm)
        run_finetune(trial.applied(job, mode), feedback.silent())
        evaluation = EvaluateJob(
            out=str(folder / "evaluation"),
            truth=tested,
            field="kind",
            area=PolygonLayer(str(folder / "tested.gpkg")),
            rgb=rgb,
            dsm=dsm,
            model=str(out),
            device=trial.device,
            overwrite=True,
        )
        summary = run_evaluate(evaluation, feedback.silent()).summary
        alone = load_package(out).spec.input_of_kind("dsm") is None
        on = f"town {seed}, {len(labels)} polygons, {chosen.name}" + (", picture alone" if alone else "")
        for name in chosen.shares:
            yield Row(on, f"IoU of {name}: {mode}", summary["classes"][name]["iou"] or 0)
        yield Row(on, f"mean IoU: {mode}", summary["mean_iou"], LEAST_IOU)


def choose_labels(things: Sequence[Thing], shares: Mapping[str, int]) -> list[Thing]:
    """Return as many things of each class as its share says, spread from west to east.

    Whoever labels a few takes them from many places: the fourteen westmost panels lie in five places. And whoever
    labels a panel labels the roof around it too: a panel with nothing known around it looks like the middle of a house.
    """
    chosen: list[Thing] = []
    for name, count in shares.items():
        own = sorted((item for item in things if item.name == name), key=lambda item: item.outline.bounds[0])
        under = [item for item in own if any(item.outline.intersects(other.outline) for other in chosen)]
        rest = [item for item in own if item not in under]
        chosen += spread(under, count) + spread(rest, count - min(count, len(under)))
    return chosen


def spread(things: Sequence[Thing], count: int) -> list[Thing]:
    """Return ``count`` of the things, or all there are, at even steps of their order."""
    places = np.linspace(0, len(things) - 1, min(count, len(things))).round().astype(int)
    return [things[i] for i in np.unique(places)]


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


def _layer(path: Path, things: Sequence[Thing], crs: str) -> PolygonLayer:
    write_layer(path, [item.outline for item in things], crs, {"kind": [item.name for item in things]})
    return PolygonLayer(str(path))
