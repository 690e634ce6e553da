"""What a raster says of itself: bands, units of height, bit depth, and virtual rasters of any size."""

import zipfile

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine

from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.models.package.spec import GsdSpec
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.checks import check_inputs
from ridgeline.engine.raster.crs import parse_crs
from ridgeline.engine.raster.frame import plan_frame
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.raster.native import NativeReader
from ridgeline.engine.raster.picture import to_full_scale
from ridgeline.engine.raster.source import describe

RED, GREEN, BLUE = ColorInterp.red, ColorInterp.green, ColorInterp.blue


def drivers():
    with rasterio.Env() as env:
        return set(env.drivers())


def read(item, kind):
    grid = Grid.covering(CRS.from_epsg(25832), 0.5, (500000.0, 5599990.0, 500010.0, 5600000.0))
    with open_aligned(item, kind, grid) as raster:
        return raster.read(grid)


def test_colours_are_found_by_what_the_file_says(raster_file):
    bands = np.stack([np.full((20, 20), value, np.uint8) for value in (30, 20, 10, 99)])
    path = raster_file(bands, colorinterp=[BLUE, GREEN, RED, ColorInterp.undefined])
    assert describe(RasterInput(path), "rgb").bands == (3, 2, 1)
    assert read(RasterInput(path), "rgb").values[:, 0, 0].tolist() == [10, 20, 30]


def test_stated_bands_win(raster_file):
    path = raster_file(np.zeros((4, 20, 20), np.uint8))
    assert describe(RasterInput(path, bands=(4, 1, 2)), "rgb").bands == (4, 1, 2)
    assert describe(RasterInput(path, bands=(2, 2, 2)), "rgb").bands == (2, 2, 2)


@pytest.mark.parametrize(
    ("bands", "says"),
    [((1, 2, 9), "no band 9: it has 4 bands"), ((1, 2), "given with 2 bands"), ((0, 1, 2), "no band 0")],
)
def test_impossible_bands_are_refused(raster_file, bands, says):
    path = raster_file(np.zeros((4, 20, 20), np.uint8))
    with pytest.raises(RidgelineError, match=says) as caught:
        describe(RasterInput(path, bands=bands), "rgb")
    assert caught.value.code == ErrorCode.BAD_BANDS


def test_a_picture_with_a_colour_table_is_refused_with_advice(raster_file):
    path = raster_file(np.zeros((1, 20, 20), np.uint8), photometric="PALETTE")
    with pytest.raises(RidgelineError, match="colour table"):
        describe(RasterInput(path), "rgb")


@pytest.mark.parametrize(
    ("profile", "stated", "metres"),
    [
        ({}, None, 100.0),
        ({"units": ["m"]}, None, 100.0),
        ({"units": ["ft"]}, None, 30.48),
        ({"units": ["US survey foot"]}, None, 100 * 1200 / 3937),
        ({"crs": "EPSG:25832+6360"}, None, 100 * 1200 / 3937),  # NAVD88 height in US feet
        ({"crs": "EPSG:25832+5783"}, None, 100.0),
        ({"units": ["ft"]}, "metre", 100.0),
        ({}, "foot", 30.48),
        ({}, "us-foot", 100 * 1200 / 3937),
        ({"scales": [0.1], "offsets": [5.0]}, None, 15.0),
        ({"scales": [0.1], "offsets": [5.0]}, "foot", 15 * 0.3048),
    ],
)
def test_heights_come_in_metres(raster_file, profile, stated, metres):
    path = raster_file(np.full((20, 20), 100.0, np.float32), **profile)
    assert read(RasterInput(path, vertical_unit=stated), "dsm").values[0, 0, 0] == pytest.approx(metres, rel=1e-6)


def test_heights_of_unknown_unit_in_a_crs_of_feet_are_said(raster_file):
    heights = np.random.default_rng(0).normal(50, 2, (20, 20)).astype(np.float32)
    path = raster_file(heights, crs="EPSG:2222", transform=Affine(3, 0, 700000, 0, -3, 900000))  # international feet
    assert [code for code, _text in describe(RasterInput(path), "dsm").notes] == ["height_unit_assumed"]
    assert describe(RasterInput(path, vertical_unit="foot"), "dsm").notes == ()


@pytest.mark.parametrize(
    ("dtype", "profile", "white"),
    [
        ("uint8", {}, 255),
        ("uint16", {}, 65535),
        ("uint16", {"nbits": 12}, 4095),
        ("int16", {}, 32767),
        ("float32", {}, 255),
    ],
)
def test_white_is_known_by_type_and_bit_depth_never_by_content(raster_file, dtype, profile, white):
    dark, bright = (raster_file(np.full((3, 20, 20), value, dtype), **profile) for value in (1, 100))
    assert describe(RasterInput(dark), "rgb").white == describe(RasterInput(bright), "rgb").white == white


def test_pictures_of_any_depth_reach_the_model_on_one_scale():
    values = np.array([0, 1000, 4095], np.uint16)
    assert np.allclose(to_full_scale(values, 4095.0, 255.0), [0, 1000 * 255 / 4095, 255])
    assert to_full_scale(np.array([7], np.uint8), 255.0, 255.0).dtype == np.float32
    ramp = np.arange(65536, dtype=np.uint16)
    assert len(np.unique(to_full_scale(ramp, 65535.0, 255.0))) == 65536


def test_bands_of_different_types_are_read(tmp_path):
    for name, dtype in (("a", "uint8"), ("b", "uint16"), ("c", "uint8")):
        with rasterio.open(
            tmp_path / f"{name}.tif", "w", driver="GTiff", width=20, height=20, count=1, dtype=dtype, crs="EPSG:25832",
            transform=Affine(0.5, 0, 500000, 0, -0.5, 5600000),
        ) as dataset:  # fmt: skip
            dataset.write(np.full((20, 20), 200, dtype), 1)
    vrt = _vrt(20, 20, [("a.tif", "Byte"), ("b.tif", "UInt16"), ("c.tif", "Byte")])
    (tmp_path / "mixed.vrt").write_text(vrt)
    block = read(RasterInput(str(tmp_path / "mixed.vrt")), "rgb")
    assert block.values.dtype == np.float32
    assert (block.values == 200).all()


@pytest.mark.parametrize(("driver", "ending"), [("JP2OpenJPEG", "jp2"), ("COG", "tif"), ("PNG", "png"), ("HFA", "img")])
def test_other_formats_are_read_like_geotiff(raster_file, tmp_path, driver, ending):
    if driver not in drivers():
        pytest.skip(f"this build of GDAL has no driver {driver}")
    bands = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    path = tmp_path / f"picture.{ending}"
    options = {"REVERSIBLE": "YES", "QUALITY": "100"} if driver == "JP2OpenJPEG" else {}
    options |= {"WORLDFILE": "YES"} if driver == "PNG" else {}
    copy_raster(raster_file(bands), path, driver=driver, **options)
    assert np.array_equal(read(RasterInput(str(path)), "rgb").values, bands[:, :20, :20])


def test_rasters_inside_archives_are_read(raster_file, tmp_path):
    bands = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(raster_file(bands), "ortho.tif")
    item = RasterInput(f"/vsizip/{tmp_path}/pictures.zip/ortho.tif")
    assert np.array_equal(read(item, "rgb").values, bands[:, :20, :20])


def test_the_unit_of_a_stated_crs_counts(raster_file):
    path = raster_file(np.full((20, 20), 100.0, np.float32))
    block = read(RasterInput(path, crs="EPSG:25832+6360"), "dsm")
    assert block.values[0, 0, 0] == pytest.approx(100 * 1200 / 3937)


def test_only_whole_windows_inside_the_raster_are_read(raster_file):
    reader = NativeReader(describe(RasterInput(raster_file(np.zeros((3, 20, 20), np.uint8))), "rgb"))
    for window in ((0, 0, 5, 5.000000004), (0.0, 0, 5, 5), (-1, 0, 5, 5), (0, 18, 5, 5)):
        with pytest.raises(ValueError, match="window"):
            reader.read(*window)
    reader.close()


def test_a_huge_virtual_raster_is_opened_checked_and_read_in_part(tmp_path):
    with rasterio.open(
        tmp_path / "tile.tif", "w", driver="GTiff", width=512, height=512, count=3, dtype="uint8", crs="EPSG:25832",
        transform=Affine(0.2, 0, 500000, 0, -0.2, 5600000),
    ) as dataset:  # fmt: skip
        dataset.write(np.random.default_rng(0).integers(1, 255, (3, 512, 512), dtype=np.uint8))
    size = 200_000
    path = tmp_path / "huge.vrt"
    path.write_text(_vrt(size, size, [("tile.tif", "Byte")] * 3, pixel=0.2, numbers=(1, 2, 3), shown=512))
    item = RasterInput(str(path))
    frame = plan_frame(item, None, None, 0.2)
    notes = check_inputs(frame, GsdSpec(0.2, 0.1, 0.5))
    assert frame.grid.shape == (size, size)
    assert notes == []
    with open_aligned(frame.rgb, "rgb", frame.grid) as raster:
        window = frame.grid.window(frame.grid.row0, frame.grid.col0, 64, 64)
        assert raster.read(window).values.any()


def _vrt(width, height, bands, pixel=0.5, numbers=None, shown=None):
    """Return a VRT; ``shown`` stretches nothing: each source fills only its own size at the upper left."""
    numbers = numbers or [1] * len(bands)
    shown = shown or width
    parts = [
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>EPSG:25832</SRS>',
        f"<GeoTransform>500000, {pixel}, 0, 5600000, 0, -{pixel}</GeoTransform>",
    ]
    for band, ((name, dtype), number) in enumerate(zip(bands, numbers), start=1):
        size = f'xOff="0" yOff="0" xSize="{shown}" ySize="{shown}"'
        parts.append(
            f'<VRTRasterBand dataType="{dtype}" band="{band}"><SimpleSource>'
            f'<SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>{number}</SourceBand>'
            f"<SrcRect {size}/><DstRect {size}/></SimpleSource></VRTRasterBand>"
        )
    return "".join([*parts, "</VRTDataset>"])


def test_an_unknown_crs_is_told_in_our_words_alone(capfd):
    with pytest.raises(RidgelineError, match="'EPSG:999999' given for the region is not known"):
        parse_crs("EPSG:999999", "the region")
    assert capfd.readouterr().err == ""
