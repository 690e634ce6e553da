"""Scenes as files: rasters and truth that agree, seamless over blocks, the same for the same seed."""

import numpy as np
import pyogrio
import pytest
import rasterio
from rasterio.features import rasterize
from shapely import from_wkb

from ridgeline.engine import cli
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.scenes import write
from ridgeline.engine.scenes.write import TownConfig, write_town

CONFIG = TownConfig(size_m=80.0, gsd=0.5, styles=(("suburb", 1.0),))


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"), "a", 4, CONFIG, Feedback())


def read(path) -> np.ndarray:
    with rasterio.open(path) as source:
        return source.read()


def test_rasters_share_one_grid(town) -> None:
    grids = set()
    for layer in write.RASTERS:
        with rasterio.open(getattr(town, layer)) as source:
            grids.add((source.crs.to_epsg(), source.transform, source.shape))
    assert grids == {(25832, rasterio.transform.from_origin(500_000, 5_400_000, 0.5, 0.5), (160, 160))}


def test_files_that_a_killed_run_left_half_written_are_replaced(town, tmp_path) -> None:
    # the header of a TIFF whose directory, which is written last, lies beyond the end of the file
    for layer in ("rgb", "land_cover"):
        (tmp_path / getattr(town, layer).name).write_bytes(b"II*\0" + (524_884).to_bytes(4, "little") + bytes(992))
    again = write_town(tmp_path, "a", 4, CONFIG, Feedback())
    assert (read(again.rgb) == read(town.rgb)).all() and (read(again.land_cover) == read(town.land_cover)).all()


def test_outlines_fit_the_raster_of_building_ids(town) -> None:
    building = read(town.building)[0]
    with rasterio.open(town.dsm) as source:
        transform = source.transform
    meta, _, geometry, fields = pyogrio.raw.read(town.truth, layer="buildings")
    columns = dict(zip(meta["fields"], fields))
    shapes = from_wkb(geometry)
    assert len(shapes) > 3
    burnt = rasterize([(s, 1) for s in shapes], out_shape=building.shape, transform=transform)
    trees = read(town.land_cover)[0] == 4
    open_air = ~trees
    agree = ((burnt > 0) == (building > 0))[open_air].mean()
    assert agree > 0.985
    for number, roof_class, eave, ridge in zip(*(columns[k] for k in ("id", "roof_class", "eave_m", "ridge_m"))):
        assert 1 <= roof_class <= 12 and 1.5 < eave <= ridge + 1e-6
        seen = read(town.roof_class)[0][building == number]
        assert (seen == roof_class).all()


def test_true_ridges_are_the_heights_of_the_rasters(town) -> None:
    height, building = read(town.height)[0], read(town.building)[0]
    meta, _, _, fields = pyogrio.raw.read(town.truth, layer="buildings")
    columns = dict(zip(meta["fields"], fields))
    misses = []
    for number, ridge, area in zip(columns["id"], columns["ridge_m"], columns["area_m2"]):
        seen = height[building == number]
        if area > 40 and len(seen) * 0.25 > 0.9 * area:
            misses.append(np.quantile(seen, 0.97) - ridge)
    assert len(misses) >= 3
    assert np.median(np.abs(misses)) < 0.5


def test_blocks_join_without_a_seam(tmp_path, monkeypatch, town) -> None:
    monkeypatch.setattr(write, "BLOCK_PX", 64)
    small = write_town(tmp_path, "a", 4, CONFIG, Feedback())
    for layer in ("land_cover", "roof_class", "building", "height"):
        whole, pieces = read(getattr(town, layer)), read(getattr(small, layer))
        assert (whole != pieces).mean() < 0.002, layer
    whole, pieces = read(town.dsm)[0], read(small.dsm)[0]
    assert np.abs(whole - pieces).mean() < 0.2


def test_the_same_seed_writes_the_same_pixels(tmp_path, town) -> None:
    again = write_town(tmp_path, "a", 4, CONFIG, Feedback())
    other = write_town(tmp_path, "b", 5, CONFIG, Feedback())
    for layer in write.RASTERS:
        assert np.array_equal(read(getattr(town, layer)), read(getattr(again, layer)))
    assert not np.array_equal(read(town.rgb), read(other.rgb))


def test_the_command_writes_several_scenes_side_by_side(tmp_path, capsys) -> None:
    status = cli.main(
        ["scenes", "--out", str(tmp_path), "--size-m", "30", "--gsd", "0.5", "--seed", "7", "--count", "2", "--feet"]
    )
    assert status == 0
    said = capsys.readouterr().out.split()
    assert [line.rsplit("/", 1)[-1] for line in said] == ["scene_0007_truth.gpkg", "scene_0008_truth.gpkg"]
    with rasterio.open(tmp_path / "scene_0007_dsm.tif") as one, rasterio.open(tmp_path / "scene_0008_dsm.tif") as two:
        assert one.bounds.right < two.bounds.left
        assert np.median(one.read(1)) > 200 / 0.3048 - 40


def test_the_command_dresses_a_city_model(tmp_path, shared_data, capsys) -> None:
    model = shared_data / "lod2" / "LoD2_32_280_5657_1_NW.gml"
    assert cli.main(["scenes", "--out", str(tmp_path), "--city", str(model), "--gsd", "1", "--seed", "2"]) == 0
    meta, _, _, fields = pyogrio.raw.read(tmp_path / "scene_0002_truth.gpkg", layer="buildings")
    assert len(fields[0]) == 113
    assert "25832" in meta["crs"]


def test_a_scene_smaller_than_a_few_pixels_is_refused(tmp_path) -> None:
    with pytest.raises(RidgelineError) as caught:
        write_town(tmp_path, "a", 1, TownConfig(size_m=2.0, gsd=0.5), Feedback())
    assert caught.value.code == ErrorCode.BAD_JOB and "4 pixels" in caught.value.message


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (TownConfig(epsg=4326), ErrorCode.BAD_CRS),
        (TownConfig(epsg=2263), ErrorCode.BAD_CRS),  # feet
        (TownConfig(epsg=999999), ErrorCode.BAD_CRS),
        (TownConfig(gsd=0.0), ErrorCode.BAD_JOB),
    ],
)
def test_impossible_scenes_are_refused_before_anything_is_written(tmp_path, config, code) -> None:
    with pytest.raises(RidgelineError) as caught:
        write_town(tmp_path / "new", "a", 1, config, Feedback())
    assert caught.value.code == code and caught.value.hint
    assert not (tmp_path / "new").exists()
