"""The scale benchmark measures what it says, at a size that a test can wait for."""

import pyogrio
import rasterio
from rasterio.windows import Window

from ridgeline.engine.evaluation import scale


def test_the_sparse_raster_holds_data_in_the_region_and_hardly_elsewhere(tmp_path, monkeypatch):
    for name, value in (("VRT_SIDE", 4096), ("REGION_SIDE", 512), ("PATCH", 256)):
        monkeypatch.setattr(scale, name, value)
    figures = scale.sparse_vrt(tmp_path)
    with rasterio.open(tmp_path / "sparse.vrt") as dataset:
        assert dataset.shape == (4096, 4096)
        assert dataset.read_masks(1, window=Window(2048, 2048, 512, 512)).all()
        assert dataset.read_masks(1).astype(bool).mean() < 0.05
    with rasterio.open(tmp_path / "out" / "land_cover.tif") as dataset:
        assert dataset.shape == (512, 512)
        assert dataset.read(1).all()
    assert figures["tiles"] >= 4 and figures["seconds"] > 0


def test_buildings_are_written_with_all_their_attributes(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "POLYGONS", 3000)
    assert scale.polygons_100k(tmp_path)["polygons"] == 3000
    frame = pyogrio.raw.read(tmp_path / "buildings.gpkg")
    assert len(frame[2]) == 3000
    assert all(column is not None and len(column) == 3000 for column in frame[3])


def test_many_regions_are_one_run_or_a_batch(tmp_path, monkeypatch):
    for name, value in (("REGIONS", 4), ("RASTER_SIDE", 1024), ("FEW", 2)):
        monkeypatch.setattr(scale, name, value)
    assert scale.regions_500(tmp_path)["tiles"] > 0
    with rasterio.open(tmp_path / "out" / "land_cover.tif") as dataset:
        found = dataset.read(1).astype(bool)
    assert 4 * 96 * 96 * 0.97 < found.sum() < 4 * 96 * 96 * 1.03
    assert scale.batch_10(tmp_path)["jobs"] == 2
    assert (tmp_path / "out-1" / "land_cover.tif").exists()
