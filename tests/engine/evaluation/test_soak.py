"""The soak wanders where there is something to see, uses the real engine, and sees growth where there is some."""

import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.evaluation import soak as module
from ridgeline.engine.evaluation import warm_process
from ridgeline.engine.evaluation.warm_process import GSD, NORTH, SIDE, VIEW_M, WEST
from ridgeline.engine.models.package import TileSpec


@given(st.integers(0, 2**32))
def test_views_stay_on_the_rasters_and_near_the_one_before(seed):
    boxes = module.wander(random.Random(seed))
    before = None
    for xmin, ymin, xmax, ymax in (next(boxes) for _ in range(30)):
        assert WEST <= xmin < xmax <= WEST + SIDE * GSD + 1e-6 and NORTH - SIDE * GSD - 1e-6 <= ymin < ymax <= NORTH
        assert (xmax - xmin) / VIEW_M[0] in module.ZOOMS
        assert before is None or abs(xmin - before) <= 2 * VIEW_M[0]
        before = xmin


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is asked of Linux")
def test_a_short_soak_of_the_real_engine(make_package, tmp_path, monkeypatch):
    monkeypatch.setattr(warm_process, "SIDE", 2048)
    monkeypatch.setattr(module, "SIDE", 2048)
    seen = []
    package = make_package(root=tmp_path, tile=TileSpec(512, 8, 64))
    figures = module.soak(str(package.folder), tmp_path / "work", 0.05, tell=seen.append)
    assert figures.requests > 0 and figures.tiles > 0 and figures.first_mb > 50
    assert list(figures.series) == seen and seen[-1].requests == figures.requests
    assert figures.most_mb >= figures.warm_mb and figures.peak_mb >= figures.most_mb
    assert figures.growth == pytest.approx(figures.most_mb / figures.warm_mb - 1)
