"""Known targets, drawn in one CRS and resolution, are found where they belong on the grid: to a tenth of a pixel."""

import numpy as np
import pytest
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import transform, transform_bounds

from ridgeline.engine.jobs import RasterInput
from ridgeline.engine.raster.aligned import open_aligned
from ridgeline.engine.raster.grid import Grid

UTM = CRS.from_epsg(25832)
CENTRE = (500210.0, 5600190.0)
TARGETS = [(CENTRE[0] + dx, CENTRE[1] + dy) for dx, dy in ((-31.3, 22.7), (0.4, -3.1), (28.9, 30.2), (17.5, -33.3))]
RADIUS = 2.0  # metres


def draw(xs, ys):
    """Return the picture's brightness (0 to 1) at places in UTM: a soft round spot on each target."""
    return sum(np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * RADIUS**2)) for x, y in TARGETS)


def north_up(crs, size):
    """Return transform and shape of a raster around the targets in ``crs`` with pixels of ``size``."""
    west, south, east, north = transform_bounds(
        UTM, crs, *(CENTRE[0] - 60, CENTRE[1] - 60), *(CENTRE[0] + 60, CENTRE[1] + 60)
    )
    return Affine(size, 0, west, 0, -size, north), (round((north - south) / size), round((east - west) / size))


def painted(crs, affine, shape):
    """Return the targets' brightness [H, W] at the pixel centres of a raster in ``crs``."""
    rows, cols = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    xs = affine.a * cols + affine.b * rows + affine.c
    ys = affine.d * cols + affine.e * rows + affine.f
    back = transform(crs, UTM, xs.ravel().tolist(), ys.ravel().tolist())
    return draw(*(np.reshape(item, shape) for item in back))


def worst_offset(image, grid):
    """Return the largest distance, in grid pixels, between a target and the centroid of its spot."""
    found = []
    for x, y in TARGETS:
        col, row = x / grid.gsd - grid.col0, -y / grid.gsd - grid.row0
        reach = 4 * RADIUS / grid.gsd
        rows, cols = np.mgrid[round(row - reach) : round(row + reach), round(col - reach) : round(col + reach)]
        weight = image[rows, cols]
        centroid = ((rows + 0.5) * weight).sum() / weight.sum(), ((cols + 0.5) * weight).sum() / weight.sum()
        found.append(np.hypot(centroid[0] - row, centroid[1] - col))
    return max(found)


def read(path, kind, gsd):
    grid = Grid.covering(UTM, gsd, (CENTRE[0] - 50, CENTRE[1] - 50, CENTRE[0] + 50, CENTRE[1] + 50))
    with open_aligned(RasterInput(path, nodata=-1.0), kind, grid) as raster:  # black all over, and yet a picture
        block = raster.read(grid)
    assert block.valid.all()
    return block.values, grid


@pytest.mark.parametrize("gsd", [0.2, 0.5, 0.8])
@pytest.mark.parametrize(
    ("code", "size"),
    [
        ("EPSG:25832", 0.5),
        ("EPSG:25832", 0.37),
        ("EPSG:32631", 0.3),
        ("EPSG:3857", 0.6),
        ("EPSG:4326", 4e-6),
        ("EPSG:3035", 0.25),
    ],
)
@pytest.mark.parametrize("kind", ["rgb", "dsm"])
def test_targets_land_within_a_tenth_of_a_pixel(raster_file, kind, code, size, gsd):
    crs = CRS.from_user_input(code)
    affine, shape = north_up(crs, size)
    image = painted(crs, affine, shape)
    if kind == "rgb":
        path = raster_file(np.stack([np.round(image * 250)] * 3).astype(np.uint8), crs=code, transform=affine)
    else:
        path = raster_file((image * 10 + 100).astype(np.float32), crs=code, transform=affine)
    values, grid = read(path, kind, gsd)
    spots = values[0].astype(np.float64) if kind == "rgb" else values[0].astype(np.float64) - 100
    assert worst_offset(spots, grid) < 0.1


@pytest.mark.parametrize("degrees", [17.0, 90.0, -130.0])
def test_rotated_rasters_land_in_place(raster_file, rotated, degrees):
    turned = rotated(0.0, 0.0, 0.4, degrees)
    half = 220
    corner = turned.a * half + turned.b * half, turned.d * half + turned.e * half
    affine = Affine(turned.a, turned.b, CENTRE[0] - corner[0], turned.d, turned.e, CENTRE[1] - corner[1])
    image = painted(UTM, affine, (2 * half, 2 * half))
    path = raster_file((image * 10 + 100).astype(np.float32), transform=affine)
    values, grid = read(path, "dsm", 0.5)
    assert worst_offset(values[0].astype(np.float64) - 100, grid) < 0.1


def test_rasters_with_ground_control_points_land_in_place(raster_file):
    affine, shape = north_up(UTM, 0.4)
    image = painted(UTM, affine, shape)
    corners = [(row, col) for row in (0, shape[0] // 2, shape[0]) for col in (0, shape[1] // 3, shape[1])]
    points = [
        GroundControlPoint(row=row, col=col, x=affine.c + affine.a * col, y=affine.f + affine.e * row, z=0.0)
        for row, col in corners
    ]
    path = raster_file(np.stack([np.round(image * 250)] * 3).astype(np.uint8), crs=UTM, gcps=points)
    values, grid = read(path, "rgb", 0.5)
    assert worst_offset(values[0].astype(np.float64), grid) < 0.1


def test_picture_and_surface_of_different_grids_agree_with_each_other(raster_file):
    paths = {}
    for kind, code, size in (("rgb", "EPSG:25832", 0.2), ("dsm", "EPSG:32631", 0.53)):
        crs = CRS.from_user_input(code)
        affine, shape = north_up(crs, size)
        image = painted(crs, affine, shape)
        bands = np.stack([np.round(image * 250)] * 3).astype(np.uint8) if kind == "rgb" else (image * 250).astype("f4")
        paths[kind] = raster_file(bands, crs=code, transform=affine)
    picture, grid = read(paths["rgb"], "rgb", 0.25)
    surface, _ = read(paths["dsm"], "dsm", 0.25)
    assert worst_offset(picture[0].astype(np.float64), grid) < 0.1
    assert worst_offset(surface[0].astype(np.float64), grid) < 0.1
    assert np.abs(picture[0].astype(np.float64) - surface[0]).max() < 8


def test_a_raster_on_the_lattice_is_read_as_it_is(raster_file):
    rng = np.random.default_rng(0)
    bands = rng.integers(0, 256, (3, 40, 60), dtype=np.uint8)
    path = raster_file(bands)
    grid = Grid.covering(UTM, 0.5, (500000.0, 5600000.0 - 20.0, 500030.0, 5600000.0))
    with open_aligned(RasterInput(path), "rgb", grid) as raster:
        assert raster.native
        assert np.array_equal(raster.read(grid).values, bands)
        beyond = raster.read(grid.padded(7))
    assert np.array_equal(beyond.values[:, 7:-7, 7:-7], bands)
    assert beyond.valid.sum() == 40 * 60
    assert not beyond.values[:, ~beyond.valid].any()


def test_shrinking_averages_every_source_pixel(raster_file):
    rng = np.random.default_rng(1)
    bands = rng.integers(0, 256, (3, 80, 80), dtype=np.uint8)
    path = raster_file(bands, transform=Affine(0.25, 0, 500000, 0, -0.25, 5600000))
    grid = Grid.covering(UTM, 1.0, (500000.0, 5600000.0 - 20.0, 500020.0, 5600000.0))
    with open_aligned(RasterInput(path), "rgb", grid) as raster:
        values = raster.read(grid).values
    means = bands.reshape(3, 20, 4, 20, 4).mean(axis=(2, 4))
    assert np.abs(values - means).max() <= 0.51


def test_shrunk_heights_are_averaged_not_picked(raster_file):
    rng = np.random.default_rng(2)
    heights = rng.normal(100, 5, (400, 400)).astype(np.float32)
    path = raster_file(heights, transform=Affine(0.1, 0, 500000, 0, -0.1, 5600000))
    grid = Grid.covering(UTM, 1.0, (500002.0, 5600000.0 - 38.0, 500038.0, 5600000.0 - 2.0))
    with open_aligned(RasterInput(path), "dsm", grid) as raster:
        values = raster.read(grid).values
    assert values.std() < 0.8  # of 5 m: a single sample would keep it all, ten by ten of them a tenth


def test_control_points_in_two_rows_only_are_fitted_by_an_affine(raster_file):
    affine, shape = north_up(UTM, 0.4)
    image = painted(UTM, affine, shape)
    corners = [(row, col) for row in (0, shape[0]) for col in (0, shape[1] // 3, shape[1])]
    points = [
        GroundControlPoint(row=row, col=col, x=affine.c + affine.a * col, y=affine.f + affine.e * row, z=0.0)
        for row, col in corners
    ]
    path = raster_file((image * 10 + 100).astype(np.float32), crs=UTM, gcps=points)
    values, grid = read(path, "dsm", 0.5)
    assert worst_offset(values[0].astype(np.float64) - 100, grid) < 0.1


@pytest.mark.parametrize(
    ("code", "size"), [("EPSG:4326", 5e-6), ("EPSG:3857", 0.8), ("EPSG:32629", 0.5), ("EPSG:2154", 1.0)]
)
@pytest.mark.parametrize("gsd", [0.2, 2.0])
def test_the_way_between_two_crss_is_followed_to_a_fiftieth_of_a_pixel(raster_file, code, size, gsd):
    """A ramp of column numbers tells where each pixel came from; 32629 lies three zones away."""
    crs = CRS.from_user_input(code)
    affine, shape = north_up(crs, size)
    path = raster_file(np.tile(np.arange(shape[1], dtype=np.float32), (shape[0], 1)), crs=code, transform=affine)
    values, grid = read(path, "dsm", gsd)
    rows, cols = np.mgrid[0 : grid.height, 0 : grid.width] + 0.5
    xs, ys = (cols + grid.col0) * gsd, -(rows + grid.row0) * gsd
    there = transform(UTM, crs, xs.ravel().tolist(), ys.ravel().tolist())
    true = (np.reshape(there[0], grid.shape) - affine.c) / affine.a - 0.5
    assert np.abs(values[0] - true).max() < 0.02
