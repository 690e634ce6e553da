"""What the first look at the inputs refuses, and what it only says."""

from pathlib import Path

import numpy as np
import pytest
from rasterio.transform import Affine

from ridgeline.engine.evaluation.cameras import write_as_seen_by
from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.models.package.spec import GsdSpec
from ridgeline.engine.raster.checks import check_gsd, check_inputs
from ridgeline.engine.raster.files import keep_existing
from ridgeline.engine.raster.frame import plan_frame

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"
ACCEPTED = GsdSpec(trained=0.5, min=0.2, max=0.8)


def look(path, kind, gsd=0.5, **stated):
    item = RasterInput(path, name="layer", **stated)
    frame = plan_frame(*((item, None) if kind == "rgb" else (None, item)), None, gsd)
    return [note.code for note in check_inputs(frame, ACCEPTED)]


def rough(low, high, dtype=np.float32):
    return np.random.default_rng(0).uniform(low, high, (80, 80)).astype(dtype)


def coloured(high, dtype=np.float32):
    """A picture in natural colours."""
    return np.stack([rough(0, high) * share for share in (0.8, 1.0, 0.7)]).astype(dtype)


@pytest.mark.parametrize(
    ("heights", "says"),
    [
        (np.full((80, 80), 12.5, np.float32), "constant: every height is 12.5 m"),
        (np.full((80, 80), -9999, np.float32), "all of it is nodata"),
        (np.full((80, 80), np.nan, np.float32), "all of it is nodata"),
        (rough(0, 255, np.uint8), "8-bit picture"),
        (rough(0, 255, np.uint8).astype(np.float32), "8-bit picture"),
    ],
)
def test_surfaces_without_heights_are_refused(raster_file, heights, says):
    with pytest.raises(RidgelineError) as caught:
        look(raster_file(heights, nodata=-9999 if heights.dtype == np.float32 else None), "dsm")
    assert caught.value.code == ErrorCode.BAD_SURFACE
    assert "The DSM 'layer'" in caught.value.message
    assert says in caught.value.message


def test_good_inputs_pass_without_a_word(raster_file):
    assert look(raster_file(rough(100, 120)), "dsm") == []
    assert look(raster_file(coloured(255, np.uint8)), "rgb") == []


def test_doubtful_inputs_are_said(raster_file):
    assert look(raster_file(np.round(rough(300, 420))), "dsm") == ["whole_heights"]
    assert look(raster_file(rough(0, 1)), "dsm") == ["flat_surface"]
    assert look(raster_file(coloured(4095, np.uint16)), "rgb") == ["dark_picture"]
    assert look(raster_file(coloured(1)), "rgb") == ["dark_picture"]
    white = coloured(255, np.uint8)
    assert look(raster_file(white, nodata=255), "rgb") == ["white_is_nodata"]
    assert look(raster_file(white, nodata=255), "rgb", nodata=-1.0) == []


@pytest.mark.parametrize("dtype,white", [(np.uint8, 255), (np.uint16, 65535)])
def test_pictures_in_other_than_natural_colours_are_said(raster_file, dtype, white):
    grey = np.random.default_rng(1).uniform(0.3, 0.9, (80, 80)) * white
    assert look(raster_file(np.stack([grey] * 3).astype(dtype)), "rgb") == ["grey_picture"]
    infrared = np.stack([grey, 0.5 * grey, 0.55 * grey])
    infrared[:, :, 20:] = grey[:, 20:]  # plants in a quarter of it
    assert look(raster_file(infrared.astype(dtype)), "rgb") == ["false_colour"]
    tiles = np.stack([grey, 0.6 * grey, 0.5 * grey])  # red roofs and red soil are no plants
    assert look(raster_file(tiles.astype(dtype)), "rgb") == []
    noise = np.random.default_rng(2).uniform(0, white, (3, 80, 80))  # nor is any colour by chance
    assert look(raster_file(noise.astype(dtype)), "rgb") == []


@pytest.mark.parametrize("camera,code", [("false colour", "false_colour"), ("grey", "grey_picture")])
@pytest.mark.parametrize("sample", ["herault_rgb.tif", "burgundy_rgb.tif"])
def test_real_pictures_are_told_from_what_other_cameras_make_of_them(sample, camera, code, tmp_path):
    assert look(str(SAMPLES / sample), "rgb", gsd=0.25) == []
    seen = write_as_seen_by(SAMPLES / sample, camera, tmp_path / "seen.tif")
    assert look(str(seen), "rgb", gsd=0.25) == [code]


def test_the_first_look_is_taken_where_the_run_works(raster_file):
    heights = rough(100, 120)
    heights[:, :40] = -9999
    item = RasterInput(raster_file(heights, nodata=-9999))
    from ridgeline.engine.jobs import Region

    frame = plan_frame(None, item, Region(bbox=(500000.0, 5599960.0, 500015.0, 5600000.0)), 0.5)
    with pytest.raises(RidgelineError, match="all of it is nodata"):
        check_inputs(frame, ACCEPTED)


@pytest.mark.parametrize("gsd", [0.19, 0.81, 5.0])
def test_a_gsd_outside_the_models_range_is_refused(gsd):
    with pytest.raises(RidgelineError, match=r"range of 0\.2 to 0\.8 m") as caught:
        check_gsd(gsd, ACCEPTED)
    assert caught.value.code == ErrorCode.GSD_OUT_OF_RANGE
    check_gsd(0.2, ACCEPTED)
    check_gsd(0.8, ACCEPTED)


def test_rasters_far_too_coarse_are_refused_and_coarse_ones_said(raster_file):
    bands = coloured(255, np.uint8)
    coarse = raster_file(bands, transform=Affine(1.5, 0, 500000, 0, -1.5, 5600000))
    assert look(coarse, "rgb") == ["coarse_input"]
    hopeless = raster_file(bands, transform=Affine(10, 0, 500000, 0, -10, 5600000))
    with pytest.raises(RidgelineError, match="pixels of 10 m") as caught:
        look(hopeless, "rgb")
    assert caught.value.code == ErrorCode.GSD_OUT_OF_RANGE
    kilometres = raster_file(bands, transform=Affine(12345, 0, 500000, 0, -12345, 5600000))
    with pytest.raises(RidgelineError, match="pixels of 12,345 m"):
        look(kilometres, "rgb")


def test_existing_results_are_kept_unless_told(tmp_path):
    names = ["roof_class.tif", "land_cover.tif"]
    keep_existing(tmp_path / "nowhere", names, overwrite=False)
    (tmp_path / "land_cover.tif").write_text("precious")
    with pytest.raises(RidgelineError, match=r"land_cover\.tif") as caught:
        keep_existing(tmp_path, names, overwrite=False)
    assert caught.value.code == ErrorCode.OUTPUT_EXISTS
    keep_existing(tmp_path, names, overwrite=True)
    assert (tmp_path / "land_cover.tif").read_text() == "precious"
