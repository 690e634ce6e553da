"""Real files with one defect each: every one either works or is refused with a code and one sentence that names it."""

import re

import numpy as np
import pytest

from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.models.package.spec import GsdSpec
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.checks import check_inputs
from ridgeline.engine.raster.frame import plan_frame
from ridgeline.engine.raster.ground import ground_gsd
from ridgeline.engine.raster.source import describe

REFUSED = [
    ("RGB.byte.gcp.vrt", "rgb", ErrorCode.INPUT_MISSING, "source 'RGB.byte.tif' is missing"),
    ("white-gemini-iv.vrt", "rgb", ErrorCode.INPUT_MISSING, "is missing"),
    ("nogeoref_marseille_dsm.tif", "dsm", ErrorCode.NO_GEOREFERENCE, "no georeference"),
    ("float_nan.tif", "dsm", ErrorCode.NO_CRS, "no CRS"),
    ("rotated.tif", "dsm", ErrorCode.NO_CRS, "no CRS"),
    ("corrupt.tif", "rgb", ErrorCode.INPUT_UNREADABLE, "rows 512–1023, columns 512–1023"),
    ("all-nodata.tif", "rgb", ErrorCode.NO_OVERLAP, "all of it is nodata"),
    ("au-gcp.tif", "dsm", ErrorCode.BAD_SURFACE, "8-bit picture"),
    ("au-gcp.tif", "rgb", ErrorCode.BAD_BANDS, "has 1 band"),
    ("test_esri_wkt.tif", "dsm", ErrorCode.BAD_SURFACE, "whole numbers from 0 to 255"),
    ("cogeo.tif", "dsm", ErrorCode.BAD_BANDS, "colour picture"),
    ("RGBA.byte.tif", "dsm", ErrorCode.BAD_BANDS, "colour picture"),
]
# file, kind, CRS of the grid, share of the grid that is valid, warnings
WORKING = [
    ("ign_rgb_unknown_datum_nodata255.tif", "rgb", "EPSG:2154", (0.98, 1.0), {"white_is_nodata"}),
    ("dsm2dtm_dsm_epsg4326_nodata0.tif", "dsm", "EPSG:32643", (0.9, 1.0), {"crs_chosen"}),
    ("rv_epsg4326_1e-6deg.tif", "rgb", "EPSG:32618", (0.01, 0.05), {"crs_chosen", "black_is_nodata"}),
    ("au-3577-rotated.tif", "dsm", "EPSG:32753", (0.2, 0.5), {"crs_chosen", "flat_surface"}),
    ("cogeo.tif", "rgb", "EPSG:32652", (0.95, 1.0), {"crs_chosen"}),
    ("RGBA.uint16.tif", "rgb", "EPSG:32612", (0.4, 0.6), {"grey_picture"}),
    ("RGBA.byte.tif", "rgb", "EPSG:32618", (0.6, 0.75), set()),
    ("alpha.tif", "rgb", "EPSG:32760", (0.005, 0.03), {"crs_chosen"}),
    ("float64_4band.tif", "rgb", "EPSG:32631", (0.95, 1.0), {"bands_assumed"}),
    ("world.rgb.tif", "rgb", "EPSG:32631", (0.1, 1.0), {"crs_chosen"}),
]


def run(path, kind, gsd=None):
    """Do what a run does with one raster before the model sees it; return frame, block and notes."""
    item = RasterInput(str(path))
    gsd = gsd or ground_gsd(describe(item, kind))
    frame = plan_frame(*((item, None) if kind == "rgb" else (None, item)), None, gsd)
    notes = [*frame.notes, *check_inputs(frame, GsdSpec(gsd, gsd, gsd))]
    with open_aligned(frame.rgb or frame.dsm, kind, frame.grid) as raster:
        return frame, raster.read(frame.grid), notes


@pytest.mark.parametrize(("name", "kind", "code", "says"), REFUSED, ids=[f"{item[1]}-{item[0]}" for item in REFUSED])
def test_is_refused(shared_data, name, kind, code, says):
    with pytest.raises(RidgelineError) as caught:
        run(shared_data / "bad_inputs" / name, kind)
    fault = caught.value
    assert fault.code == code
    assert says in fault.message
    assert f"{kind.upper()} '{name}'" in fault.message
    assert re.match(r"^[A-Z].*\.$", fault.message)
    assert "\n" not in fault.message
    assert fault.hint.endswith(".")


@pytest.mark.parametrize(
    ("name", "kind", "crs", "valid", "codes"), WORKING, ids=[f"{item[1]}-{item[0]}" for item in WORKING]
)
def test_works(shared_data, name, kind, crs, valid, codes):
    frame, block, notes = run(shared_data / "bad_inputs" / name, kind)
    assert frame.grid.crs.to_string() == crs
    assert valid[0] <= block.valid.mean() <= valid[1]
    assert {note.code for note in notes} == codes
    assert np.isfinite(block.values[:, block.valid]).all()


def test_every_file_has_an_expected_outcome(shared_data):
    known = {item[0] for item in REFUSED} | {item[0] for item in WORKING}
    assert {path.name for path in (shared_data / "bad_inputs").iterdir() if path.is_file()} == known


def test_a_file_without_a_crs_works_once_its_crs_is_stated(shared_data):
    item = RasterInput(str(shared_data / "bad_inputs" / "rotated.tif"), crs="EPSG:25832")
    frame = plan_frame(None, item, None, 10.0)
    with open_aligned(item, "dsm", frame.grid) as raster:
        block = raster.read(frame.grid)
    assert 0.2 < block.valid.mean() < 0.9


def test_an_esri_crs_is_metric_as_it_is(shared_data):
    item = RasterInput(str(shared_data / "bad_inputs" / "test_esri_wkt.tif"))
    frame = plan_frame(None, item, None, 5.0)
    assert frame.grid.crs.to_string() == "ESRI:102039"
    assert not frame.notes


def test_a_file_that_is_cut_short_names_the_rows_that_fail(shared_data, tmp_path):
    whole = (shared_data / "real" / "herault_77055_627760_rgb.tif").read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    with pytest.raises(RidgelineError) as caught:
        run(cut, "rgb", 0.2)
    assert caught.value.code == ErrorCode.INPUT_UNREADABLE
    assert "cut.tif" in caught.value.message


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(RidgelineError) as caught:
        run(tmp_path / "nowhere.tif", "rgb")
    assert caught.value.code == ErrorCode.INPUT_MISSING


def test_a_file_that_is_no_raster(tmp_path):
    (tmp_path / "notes.tif").write_text("not a picture")
    with pytest.raises(RidgelineError) as caught:
        run(tmp_path / "notes.tif", "rgb")
    assert caught.value.code == ErrorCode.INPUT_UNREADABLE


def test_a_user_name_takes_the_files_place_in_messages(tmp_path):
    with pytest.raises(RidgelineError, match="'Orthophoto 2024'"):
        describe(RasterInput(str(tmp_path / "nowhere.tif"), name="Orthophoto 2024"), "rgb")


def test_code_in_a_virtual_raster_is_never_run(raster_file, tmp_path, monkeypatch):
    inner, proof = raster_file(np.full((64, 64), 7, np.float32), crs="EPSG:25832"), tmp_path / "proof"
    code = f"def run(in_ar, out_ar, *rest, **more):\n    open({str(proof)!r}, 'w').close()\n    out_ar[:] = 1\n"
    evil = tmp_path / "evil.vrt"
    evil.write_text(
        '<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:25832</SRS>'
        "<GeoTransform>500000, 0.5, 0, 5600000, 0, -0.5</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1" subClass="VRTDerivedRasterBand">'
        "<PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionType>run</PixelFunctionType>"
        f"<PixelFunctionCode><![CDATA[{code}]]></PixelFunctionCode>"
        f"<SimpleSource><SourceFilename>{inner}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>",
        encoding="utf-8",
    )
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "YES")  # whatever the machine allows
    with pytest.raises(RidgelineError) as caught:
        run(evil, "dsm", 0.5)
    assert caught.value.code == ErrorCode.INPUT_UNREADABLE
    assert not proof.exists()
