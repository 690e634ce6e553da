"""Heights and classes by building: what counts as found, and what is averaged."""

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from ridgeline.engine.evaluation.roofs import score_heights, score_one_by_one


def write(path: Path, boxes: list[tuple[float, float, float, float]], **fields: list[float]) -> Path:
    shapes = np.array([shapely.to_wkb(shapely.box(*box)) for box in boxes], dtype=object)
    pyogrio.raw.write(
        path, shapes, [np.array(values, float) for values in fields.values()], list(fields),
        layer="buildings", driver="GPKG", geometry_type="Polygon", crs="EPSG:25832",
    )  # fmt: skip
    return path


def test_heights_are_those_of_buildings_that_were_found(tmp_path: Path) -> None:
    truth = write(
        tmp_path / "truth.gpkg",
        [(0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10), (60, 0, 62, 2)],
        ridge_m=[8, 8, 8, 3], eave_m=[5, 5, 5, 3], area_m2=[100, 100, 100, 4],
    )  # fmt: skip
    found = write(
        tmp_path / "found.gpkg",
        [(0, 0, 10, 9), (20, 0, 30, 10), (40, 0, 44, 10), (60, 0, 62, 2)],  # of the third, less than half was found
        ridge_height_m=[8.3, 7.6, 99, 99], eave_height_m=[5, 5.2, 99, 99],
    )  # fmt: skip
    scores = score_heights(found, truth)
    assert scores.found == 2 and scores.share == pytest.approx(2 / 3)  # the shed is too small to be asked for
    assert scores.ridge_rmse == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))
    assert scores.eave_rmse == pytest.approx(np.sqrt(0.2**2 / 2))


def test_one_by_one_a_row_found_as_one_house_is_found_once_at_most(tmp_path: Path) -> None:
    houses = [(0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10), (60, 0, 62, 2)]
    truth = write(tmp_path / "truth.gpkg", houses, area_m2=[100, 100, 100, 4])
    apart = write(tmp_path / "apart.gpkg", houses[:3])
    row = write(tmp_path / "row.gpkg", [(0, 0, 30, 10)])
    most = write(tmp_path / "most.gpkg", [(0, 0, 10, 10), (10, 0, 30, 10), (80, 0, 90, 10)])
    assert score_one_by_one(apart, truth) == 1  # the shed is not asked for
    assert score_one_by_one(row, truth) == 0
    assert score_one_by_one(most, truth) == pytest.approx(2 * 2 / (3 + 3))
