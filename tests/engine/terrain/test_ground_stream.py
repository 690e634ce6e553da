"""The ground of a whole raster by strips: the same bits whatever the strips and the region."""

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.terrain import ground_stream
from ridgeline.engine.terrain.ground import ground
from ridgeline.engine.terrain.ground_stream import GroundStream

UTM = CRS.from_epsg(32632)


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A town as a file, and its arrays; tiles and chunks made small."""
    monkeypatch.setattr(ground_stream, "_TILE_ROWS", 160)
    monkeypatch.setattr(ground_stream, "_TILE_COLS", 192)
    monkeypatch.setattr(ground_stream, "_CHUNK_PX", 30_000)
    rng = np.random.default_rng(5)
    rows, cols = np.mgrid[:420, :340].astype(np.float64)
    surface = 300 + 0.1 * cols + 12 * np.sin(rows / 60) + rng.normal(0, 0.05, rows.shape)
    for _ in range(70):
        r, c, h, w = rng.integers(0, 380), rng.integers(0, 300), *rng.integers(6, 40, 2)
        surface[r : r + h, c : c + w] += rng.uniform(3, 12)
    surface[200:240, 100:180] = -9999
    path = tmp_path / "dsm.tif"
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": 340, "height": 420, "nodata": -9999}
    with rasterio.open(path, "w", crs=UTM, transform=from_origin(500_000, 5_000_000, 1, 1), **profile) as out:
        out.write(surface.astype(np.float32), 1)
    return path, surface.astype(np.float32), surface > -9999


def stream(path, grid, height):
    with open_aligned(RasterInput(str(path)), "dsm", grid) as surface:
        source = GroundStream(surface, grid)
        parts = []
        for row in range(grid.row0, grid.row1, height):
            window = grid.window(row, grid.col0, min(height, grid.row1 - row), grid.width)
            parts.append(source.under(window, surface.read(window)))
    return np.concatenate(parts)


def test_strips_give_what_the_whole_window_gives(town):
    path, surface, valid = town
    grid = Grid(UTM, 1.0, 500_000, -5_000_000, 340, 420)
    whole = ground(surface, valid, 1.0, grid.col0, grid.row0)
    for height in (97, 420):
        found = stream(path, grid, height)
        assert np.array_equal(found, whole, equal_nan=True)


def test_a_region_gives_what_the_whole_raster_gives(town):
    path, _, _ = town
    grid = Grid(UTM, 1.0, 500_000, -5_000_000, 340, 420)
    part = Grid(UTM, 1.0, 500_123, -4_999_890, 150, 201)
    rows, cols = part.row0 - grid.row0, part.col0 - grid.col0
    whole = stream(path, grid, 256)[rows : rows + part.height, cols : cols + part.width]
    assert np.array_equal(stream(path, part, 50), whole, equal_nan=True)


def test_rows_beyond_the_raster_are_unknown(town):
    path, _, _ = town
    grid = Grid(UTM, 1.0, 499_900, -5_000_900, 80, 300)
    assert np.isnan(stream(path, grid, 100)).all()
