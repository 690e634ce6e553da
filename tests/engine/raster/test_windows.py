"""A pixel has the same bits through whatever window it is read, with whatever was read before."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.grid import Grid

UTM = CRS.from_epsg(25832)
SIDE = 700
GSD = 0.4
WHOLE = Grid.covering(UTM, GSD, (499990.0, 5599810.0, 500190.0, 5600010.0))


def pictures(rng):
    bands = rng.integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
    bands[:, 100:130, 50:300] = 0
    return bands


def heights(rng):
    field = rng.normal(100, 3, (SIDE, SIDE)).astype(np.float32)
    field[rng.random(field.shape) < 0.02] = -9999
    field[300:340, 200:400] = np.nan
    return field


def gcps():
    places = [(row, col) for row in (0, SIDE // 3, SIDE) for col in (0, SIDE // 2, SIDE)]
    return [
        GroundControlPoint(row=row, col=col, x=500000 + 0.3 * col, y=5600000 - 0.3 * row + 1e-5 * col**2, z=0.0)
        for row, col in places
    ]


CASES = {
    "picture on the lattice": ("rgb", {"transform": Affine(GSD, 0, 500000, 0, -GSD, 5600000), "nodata": 0}),
    "picture shifted by half a pixel": (
        "rgb",
        {"transform": Affine(GSD, 0, 500000.2, 0, -GSD, 5600000.1), "nodata": 0},
    ),
    "finer picture": ("rgb", {"transform": Affine(0.2, 0, 500000, 0, -0.2, 5600000)}),
    "picture of another CRS": (
        "rgb",
        {"crs": "EPSG:3857", "transform": Affine(0.5, 0, 1001880, 0, -0.5, 6542420), "nodata": 0},
    ),
    "rotated picture": ("rgb", {"transform": Affine(0.3, 0.1, 499990, 0.1, -0.3, 5600000)}),
    "picture with control points": ("rgb", {"gcps": gcps(), "crs": UTM}),
    "surface of another CRS": (
        "dsm",
        {"crs": "EPSG:3857", "transform": Affine(0.5, 0, 1001880, 0, -0.5, 6542420), "nodata": -9999},
    ),
    "finer surface": ("dsm", {"transform": Affine(0.17, 0, 500000.03, 0, -0.17, 5600000), "nodata": -9999}),
    "coarser surface": ("dsm", {"transform": Affine(0.9, 0, 499991, 0, -0.9, 5600000), "nodata": -9999}),
}


@pytest.fixture(scope="module", params=list(CASES), ids=[name.replace(" ", "-") for name in CASES])
def case(request, raster_file):
    """A raster, and the whole of it as one window gives it."""
    kind, profile = CASES[request.param]
    rng = np.random.default_rng(3)
    bands = pictures(rng) if kind == "rgb" else heights(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        item = RasterInput(raster_file(bands, **profile))
    with open_aligned(item, kind, WHOLE) as raster:
        block = raster.read(WHOLE)
    assert block.valid.any()
    assert not block.valid.all()
    return item, kind, block


windows = st.tuples(
    st.integers(-40, WHOLE.height + 20),
    st.integers(-40, WHOLE.width + 20),
    st.integers(1, 200),
    st.integers(1, 200),
)


@settings(max_examples=25)  # for each of the rasters
@given(asked=st.lists(windows, min_size=1, max_size=3))
def test_any_window_holds_the_bits_of_the_whole(case, asked):
    item, kind, whole = case
    with open_aligned(item, kind, WHOLE) as raster:
        for row, col, height, width in asked:
            window = WHOLE.window(WHOLE.row0 + row, WHOLE.col0 + col, height, width)
            block = raster.read(window)
            common = window.intersection(WHOLE)
            if not (common.width and common.height):
                continue
            here = np.s_[
                common.row0 - window.row0 : common.row1 - window.row0,
                common.col0 - window.col0 : common.col1 - window.col0,
            ]
            there = np.s_[
                common.row0 - WHOLE.row0 : common.row1 - WHOLE.row0, common.col0 - WHOLE.col0 : common.col1 - WHOLE.col0
            ]
            assert np.array_equal(block.valid[here], whole.valid[there])
            assert np.array_equal(block.values[(..., *here)], whole.values[(..., *there)], equal_nan=True)
            assert block.values.dtype == whole.values.dtype


def test_strips_with_context_add_up_to_the_whole(case):
    item, kind, whole = case
    step, context = 64, 9
    with open_aligned(item, kind, WHOLE) as raster:
        for row in range(0, WHOLE.height, step):
            height = min(step, WHOLE.height - row)
            strip = raster.read(WHOLE.window(WHOLE.row0 + row, WHOLE.col0, height, WHOLE.width).padded(context))
            inner = strip.values[:, context:-context, context:-context]
            assert np.array_equal(inner, whole.values[:, row : row + height], equal_nan=True)


def test_threads_read_at_the_same_time(case):
    item, kind, whole = case
    faults = []

    def work(raster, seed):
        rng = np.random.default_rng(seed)
        for _ in range(6):
            row, col = int(rng.integers(0, WHOLE.height - 60)), int(rng.integers(0, WHOLE.width - 60))
            block = raster.read(WHOLE.window(WHOLE.row0 + row, WHOLE.col0 + col, 60, 60))
            if not np.array_equal(block.values, whole.values[:, row : row + 60, col : col + 60], equal_nan=True):
                faults.append((row, col))

    with open_aligned(item, kind, WHOLE) as raster:
        threads = [threading.Thread(target=work, args=(raster, seed)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not faults


def test_a_window_of_another_lattice_is_refused(case):
    item, kind, _whole = case
    with open_aligned(item, kind, WHOLE) as raster, pytest.raises(ValueError, match="another lattice"):
        raster.read(Grid(UTM, GSD * 2, 0, 0, 5, 5))
