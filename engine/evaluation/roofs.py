"""Roof classes on surveyed roofs, roof heights on scenes whose geometry is known, and buildings told apart on both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from ..classes import ROOF_CLASSES
from ..feedback import Feedback
from .metrics import class_scores, confusion_matrix, rmse
from .objects import Shape, compare_objects

CITY = "lod2/LoD2_32_280_5657_1_NW.gml"
"""Surveyed roofs near Heinsberg (Geobasis NRW, dl-de/zero-2.0); never trained on."""

LEAST_ROOF_M2 = 20.0
"""Smaller roofs (sheds, bays) are not asked for: their class is a matter of a few pixels."""


@dataclass(frozen=True)
class RoofScores:
    """Roof classes by building.

    Attributes:
        accuracy: share of buildings whose class is right.
        mean_recall: mean over the classes that occur.
        matrix: confusion matrix [13, 13] by class id, rows are the truth, column 0: not found.
    """

    accuracy: float
    mean_recall: float
    matrix: NDArray[np.int64]


def write_dressed_city(data: Path, folder: Path, gsd: float, seed: int = 3) -> tuple[Path, Path, Path, Path]:
    """Write the surveyed roofs with simulated laser heights, trees and a picture.

    Returns:
        The picture, the surface, the raster of building ids, and the GeoPackage with the truth.
    """
    from ..scenes.write import write_city

    files = write_city(folder, "city", data / CITY, seed, gsd, "lidar", Feedback())
    return files.rgb, files.dsm, files.building, files.truth


def score_roofs(found: Path, buildings: Path, truth: Path) -> RoofScores:
    """Compare the roof class that most pixels of each true building were given with its true class.

    Args:
        found: ``roof_class.tif`` of a run.
        buildings: raster of true building ids, of the same place.
        truth: GeoPackage with ``id``, ``roof_class`` and ``area_m2``.
    """
    from .truth import nearest_on_grid_of, read_layer

    layer = read_layer(found)
    ids = nearest_on_grid_of(buildings, layer, 0)
    meta, _, _, columns = pyogrio.raw.read(
        truth, layer="buildings", columns=["id", "roof_class", "area_m2"], read_geometry=False
    )
    table = dict(zip(meta["fields"], columns))
    count = len(ROOF_CLASSES) + 1
    votes = np.zeros((int(ids.max()) + 1, count), np.int64)
    np.add.at(votes, (ids.ravel(), layer.values.ravel()), 1)
    matrix = np.zeros((count, count), np.int64)
    for number, roof, area in zip(table["id"], table["roof_class"], table["area_m2"]):
        if area >= LEAST_ROOF_M2 and number < len(votes) and votes[number].sum() > 0:
            roofs = votes[number, 1:]
            best = int(np.argmax(roofs)) + 1 if roofs.any() else 0
            matrix += confusion_matrix(np.array([int(roof)]), np.array([best]), count)
    scores = class_scores(matrix)
    return RoofScores(scores.accuracy, scores.mean_recall, matrix)


_TOWN_STYLES = (
    ("suburb", 0.13), ("town", 0.12), ("old_town", 0.09), ("estate", 0.09), ("industry", 0.09), ("farm", 0.07),
    ("open_land", 0.12), ("villas", 0.09), ("informal", 0.08), ("tropical_village", 0.08), ("east", 0.04),
)  # fmt: skip
"""Kinds of places of the measured town. Its own table: whatever is added to the scenes' would make it another town, and
rounds could not be compared."""


def write_town_with_heights(folder: Path, gsd: float, seed: int = 9) -> tuple[Path, Path, Path]:
    """Write a synthetic town of 400 m as a laser sees it: picture, surface, GeoPackage with eaves and ridges."""
    from ..scenes.write import TownConfig, write_town

    files = write_town(folder, "town", seed, TownConfig(size_m=400, gsd=gsd, styles=_TOWN_STYLES), Feedback())
    return files.rgb, files.dsm, files.truth


@dataclass(frozen=True)
class HeightScores:
    """Heights by building, over the buildings found (IoU ≥ 0.5).

    Attributes:
        ridge_rmse: of the ridges, metres.
        eave_rmse: of the eaves, metres.
        found: number of true buildings that were found.
        share: of all true buildings.
    """

    ridge_rmse: float
    eave_rmse: float
    found: int
    share: float


def score_heights(found: Path, truth: Path, least_area_m2: float = 30.0) -> HeightScores:
    """Return how well the heights of the buildings in a file are known.

    Args:
        found: ``buildings.gpkg`` of a run.
        truth: GeoPackage with ``eave_m``, ``ridge_m`` and ``area_m2``.
        least_area_m2: smaller true buildings are left out.
    """
    mine, my_shapes = _read(found, "buildings", ["ridge_height_m", "eave_height_m"])
    true, true_shapes = _read(truth, "buildings", ["ridge_m", "eave_m", "area_m2"])
    tree = shapely.STRtree(my_shapes)
    pairs = []
    for index, shape in enumerate(true_shapes):
        if true["area_m2"][index] < least_area_m2:
            continue
        for candidate in tree.query(shape, predicate="intersects"):
            common = shapely.area(shapely.intersection(shape, my_shapes[candidate]))
            if common >= 0.5 * (shape.area + my_shapes[candidate].area - common):
                pairs.append((index, int(candidate)))
    rows, columns = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    ridge = rmse(true["ridge_m"][rows], mine["ridge_height_m"][columns].astype(np.float64))
    eave = rmse(true["eave_m"][rows], mine["eave_height_m"][columns].astype(np.float64))
    asked = int(np.count_nonzero(true["area_m2"] >= least_area_m2))
    return HeightScores(ridge, eave, len(pairs), len(pairs) / max(asked, 1))


def score_one_by_one(found: Path, truth: Path, least_area_m2: float = 10.0) -> float:
    """Return the F1 score of buildings as things: each true one has one partner found that overlaps it by half (IoU).

    Walls that buildings share decide it; the pixels of a row of houses are right wherever it is cut.

    Args:
        found: ``buildings.gpkg`` of a run.
        truth: GeoPackage with ``area_m2``, in the same CRS.
        least_area_m2: smaller true buildings are left out, as runs leave them out.
    """
    _, my_shapes = _read(found, "buildings", [])
    true, true_shapes = _read(truth, "buildings", ["area_m2"])
    asked = [Shape(shape) for shape, area in zip(true_shapes, true["area_m2"]) if area >= least_area_m2]
    scores = compare_objects(asked, [Shape(shape) for shape in my_shapes], complete=True)
    return 2 * scores.matched / max(len(asked) + len(my_shapes), 1)


def _read(path: Path, layer: str, fields: list[str]) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.object_]]:
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer, columns=fields)
    shapes = np.array(shapely.from_wkb(geometry), dtype=object)
    return dict(zip(meta["fields"], columns)), shapes
