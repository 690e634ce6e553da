"""What the preview shows is what a run gives, bit for bit, and only what is new is computed."""

import threading
import weakref
from collections import Counter

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference.runner import run_segment
from ridgeline.engine.jobs import Cancelled, ErrorCode, RasterInput, RidgelineError, SegmentJob
from ridgeline.engine.jobs.serve import Scene
from ridgeline.engine.serving import tiles
from ridgeline.engine.serving.mosaic import _rectangles
from ridgeline.engine.serving.scenes import Scenes


@pytest.fixture()
def scene(pair, red_model):
    """The three houses under the model that finds red, opened."""
    scenes = Scenes()
    rgb, dsm = RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"]))
    yield scenes.open(Scene(rgb, dsm, str(red_model.folder), device="cpu", threads=1), Feedback())
    scenes.close()


@pytest.fixture()
def whole(pair, red_model, tmp_path):
    """The rasters of a whole run."""
    rgb, dsm = RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"]))
    job = SegmentJob(str(tmp_path / "run"), rgb, dsm, model=str(red_model.folder), device="cpu", threads=1)
    outputs = run_segment(job, Feedback()).outputs
    found = {}
    for name in ("land_cover", "roof_class", "confidence"):
        with rasterio.open(outputs[name]) as dataset:
            found[name] = dataset.read(1)
    return found


def test_any_windows_in_any_order_give_the_bits_of_a_run(scene, whole):
    grid = scene.setup.frame.grid

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        corner=st.tuples(st.integers(0, 399), st.integers(0, 399)),
        size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
        forget=st.booleans(),
    )
    def check(corner, size, forget):
        if forget:
            scene.mosaic._kept.clear()
        window = grid.window(grid.row0 + corner[0], grid.col0 + corner[1], *size).intersection(grid)
        found = scene.mosaic.read(window)
        place = np.s_[corner[0] : corner[0] + window.height, corner[1] : corner[1] + window.width]
        for name, values in whole.items():
            np.testing.assert_array_equal(found[name], values[place], err_msg=name)

    check()


def test_both_rasters_reach_the_network(pair, houses, tall_red_model):
    scenes = Scenes()
    rgb, dsm = RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"]))
    scene = scenes.open(Scene(rgb, dsm, str(tall_red_model.folder), device="cpu", threads=1), Feedback())
    found = scene.mosaic.read(scene.setup.frame.grid)["land_cover"] == 2
    scenes.close()
    np.testing.assert_array_equal(found, houses)


def test_a_pan_computes_only_what_is_new(scene):
    grid, read = scene.setup.frame.grid, scene.mosaic.read
    view = grid.window(grid.row0 + 40, grid.col0 + 40, 120, 120)
    read(view)
    first = scene.tiles.computed
    assert first == scene.mosaic.tiles_needed(view)
    read(view)
    assert scene.tiles.computed == first
    moved = grid.window(view.row0, view.col0 + 96, 120, 120)  # by one stride
    read(moved)
    assert scene.tiles.computed - first == scene.mosaic.tiles_needed(moved) - _shared_tiles(scene, view, moved)


def _shared_tiles(scene, one, other):
    plans = [scene.mosaic._over(window) for window in (one, other)]
    places = [{(i, j) for i in plan.bands for j in plan.columns} for plan in plans]
    return len(places[0] & places[1])


def test_the_middle_is_shown_before_the_rest(scene):
    grid = scene.setup.frame.grid
    parts = []
    whole = scene.mosaic.read(grid, part=lambda planes: parts.append(planes["land_cover"].copy()))
    (part,) = parts
    known = part > 0
    assert 0 < known.sum() < known.size
    np.testing.assert_array_equal(part[known], whole["land_cover"][known])


def test_after_a_pan_the_rest_comes_at_once(scene):
    grid = scene.setup.frame.grid
    scene.mosaic.read(grid.window(grid.row0, grid.col0, 400, 300))
    parts = []
    scene.mosaic.read(grid, part=parts.append)
    assert parts == []


def test_what_was_computed_before_a_cancel_is_kept(scene):
    grid, told = scene.setup.frame.grid, []

    def stop_at_four(done, total):
        told.append((done, total))
        if scene.tiles.computed >= 4:
            raise Cancelled()

    with pytest.raises(Cancelled):
        scene.mosaic.read(grid, stop_at_four)
    computed = scene.tiles.computed
    assert 4 <= computed < 8 < told[-1][1]
    scene.mosaic.read(grid, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] < told[0][1]
    before = scene.tiles.computed
    scene.mosaic._kept.clear()
    scene.mosaic.read(grid)
    assert scene.tiles.computed == before


def test_what_was_under_way_when_a_request_was_stopped_is_not_computed_again(scene):
    grid, begun, goes_on = scene.setup.frame.grid, threading.Event(), threading.Event()
    predict, places = scene.tiles._network.predict, Counter()

    def second_takes_long(piece):
        places.update((piece.band, j) for j in piece.tiles)
        if len(places) == 2:
            begun.set()
            goes_on.wait(10)
        return predict(piece)

    def stop_at_one(_done, _total):
        if scene.tiles.computed and begun.wait(10):
            raise Cancelled()

    scene.tiles._network.predict = second_takes_long
    with pytest.raises(Cancelled):
        scene.mosaic.read(grid, stop_at_one)
    scene.mosaic.read(grid, lambda _done, _total: goes_on.set())
    assert set(places.values()) == {1}
    assert scene.tiles.computed == len(places) == scene.mosaic.tiles_needed(grid)


def test_a_tile_that_fails_behind_a_stopped_request_fails_no_other(scene):
    grid, begun, fails = scene.setup.frame.grid, threading.Event(), threading.Event()
    predict, calls = scene.tiles._network.predict, []

    def second_fails(piece):
        calls.append(piece)
        if len(calls) == 2:
            begun.set()
            fails.wait(10)
            raise RidgelineError(ErrorCode.TILE_FAILED, "This tile fails.", "Try again.")
        return predict(piece)

    def stop_at_one(_done, _total):
        if scene.tiles.computed and begun.wait(10):
            raise Cancelled()

    scene.tiles._network.predict = second_fails
    with pytest.raises(Cancelled):
        scene.mosaic.read(grid, stop_at_one)
    (coming,) = scene.tiles._under_way.values()
    fails.set()
    assert coming.exception() is not None
    assert scene.mosaic.read(grid)["land_cover"].all()


def test_the_next_tile_is_computed_while_a_band_is_stitched(scene):
    grid, beside = scene.setup.frame.grid, []
    plan = scene.mosaic._over(grid)
    places = [(i, j) for i in plan.bands for j in plan.columns]
    running, predict = threading.Event(), scene.tiles._network.predict

    def told(piece):
        if piece.band > plan.bands[0]:
            running.set()
        return predict(piece)

    scene.tiles._network.predict = told
    for i, _row in scene.tiles.bands(places, lambda _done, _total: None):
        if i == plan.bands[0]:
            beside.append(running.wait(10))
    assert beside == [True], "the network waited for the stitcher"


def test_beyond_the_rasters_there_is_nothing(scene):
    grid = scene.setup.frame.grid
    found = scene.mosaic.read(grid.padded(50))
    assert not found["land_cover"][:50].any() and not found["land_cover"][:, -50:].any()
    assert found["land_cover"][50:-50, 50:-50].all()


def test_tiles_stay_within_their_memory(scene):
    cache = scene.tiles._kept.cache
    cache._limit = 3 * 128 * 128 * (6 * 4 + 1)
    scene.mosaic.read(scene.setup.frame.grid)
    assert cache.used <= cache._limit and len(cache) == 3


def test_a_large_view_holds_no_more_than_two_bands_beyond_what_is_kept(scene, monkeypatch):
    cache, alive, most = scene.tiles._kept.cache, weakref.WeakSet(), []
    cache._limit = 0

    class Counted(tiles.Tile):
        __hash__, __eq__ = object.__hash__, object.__eq__

        def __init__(self, *facts):
            super().__init__(*facts)
            alive.add(self)
            most.append(len(alive))

    monkeypatch.setattr(tiles, "Tile", Counted)
    scene.mosaic.read(scene.setup.frame.grid)
    across = len(scene.setup.plan.columns) + 1  # whole blocks are made, which need one more tile
    assert max(most) <= 2 * across < 4 * across <= len(most)


def test_closing_a_scene_frees_what_it_kept(scene):
    scene.mosaic.read(scene.setup.frame.grid)
    caches = [scene.tiles._kept.cache, scene.mosaic._kept.cache]
    assert all(cache.used > 0 for cache in caches)
    scene.close()
    assert all(cache.used == 0 for cache in caches)


@given(st.sets(st.tuples(st.integers(-3, 4), st.integers(-3, 4)), max_size=30))
def test_rectangles_hold_every_block_once(places):
    parts = _rectangles(sorted(places))
    assert sorted(place for part in parts for place in part) == sorted(places)
    for part in parts:
        rows, cols = {i for i, _ in part}, {j for _, j in part}
        assert len(part) == len(rows) * len(cols) == (max(rows) - min(rows) + 1) * (max(cols) - min(cols) + 1)
