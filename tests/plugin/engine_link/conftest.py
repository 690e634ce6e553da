"""Engines for tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_engines import write_engine


@pytest.fixture
def fake_engine(tmp_path):
    """Return a function that makes an `Engine` out of a script."""
    from ridgeline.plugin.engine_link.engine import Engine

    def make(body, **options):
        python, main = write_engine(tmp_path / "a folder with spaces, é", body)
        return Engine(python, main, **options)

    return make


@pytest.fixture
def some_job(tmp_path):
    """A job whose output names a file in the test's folder."""
    from ridgeline.engine.jobs import RasterInput, SegmentJob

    return SegmentJob(out=str(tmp_path / "out ü"), rgb=RasterInput("/data/ortho é.tif"))
