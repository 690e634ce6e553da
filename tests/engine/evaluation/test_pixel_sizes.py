"""Pixel sizes: each run is compared with the finest truth, and every pair of rasters has its row."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ridgeline.engine.evaluation import pixel_sizes
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import SegmentJob
from ridgeline.engine.models.package.library import find_model


def look_up(job: SegmentJob) -> None:
    """Stand in for a run: write the truth of the raster that was given, on its own pixels."""
    given = job.dsm or job.rgb
    assert given is not None
    with rasterio.open(given.path.replace("_dsm.tif", "_building.tif").replace("_rgb.tif", "_building.tif")) as source:
        roofs, profile = source.read(1) > 0, source.profile
    Path(job.out).mkdir(exist_ok=True)
    with rasterio.open(Path(job.out) / "roof_class.tif", "w", **(profile | {"dtype": "uint8"})) as sink:
        sink.write(roofs.astype(np.uint8), 1)


def test_a_run_that_tells_the_truth_is_right_as_far_as_its_pixels_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_sizes, "NATIVE", (0.2, 1.0))
    monkeypatch.setattr(pixel_sizes, "_SIDE_M", 80.0)
    package = find_model("ridgeline-compact")
    rows = list(pixel_sizes.measure(package, look_up, 1, (None,), Feedback().silent()))
    pairs = [(None, 0.2), (None, 1.0), (0.2, None), (1.0, None), (0.2, 0.2), (0.2, 1.0)]
    assert [(row.rgb, row.dsm) for row in rows] == pairs
    for row in rows:
        coarse = 1.0 in (row.rgb, row.dsm)
        assert row.iou == pytest.approx(1.0) if not coarse else 0.6 < row.iou < 0.98
