"""What tiles say: validation never trains, each pixel is measured once, labels and heights turn together."""

import numpy as np
import pytest
import shapely
from finetune_helpers import GSD, INPUTS, UTM, ids_of, maps_of, tile, town
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.terrain.height_channels import height_channels
from ridgeline.engine.terrain.symmetry import turned
from ridgeline.engine.training.finetune.samples import (
    MARGIN_PX,
    TILE_PX,
    drawn,
    task_labels,
    tiles_of,
    unlabelled_tiles,
)
from ridgeline.engine.training.finetune.views import turned_input
from ridgeline.engine.training.losses import UNKNOWN

DSM = next(item for item in INPUTS if item.kind == "dsm")


def box(x, y, side=10.0):
    return shapely.box(x, y, x + side, y + side)


@given(
    st.lists(st.tuples(st.floats(0, 400), st.floats(-400, -20)), min_size=1, max_size=8),
    st.integers(-50, 50),
    st.integers(-50, 50),
)
def test_the_cores_of_all_tiles_measure_each_labelled_pixel_once(places, col0, row0):
    shapes = [box(x, y) for x, y in places]
    grid = Grid(UTM, GSD, col0, row0, 1000, 1000)
    count = np.zeros((1000, 1000), int)
    for window in tiles_of(maps_of(shapes, [False] * len(shapes), names=("building", "background")).extent, grid):
        core = window.padded(-MARGIN_PX).intersection(grid)
        rows, cols = core.row0 - row0, core.col0 - col0
        count[rows : rows + core.height, cols : cols + core.width] += 1
    assert count.max() <= 1
    for shape in shapes:
        seen = Grid.covering(UTM, GSD, shape.bounds).intersection(grid)
        rows, cols = seen.row0 - row0, seen.col0 - col0
        assert (count[rows : rows + seen.height, cols : cols + seen.width] == 1).all()


@given(st.integers(-50, 50), st.integers(200, 900), st.integers(200, 900), st.floats(0, 300), st.integers(0, 9))
def test_tiles_without_labels_reach_all_ground_that_has_none_and_only_such_tiles(col0, width, height, side, seed):
    grid = Grid(UTM, GSD, col0, -col0, width, height)
    west, _, _, north = grid.bounds
    labelled = shapely.box(west, north - side, west + side, north)
    cores = [item.padded(-MARGIN_PX).intersection(grid) for item in unlabelled_tiles(labelled, grid, 99, seed)]
    boxes = [shapely.box(*core.bounds) for core in cores]
    assert all(not labelled.covers(item) for item in boxes)
    rest = shapely.difference(shapely.box(*grid.bounds), labelled)
    assert shapely.difference(rest, shapely.union_all(boxes)).area < 1e-3
    assert sum(item.area for item in boxes) == pytest.approx(shapely.union_all(boxes).area)
    assert len(unlabelled_tiles(labelled, grid, 3, seed)) == min(3, len(cores))
    assert unlabelled_tiles(labelled, grid, 3, seed) == unlabelled_tiles(labelled, grid, 3, seed)


def test_a_building_validates_as_a_whole_and_the_ground_by_its_square():
    across = box(60, -40)  # lies over the edge of two squares
    maps = maps_of([across], [True], area=shapely.box(0, -120, 120, 0), blocks=[(0, -1)])
    truth, polygon, validates = maps.truth(tile())
    inside = polygon == 0
    assert inside.sum() == 400 and validates[inside].all()
    ground = (truth == maps.teaching.background) & ~inside
    columns = np.broadcast_to(np.arange(TILE_PX), inside.shape)
    assert validates[ground & (columns < 64 / GSD)].any() and not validates[ground & (columns >= 64 / GSD)].any()


def test_outside_the_area_nothing_is_labelled():
    maps = maps_of([box(10, -40), box(35, -40), box(70, -40)], [False] * 3, area=shapely.box(0, -50, 40, 0))
    truth, _, _ = maps.truth(tile())
    assert (truth[:, 80:] == -1).all() and (truth[:, :80][:100] >= 0).all()
    assert (truth == 0).sum() == 400 + 200  # the second box counts as far as it lies in the area


def test_without_an_area_only_polygons_are_labelled():
    maps = maps_of([box(10, -40), box(35, -40)], [False] * 2, names=("building", "background"), classes=[0, 1])
    truth, polygon, _ = maps.truth(tile())
    assert ((truth >= 0) == (polygon >= 0)).all() and set(np.unique(truth)) == {-1, 0, 1}


def test_where_polygons_overlap_the_smaller_one_counts():
    maps = maps_of([box(10, -60, 40), box(20, -50)], [False] * 2, names=("gable", "flat"), classes=[0, 1])
    truth, _, _ = maps.truth(tile())
    assert (truth == 1).sum() == 400 and (truth == 0).sum() == 6000


def test_too_many_tiles_are_thinned_out_by_the_seed():
    windows = [tile(number) for number in range(30)]
    chosen = drawn(windows, 10, 3)
    assert len(chosen) == 10 and chosen == drawn(windows, 10, 3) != drawn(windows, 10, 4)
    assert [window.col0 for window in chosen] == sorted(window.col0 for window in chosen)
    assert drawn(windows, 30, 3) == windows


def test_labels_say_building_boundary_and_unknown():
    maps, samples = town(1)
    labels = task_labels(samples[0], maps.teaching, ids_of())
    building, boundary = labels["building"], labels["boundary"]
    assert (building == 1).sum() == 4 * 40 * 40 and not (building == UNKNOWN).any()
    assert (boundary == 1).sum() == 4 * (4 * 40 - 4)
    bare = maps_of([box(10, -40)], [False], names=("building", "background"))
    truth, polygon, validates = bare.truth(tile())
    sample = type(samples[0])(tile(), {}, truth, polygon, validates)
    assert (task_labels(sample, bare.teaching, ids_of())["building"] == UNKNOWN).sum() == TILE_PX**2 - 400


@pytest.mark.parametrize("symmetry", range(8))
def test_heights_that_are_turned_are_the_heights_of_a_turned_surface(symmetry):
    """Slopes are vectors: mirrored pictures of them would point the wrong way."""
    size = 96
    ramp = np.add.outer(np.linspace(0, 3, size), np.linspace(0, 9, size)).astype(np.float32)
    ramp[30:50, 40:70] += 6
    valid = np.ones((size, size), bool)
    turned_after = turned_input(DSM, height_channels(ramp, valid, GSD, 0, 0), symmetry)
    turned_first = height_channels(turned(ramp[None], symmetry)[0], valid, GSD, 0, 0)
    names = DSM.height_channels.channels
    for name in ("slope_x", "slope_y"):
        channel = names.index(name)
        inner = slice(8, -8)
        np.testing.assert_allclose(
            turned_after[channel, inner, inner], turned_first[channel, inner, inner], atol=1e-4, err_msg=name
        )
