"""Results written strip by strip: whole or not at all, the same bytes however often the run was stopped."""

import errno
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.shutil import copy as copy_raster

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.raster import files
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.raster.sinks import RasterClass, RasterSpec, StripSink

GRID = Grid(CRS.from_epsg(25832), 0.25, 2_000_000, -22_400_000, 700, 1100)
CLASSES = (
    RasterClass(1, "impervious_surface", "#ffffff"),
    RasterClass(2, "building", "#0000ff"),
    RasterClass(4, "tree & bush", "#00ff00"),
)
LAND_COVER = RasterSpec("land_cover", GRID, "uint8", 0, CLASSES, "Land cover", tags={"MODEL": "small 1.0"})
HEIGHT = RasterSpec("height", GRID, "float32", -9999.0, description="Height above ground", unit="m")


def classes():
    coarse = np.random.default_rng(0).choice(np.array([0, 1, 2, 4], np.uint8), (22, 14))
    return np.kron(coarse, np.ones((50, 50), np.uint8))


def heights():
    values = np.random.default_rng(1).normal(5, 3, GRID.shape).astype(np.float32)
    values[100:200] = -9999
    return values


def write(spec, values, folder, cuts, out=None):
    sink = StripSink(spec, folder)
    for top, bottom in zip([0, *cuts], [*cuts, GRID.height]):
        sink.write(top, values[top:bottom])
    return sink.finish(out or folder)


def test_a_class_raster_says_all_about_its_classes(tmp_path):
    path = write(LAND_COVER, classes(), tmp_path / "work", [300, 900], tmp_path / "out")
    assert path == tmp_path / "out" / "land_cover.tif"
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(1), classes())
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.crs == GRID.crs
        assert dataset.transform.almost_equals(GRID.transform, 1e-9)
        assert dataset.nodata == 0
        assert dataset.colorinterp == (ColorInterp.palette,)
        assert dataset.colormap(1)[2] == (0, 0, 255, 255)
        assert dataset.colormap(1)[0][3] == 0
        assert {key: dataset.tags()[key] for key in ("CLASS_1", "CLASS_2", "CLASS_4", "MODEL")} == {
            "CLASS_1": "impervious_surface",
            "CLASS_2": "building",
            "CLASS_4": "tree & bush",
            "MODEL": "small 1.0",
        }
        assert dataset.overviews(1)
        smaller = dataset.read(1, out_shape=(GRID.height // 2, GRID.width // 2))
    assert set(np.unique(smaller)) <= {0, 1, 2, 4}  # overviews hold classes, not averages of their numbers
    assert "<Category>tree &amp; bush</Category>" in (tmp_path / "out" / "land_cover.tif.aux.xml").read_text()


def test_the_area_of_each_class_is_known_at_the_end(tmp_path):
    sink = StripSink(LAND_COVER, tmp_path)
    sink.write(0, classes())
    assert sink.class_areas() == {}
    for _ in range(2):  # a run that was stopped while it finished its files does so again
        sink.finish(tmp_path / "out")
    wanted = {item.name: float((classes() == item.id).sum()) / 16 for item in CLASSES}
    assert sink.class_areas() == wanted and list(sink.class_areas().values()) == sorted(wanted.values(), reverse=True)
    measures = StripSink(HEIGHT, tmp_path)
    measures.write(0, heights())
    measures.finish(tmp_path / "out")
    assert measures.class_areas() == {}


def test_a_continuous_raster_carries_its_statistics(tmp_path):
    values = heights()
    path = write(HEIGHT, values, tmp_path, [500])
    valid = values[values != -9999].astype(np.float64)
    with rasterio.open(path) as dataset:
        tags = {key: float(value) for key, value in dataset.tags(1).items() if key.startswith("STATISTICS")}
        assert dataset.units == ("m",)
        assert np.array_equal(dataset.read(1), values)
    assert tags["STATISTICS_MINIMUM"] == valid.min()
    assert tags["STATISTICS_MAXIMUM"] == valid.max()
    assert tags["STATISTICS_MEAN"] == pytest.approx(valid.mean())
    assert tags["STATISTICS_STDDEV"] == pytest.approx(valid.std())


@pytest.mark.parametrize("spec", [LAND_COVER, HEIGHT], ids=["classes", "heights"])
def test_the_bytes_do_not_depend_on_the_strips(tmp_path, spec):
    values = classes() if spec is LAND_COVER else heights()
    whole = write(spec, values, tmp_path / "a", []).read_bytes()
    assert write(spec, values, tmp_path / "b", [1, 77, 512, 1024]).read_bytes() == whole
    assert write(spec, values, tmp_path / "c", list(range(100, 1100, 100))).read_bytes() == whole


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(1, GRID.height - 1), unique=True, max_size=5).map(sorted), data=st.data())
def test_a_continued_raster_is_the_undisturbed_one(tmp_path_factory, cuts, data):
    values = classes()
    folder = tmp_path_factory.mktemp("strips")
    tops, bottoms = [0, *cuts], [*cuts, GRID.height]
    stop = data.draw(st.integers(0, len(tops)))
    first = StripSink(LAND_COVER, folder)
    for top, bottom in list(zip(tops, bottoms))[:stop]:
        first.write(top, values[top:bottom])
    (folder / "land_cover" / ".000000000-000100.tif.partial").write_bytes(b"half a strip")
    second = StripSink(LAND_COVER, folder)
    done = second.rows_done()
    assert done == (bottoms[stop - 1] if stop else 0)
    back = data.draw(st.sampled_from([top for top in tops if top <= done]))  # a strip may be written again
    for top, bottom in zip(tops, bottoms):
        if top >= back:
            second.write(top, values[top:bottom])
    assert np.array_equal(second.read(0, GRID.height), values)


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, GRID.height - 1), unique=True, max_size=5).map(sorted), seed=st.integers(0, 99))
def test_pixels_taken_back_are_nodata_and_no_others_change(tmp_path_factory, cuts, seed):
    rng, values = np.random.default_rng(seed), heights()
    sink = StripSink(HEIGHT, tmp_path_factory.mktemp("strips"))
    for top, bottom in zip([0, *cuts], [*cuts, GRID.height]):
        sink.write(top, values[top:bottom])
    rows, cols = rng.integers(0, GRID.height, 40), rng.integers(0, GRID.width, 40)
    sink.blank(rows, cols)
    sink.blank(rows[:0], cols[:0])
    values[rows, cols] = -9999
    assert np.array_equal(sink.read(0, GRID.height), values)
    assert sink.rows_done() == GRID.height


def test_a_raster_without_nodata_takes_nothing_back(tmp_path):
    sink = StripSink(RasterSpec("height", GRID, "float32", None), tmp_path)
    with pytest.raises(ValueError, match="nodata"):
        sink.blank(np.array([1]), np.array([1]))


def test_a_killed_process_leaves_whole_strips_only(tmp_path):
    script = f"""
        import numpy as np, os, signal
        from rasterio.crs import CRS
        from ridgeline.engine.raster.grid import Grid
        from ridgeline.engine.raster.sinks import RasterSpec, StripSink
        grid = Grid(CRS.from_epsg(25832), 0.25, 2_000_000, -22_400_000, 700, 1100)
        sink = StripSink(RasterSpec("height", grid, "float32", -9999.0), __import__("pathlib").Path({str(tmp_path)!r}))
        for row in range(0, 1100, 100):
            sink.write(row, np.full((100, 700), row, np.float32))
            if row == 600:
                os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True)
    assert done.returncode == -9
    sink = StripSink(HEIGHT, tmp_path)
    assert sink.rows_done() == 700
    assert sink.read(650, 50).min() == 600


def test_a_gap_is_not_finished(tmp_path):
    sink = StripSink(LAND_COVER, tmp_path)
    sink.write(0, classes()[:100])
    sink.write(200, classes()[200:])
    assert sink.rows_done() == 100
    with pytest.raises(ValueError, match="only 100 of 1100 rows"):
        sink.finish(tmp_path)
    assert not list(tmp_path.glob("*.tif"))


@pytest.mark.parametrize(
    ("row", "values"),
    [
        (0, np.zeros((5, 699), np.uint8)),
        (1098, np.zeros((5, 700), np.uint8)),
        (-1, np.zeros((5, 700), np.uint8)),
        (0, np.zeros((5, 700), np.float32)),
    ],
)
def test_strips_that_do_not_fit_are_refused(tmp_path, row, values):
    with pytest.raises(ValueError, match="strip"):
        StripSink(LAND_COVER, tmp_path).write(row, values)


def test_an_old_result_stays_until_the_new_one_is_complete(tmp_path, monkeypatch):
    path = write(LAND_COVER, classes(), tmp_path, [])
    before = path.read_bytes()
    sink = StripSink(LAND_COVER, tmp_path)

    def fail(source, target, **options):
        copy_raster(source, target, **options)
        os.truncate(target, 5000)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ridgeline.engine.raster.sinks.copy_raster", fail)
    with pytest.raises(RidgelineError) as caught:
        sink.finish(tmp_path)
    assert caught.value.code == ErrorCode.DISK_FULL
    assert "land_cover.tif" in caught.value.message
    assert path.read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "land_cover",
        "land_cover.tif",
        "land_cover.tif.aux.xml",
    ]


@pytest.mark.parametrize("limit", [30_000, 400_000])
def test_a_disk_that_fills_up_is_named(tmp_path, limit):
    """A limit on file sizes stands for the disk: small, a strip does not fit; larger, the finished raster does not."""
    script = f"""
        import numpy as np, pathlib, resource
        from rasterio.crs import CRS
        from ridgeline.engine.jobs import RidgelineError
        from ridgeline.engine.raster.grid import Grid
        from ridgeline.engine.raster.sinks import RasterSpec, StripSink
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        folder = pathlib.Path({str(tmp_path)!r})
        rng = np.random.default_rng(0)
        try:
            sink = StripSink(RasterSpec("noise", Grid(CRS.from_epsg(25832), 0.25, 0, 0, 700, 1000), "uint8"), folder)
            for row in range(0, 1000, 100):
                sink.write(row, rng.integers(1, 255, (100, 700), dtype=np.uint8))
            sink.finish(folder)
        except RidgelineError as fault:
            print(fault.code.value)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    assert done.stdout.strip() == "disk_full", done.stderr
    assert not list(tmp_path.glob("*.tif"))
    assert not list(tmp_path.glob(".*"))


def test_what_the_disk_says_becomes_one_of_our_errors(tmp_path):
    for number, code in (
        (errno.EROFS, ErrorCode.OUTPUT_NOT_WRITABLE),
        (errno.EACCES, ErrorCode.OUTPUT_NOT_WRITABLE),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
    ):
        with pytest.raises(RidgelineError) as caught, files.writing(tmp_path / "x.tif"):
            raise OSError(number, os.strerror(number))
        assert caught.value.code == code
