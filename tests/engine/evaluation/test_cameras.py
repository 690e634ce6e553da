"""Real pictures as other cameras would have taken them."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from ridgeline.engine.evaluation.cameras import CAMERAS, plants_of, write_as_seen_by

SAMPLE = Path(__file__).resolve().parents[3] / "resources" / "samples" / "herault_rgb.tif"


def test_green_things_are_plants() -> None:
    picture = np.zeros((3, 1, 3), np.float32)
    picture[:, 0, 0], picture[:, 0, 1], picture[:, 0, 2] = (80, 110, 70), (160, 90, 80), (120, 120, 120)
    assert (plants_of(picture) > 0).tolist() == [[True, False, False]]


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_picture_stays_where_it_is_and_changes_its_colours(camera: str, tmp_path: Path) -> None:
    with rasterio.open(write_as_seen_by(SAMPLE, camera, tmp_path / "seen.tif")) as seen, rasterio.open(SAMPLE) as real:
        assert (seen.count, seen.dtypes[0], seen.crs, seen.transform) == (3, "uint8", real.crs, real.transform)
        assert np.array_equal(seen.dataset_mask(), real.dataset_mask())
        bands, natural = seen.read().astype(float), real.read([1, 2, 3]).astype(float)
    assert (np.ptp(bands, axis=0).max() == 0) == (camera == "grey")
    assert np.corrcoef(bands[1].ravel(), natural[0].ravel())[0, 1] > 0.9  # red lies where green lay, or all is grey
    again = write_as_seen_by(SAMPLE, camera, tmp_path / "again.tif")
    assert again.read_bytes() == (tmp_path / "seen.tif").read_bytes()
