"""What is said before a run: tiles as the engine plans them, areas, time and disk."""

import math
import re
from pathlib import Path

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle

from ridgeline.plugin.dock.logic import forecast as forecasts
from ridgeline.plugin.dock.logic import words
from ridgeline.plugin.dock.logic.forecast import computed_share, count_tiles, forecast
from ridgeline.plugin.dock.logic.models import read_model
from ridgeline.plugin.dock.logic.speed import Speed


def by_pixels(box, gsd, size, overlap):
    """Tiles whose core holds a pixel of the box, counted pixel by pixel along each axis."""
    trim, stride = overlap // 8, size - overlap
    counts = []
    for low, high in ((box[0], box[2]), (-box[3], -box[1])):
        pixels = range(math.floor(low / gsd + 1e-6), math.ceil(high / gsd - 1e-6))
        found = set()
        for pixel in pixels:
            first = (pixel - trim) // stride
            found.update(k for k in (first - 1, first) if k * stride + trim <= pixel < k * stride + size - trim)
        counts.append(len(found))
    return counts[0] * counts[1]


@pytest.mark.parametrize("size,overlap", [(256, 64), (512, 77), (128, 0), (64, 32)])
@pytest.mark.parametrize(
    "box",
    [
        (500_000.0, 5_600_000.0, 500_050.0, 5_600_050.0),
        (770_550.3, 6_277_500.9, 770_600.7, 6_277_551.2),
        (-30.0, -20.0, 25.0, 12.0),
        (0.0, 0.0, 0.25, 0.25),
        (10.0, 10.0, 400.0, 90.0),
    ],
)
def test_tiles_are_counted_as_the_engine_plans_them(box, size, overlap):
    region = QgsGeometry.fromRect(QgsRectangle(*box))
    assert count_tiles(region, 0.25, size, overlap) == by_pixels(box, 0.25, size, overlap)


def test_a_slanted_region_needs_fewer_tiles_than_its_box():
    triangle = QgsGeometry.fromWkt("POLYGON((0 0, 1000 0, 0 1000, 0 0))")
    box = QgsGeometry.fromRect(triangle.boundingBox())
    assert count_tiles(triangle, 0.25, 256, 64) < 0.65 * count_tiles(box, 0.25, 256, 64)


def test_a_region_of_a_whole_country_is_counted_at_once():
    land = QgsGeometry.fromWkt("POLYGON((0 0, 900000 100000, 800000 900000, 50000 700000, 0 0))")
    assert count_tiles(land, 0.1, 256, 64) > 1_000_000_000


def share_by_pixels(box, data, gsd, size, overlap):
    """What the engine computes of the tiles of a box: pixels with data and 32 more, in whole blocks of 32."""
    trim, stride = overlap // 8, size - overlap
    share = 1.0
    for low, high, first, last in (
        (box[0], box[2], data[0], data[2]),
        (-box[3], -box[1], -data[3], -data[1]),
    ):
        known = set(range(math.floor(first / gsd) - 32, math.ceil(last / gsd) + 32))
        wanted = set(range(math.floor(low / gsd), math.ceil(high / gsd)))
        counts = []
        for k in range(-60, 60):
            if wanted & set(range(k * stride + trim, k * stride + size - trim)):
                blocks = (range(start, start + 32) for start in range(k * stride, k * stride + size, 32))
                counts.append(sum(32 for block in blocks if known & set(block)))
        share *= sum(counts) / (len(counts) * size)
    return share


@pytest.mark.parametrize("size,overlap", [(256, 64), (512, 64), (128, 0), (64, 32)])
@pytest.mark.parametrize(
    "box,data",
    [
        ((-30.0, -20.0, 25.0, 12.0), (-30.0, -20.0, 25.0, 12.0)),
        ((-30.0, -20.0, 25.0, 12.0), (-400.0, -30.0, 40.0, 300.0)),
        ((10.0, 10.0, 400.0, 90.0), (10.0, 10.0, 400.0, 90.0)),
        ((0.0, 0.0, 0.25, 0.25), (-900.0, -900.0, 900.0, 900.0)),
    ],
)
def test_of_tiles_beyond_the_rasters_the_part_with_data_counts(box, data, size, overlap):
    region = QgsGeometry.fromRect(QgsRectangle(*box))
    share = computed_share(region, QgsRectangle(*data), 0.25, size, overlap)
    assert share == pytest.approx(share_by_pixels(box, data, 0.25, size, overlap))


def test_the_engine_crops_tiles_by_the_same_margin():
    text = (Path(forecasts.__file__).parents[3] / "engine" / "runtime" / "crop.py").read_text(encoding="utf-8")
    assert re.findall(r"^_MARGIN_PX = (\d+)$", text, re.MULTILINE) == [str(forecasts._MARGIN_PX)]


def test_small_rasters_are_forecast_to_be_quick(shelf):
    model = read_model(shelf / "toy")
    box = QgsRectangle(500_000, 5_600_000, 500_010, 5_600_010)
    crs, speed = QgsCoordinateReferenceSystem("EPSG:25832"), Speed(2.0, 0.0)
    small = forecast(QgsGeometry.fromRect(box), crs, model, 0.25, speed, False, box)
    large = forecast(QgsGeometry.fromRect(box), crs, model, 0.25, speed, False, box.buffered(1000))
    assert small.tiles == large.tiles == large.work and small.seconds == 2 * small.work < large.seconds


def test_the_forecast_is_said_in_words(shelf):
    model = read_model(shelf / "toy")
    region = QgsGeometry.fromRect(QgsRectangle(500_000, 5_600_000, 500_400, 5_600_300))
    crs = QgsCoordinateReferenceSystem("EPSG:25832")
    unknown = forecast(region, crs, model, 0.25, None, False)
    known = forecast(region, crs, model, 0.5, Speed(2.0, 10.0), True)
    assert unknown.seconds is None and "first run" in unknown.sentences()
    assert unknown.area_m2 == pytest.approx(120_000, rel=0.002) and "12 ha" in unknown.sentences().replace(
        "\u00a0", " "
    )
    assert known.seconds == 10 + 2 * known.tiles
    assert words.duration(known.seconds) in known.sentences()
    assert known.tiles < unknown.tiles
    without = forecast(region, crs, model, 0.5, None, False)
    assert known.disk_bytes > without.disk_bytes  # heights are written, too


@pytest.mark.parametrize(
    "text,expected",
    [
        (words.area(2500), "2500 m²"),
        (words.area(25_000), "2.5 ha"),
        (words.area(2_500_000), "2.5 km²"),
        (words.length(48.4), "48 m"),
        (words.length(12_345), "12.3 km"),
        (words.duration(0.2), "1 s"),
        (words.duration(75), "75 s"),
        (words.duration(600), "10 min"),
        (words.duration(7260), "2 h 1 min"),
        (words.size(3e9), "3.0 GB"),
        (words.size(12), "1 kB"),
        (words.metres_per_pixel(0.25), "25 cm"),
        (words.metres_per_pixel(0.125), "12.5 cm"),
        (words.metres_per_pixel(2), "2 m"),
    ],
)
def test_numbers_are_said_as_people_say_them(text, expected):
    assert text.replace("\u00a0", " ").replace(",", "") == expected
