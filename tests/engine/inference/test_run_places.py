"""Where a run computes and where it does not: regions, nodata, empty ground."""

import numpy as np
import pytest
import rasterio
from inference_helpers import (
    DSM,
    GSD,
    NORTH,
    RGB,
    WEST,
    box,
    identity_package,
    make_package,
    picture,
    read,
    record,
    segment,
    surface,
    write_raster,
)
from scipy import ndimage

from ridgeline.engine.jobs import BuildingOptions, Region
from ridgeline.engine.models.package import TileSpec


def test_tiles_outside_the_region_and_without_data_are_never_computed(tmp_path):
    values = picture(400, 400)
    values[:, :, 250:] = 0
    rgb = write_raster(tmp_path / "rgb.tif", values, nodata=0)
    model = identity_package(tmp_path / "model", tile=TileSpec(64, 8, 0))
    segment(tmp_path / "out", model, rgb, region=box(0, 0, 400, 30))
    tiles = record(tmp_path / "out")["tiles"]
    lattice = round(WEST / GSD) // 64, round(-NORTH / GSD) // 64
    across = len(range(lattice[0], (round(WEST / GSD) + 399) // 64 + 1))
    with_data = len(range(lattice[0], (round(WEST / GSD) + 249) // 64 + 1))
    down = len(range(lattice[1], (round(-NORTH / GSD) + 29) // 64 + 1))
    assert tiles["computed"] == with_data * down
    assert tiles["skipped_nodata"] == (across - with_data) * down
    found = read(tmp_path / "out" / "value.tif")
    assert np.isnan(found[:, 250:]).all()
    np.testing.assert_allclose(found[:, :250], values[0, :30, :250], rtol=1e-6)


def test_pixels_outside_a_polygon_are_nodata_and_those_inside_do_not_change(tmp_path):
    rgb = write_raster(tmp_path / "rgb.tif", picture(220, 220))
    model = make_package(tmp_path / "model")
    segment(tmp_path / "whole", model, rgb)
    triangle = f"POLYGON(({WEST} {NORTH}, {WEST + 100} {NORTH}, {WEST} {NORTH - 100}, {WEST} {NORTH}))"
    segment(tmp_path / "part", model, rgb, region=Region(wkt=triangle))
    whole = read(tmp_path / "whole" / "land_cover.tif")[:200, :200]
    part = read(tmp_path / "part" / "land_cover.tif")
    rows, cols = np.mgrid[:200, :200]
    inside = rows + cols + 1 < 200
    assert np.array_equal(part[inside], whole[inside])
    assert (part[rows + cols > 200] == 0).all()


@pytest.mark.parametrize("other_grid", [False, True])
def test_regions_that_overlap_agree_bit_for_bit(tmp_path, other_grid):
    rgb = write_raster(tmp_path / "rgb.tif", picture(300, 320))
    dsm = write_raster(tmp_path / "dsm.tif", surface(300, 320))
    if other_grid:
        dsm = _warped(dsm, tmp_path / "warped.tif")
    model = make_package(tmp_path / "model", (RGB, DSM))
    regions = {"a": box(0, 0, 210, 200), "b": box(93, 71, 300, 280)}
    for name, region in regions.items():
        segment(tmp_path / name, model, rgb, dsm, region=region)
    for raster in ("land_cover", "roof_class", "confidence"):
        a, b = (read(tmp_path / name / f"{raster}.tif") for name in regions)
        first, second = a[71:200, 93:210], b[: 200 - 71, : 210 - 93]
        assert first.any()
        assert np.array_equal(first, second)


def test_with_outlines_regions_agree_but_for_what_a_rim_cuts(tmp_path):
    rgb = write_raster(tmp_path / "rgb.tif", picture(300, 320))
    dsm = write_raster(tmp_path / "dsm.tif", surface(300, 320))
    model = make_package(tmp_path / "model", (RGB, DSM))
    regions = {"a": box(0, 0, 210, 200), "b": box(93, 71, 300, 280)}
    options = BuildingOptions(min_area_m2=3)
    for name, region in regions.items():
        segment(tmp_path / name, model, rgb, dsm, region=region, buildings=options)
        segment(tmp_path / f"{name}-all", model, rgb, dsm, region=region)
    both = np.s_[71:200, 93:210], np.s_[: 200 - 71, : 210 - 93]
    a, b = (read(tmp_path / name / "roof_class.tif")[part] > 0 for name, part in zip(regions, both))
    whole = read(tmp_path / "a-all" / "roof_class.tif")[both[0]] > 0
    labels, _ = ndimage.label(whole)
    cut = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    assert (whole & ~a).any()  # specks are gone
    assert np.array_equal(a[~np.isin(labels, cut[cut > 0])], b[~np.isin(labels, cut[cut > 0])])


def _warped(path, target):
    from rasterio.enums import Resampling
    from rasterio.warp import calculate_default_transform, reproject

    with rasterio.open(path) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:3035", source.width, source.height, *source.bounds, resolution=0.8
        )
        profile = {**source.profile, "crs": "EPSG:3035", "transform": transform, "width": width, "height": height}
        profile["nodata"] = -9999.0
        with rasterio.open(target, "w", **profile) as dataset:
            reproject(
                rasterio.band(source, 1),
                rasterio.band(dataset, 1),
                resampling=Resampling.bilinear,
                dst_nodata=-9999.0,
                init_dest_nodata=True,
            )
    return target


def test_what_lies_under_nodata_never_leaks(tmp_path):
    random = np.random.default_rng(3)
    rgb, dsm = picture(200, 200), surface(200, 200)
    hole = np.s_[:, 60:110, 50:140]
    edge = np.s_[:, :, 170:]
    rgb[edge] = 0
    model = make_package(tmp_path / "model", (RGB, DSM))
    found = []
    for name, junk in (("a", np.float32(-32768)), ("b", np.float32(np.nan))):
        heights = dsm.copy()
        heights[hole] = junk
        heights[edge] = junk
        segment(
            tmp_path / name,
            model,
            write_raster(tmp_path / f"{name}-rgb.tif", rgb, nodata=0),
            write_raster(tmp_path / f"{name}-dsm.tif", heights, nodata=float(junk)),
        )
        found.append([read(tmp_path / name / f"{raster}.tif") for raster in ("land_cover", "confidence")])
    assert np.array_equal(found[0], found[1])
    assert (found[0][0][:, 170:] == 0).all()  # neither raster knows anything there
    assert (found[0][0][:, :170] > 0).all()  # the picture alone is enough for the rest
    masked = rgb.copy()
    masked[hole] = random.integers(1, 255, size=masked[hole].shape)
    mask = np.full((200, 200), 255, np.uint8)
    mask[60:110, 50:140] = 0
    outputs = []
    for name, values in (("c", rgb), ("d", masked)):
        path = write_raster(tmp_path / f"{name}.tif", values)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(mask)
        segment(tmp_path / name, make_package(tmp_path / "colour"), path)
        outputs.append(read(tmp_path / name / "land_cover.tif"))
    assert np.array_equal(*outputs)
    assert (outputs[0][60:110, 50:140] == 0).all()


def test_empty_tiles_are_skipped_when_asked_and_counted(tmp_path):
    heights = np.full((1, 500, 500), 100, np.float32) + np.arange(500, dtype=np.float32) * 0.01
    heights[0, 100:120, 100:130] += 8
    rgb, dsm = write_raster(tmp_path / "rgb.tif", picture(500, 500)), write_raster(tmp_path / "dsm.tif", heights)
    model = make_package(tmp_path / "model", (RGB, DSM))
    inner = box(70, 70, 430, 430)
    segment(tmp_path / "all", model, rgb, dsm, region=inner)
    segment(tmp_path / "some", model, rgb, dsm, region=inner, skip_empty=True)
    tiles = record(tmp_path / "some")["tiles"]
    assert 0 < tiles["computed"] <= 16
    assert tiles["computed"] + tiles["skipped_empty"] == record(tmp_path / "all")["tiles"]["computed"]
    some, everything = (read(tmp_path / name / "land_cover.tif") for name in ("some", "all"))
    around = np.s_[30:50, 30:60]  # the box itself: computed in both, and blended from the same tiles
    assert np.array_equal(some[around], everything[around])
    assert (some[180:] == 0).all()
    assert record(tmp_path / "all")["tiles"]["skipped_empty"] == 0
