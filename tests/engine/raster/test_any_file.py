"""Files whose headers and bodies were spoilt: each is read, or refused by a fault of our own that names it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.models.package.spec import GsdSpec
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.checks import check_inputs
from ridgeline.engine.raster.frame import plan_frame
from ridgeline.engine.raster.ground import ground_gsd
from ridgeline.engine.raster.source import describe

SAMPLES = Path(__file__).resolve().parents[3] / "resources" / "samples"
HEADER = 2048
"""The directories of the samples lie in their first bytes."""
_PX = 256


def look(path, kind):
    """Do what a run does with a raster before the model sees it, for a window of its middle."""
    item = RasterInput(str(path))
    gsd = ground_gsd(describe(item, kind))
    frame = plan_frame(*((item, None) if kind == "rgb" else (None, item)), None, gsd)
    check_inputs(frame, GsdSpec(gsd, gsd, gsd))
    grid = frame.grid
    row, col = grid.row0 + grid.height // 2, grid.col0 + grid.width // 2
    with open_aligned(frame.rgb or frame.dsm, kind, grid) as raster:
        return raster.read(grid.window(row, col, min(_PX, grid.height), min(_PX, grid.width)))


def holds(path, kind):
    try:
        block = look(path, kind)
    except RidgelineError as fault:
        assert fault.code is not ErrorCode.INTERNAL
        assert fault.message and fault.hint and "\n" not in fault.message
    else:
        assert block.values.shape[1:] == block.valid.shape


@st.composite
def spoilt(draw, whole):
    """The bytes of a file with a few of them changed, most in its header, or with its end cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, HEADER - 1) | st.integers(0, len(data) - 1))
        values = draw(
            st.binary(min_size=1, max_size=8) | st.sampled_from([b"\0" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff"])
        )
        data[at : at + len(values)] = values
    return bytes(data[: draw(st.sampled_from([None, None, None, 8, HEADER]) | st.integers(0, len(data)))])


@pytest.mark.parametrize(("name", "kind"), [("burgundy_rgb.tif", "rgb"), ("burgundy_dsm.tif", "dsm")])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_spoilt_file_is_read_or_refused(name, kind, tmp_path, data):
    path = tmp_path / name
    path.write_bytes(data.draw(spoilt((SAMPLES / name).read_bytes())))
    holds(path, kind)


odd = st.floats() | st.floats(-1e3, 1e3) | st.sampled_from([0.0, 0.5, -0.5, 5e5, 5.6e6, 5e-324, 1e-300, 1e154, 1e300])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(place=(5e5, 0.5, 0.0, 5.6e6, 0.0, -5e-324))
@example(place=(5e5, 1e-170, 0.0, 5.6e6, 0.0, -1e-150))
@example(place=(5e5, 1e154, 0.0, 5.6e6, 0.0, -0.5))
@example(place=(5e5, 0.5, 0.5, 5.6e6, -0.5, -0.5000000000000001))
@given(place=st.tuples(*[odd] * 6))
@pytest.mark.parametrize(("name", "kind"), [("burgundy_rgb.tif", "rgb"), ("burgundy_dsm.tif", "dsm")])
def test_any_georeference_is_taken_or_refused(name, kind, tmp_path, place):
    path = tmp_path / "any.vrt"
    file, dtype, count = SAMPLES / name, *(("Byte", 3) if kind == "rgb" else ("Float32", 1))
    bands = "".join(
        f"<VRTRasterBand dataType='{dtype}' band='{band}'><SimpleSource><SourceFilename>{file}</SourceFilename>"
        f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
        for band in range(1, count + 1)
    )
    numbers = ", ".join(map(repr, place))
    path.write_text(
        f"<VRTDataset rasterXSize='160' rasterYSize='160'><SRS>EPSG:2154</SRS><GeoTransform>{numbers}</GeoTransform>"
        f"{bands}</VRTDataset>"
    )
    holds(path, kind)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=200)
    | st.builds(
        "<VRTDataset rasterXSize={!r} rasterYSize={!r}>{}<VRTRasterBand dataType={!r} band='1'>{}</VRTRasterBand>"
        "</VRTDataset>".format,
        st.sampled_from(["10", "0", "-1", "x", "2147483647", "99999999999"]),
        st.sampled_from(["10", "0", "2147483647"]),
        st.sampled_from(
            ["", "<SRS>EPSG:25832</SRS><GeoTransform>5e5, .5, 0, 5.6e6, 0, -.5</GeoTransform>", "<SRS>x</SRS>"]
            + [f"<SRS>EPSG:25832</SRS><GeoTransform>{numbers}</GeoTransform>" for numbers in ("nan,1,0,nan,0,1", "1,2")]
        ),
        st.sampled_from(["Byte", "Float32", "CFloat64", "Float128", ""]),
        st.sampled_from(
            [
                "",
                "<SimpleSource><SourceFilename>gone.tif</SourceFilename></SimpleSource>",
                "<SimpleSource><SourceFilename relativeToVRT='1'>any.vrt</SourceFilename></SimpleSource>",
                "<SimpleSource><SourceFilename>/vsicurl/http://127.0.0.1:1/x.tif</SourceFilename></SimpleSource>",
                "<NoDataValue>nan</NoDataValue><Scale>x</Scale><UnitType>&#0;</UnitType>",
            ]
        ),
    )
)
@pytest.mark.parametrize("kind", ["rgb", "dsm"])
def test_any_virtual_raster_is_read_or_refused(kind, tmp_path, text):
    path = tmp_path / "any.vrt"
    path.write_text(text, encoding="utf-8", errors="replace")
    holds(path, kind)
