"""Halves: no building in both, none cut by a border, and the ground of one never under the other."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.transform import from_origin

from ridgeline.engine.training.finetune_benchmark.halves import Half, Mosaic, cut, outermost, together, write_picture

UTM = CRS.from_epsg(32636)
houses = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=4)
sides = st.floats(4, 19)


def mosaic(cells, side):
    """Houses in cells of 20 m, none touching another."""
    shapes = tuple(shapely.box(20 * x + 0.5, 20 * y + 0.5, 20 * x + side, 20 * y + side) for x, y in sorted(cells))
    return Mosaic(Path("none.tif"), (0.0, 0.0, 200.0, 100.0), shapes, UTM)


@given(houses, sides)
def test_no_building_is_in_both_halves_and_none_is_cut(cells, side):
    whole = mosaic(cells, side)
    west, east = cut(whole)
    assert shapely.intersection(west.ground, east.ground).area == 0
    assert not set(west.buildings) & set(east.buildings)
    left_out = [one for one in whole.buildings if one not in (*west.buildings, *east.buildings)]
    for half in (west, east):
        assert all(half.ground.buffer(1e-6).covers(one) for one in half.buildings)
        assert all(shapely.intersection(half.ground, one).area < 1e-6 for one in left_out)


@given(houses, sides, st.data())
def test_a_few_buildings_are_the_outermost_and_all_others_lie_outside(cells, side, data):
    whole = mosaic(cells, side)
    for from_east, half in enumerate(cut(whole)):
        if not half.buildings:
            continue
        count = data.draw(st.integers(1, len(half.buildings)))
        few = outermost(whole, half, count, bool(from_east))
        rest = [one for one in half.buildings if one not in few.buildings]
        assert len(few.buildings) == count and half.ground.buffer(1e-6).covers(few.ground)
        assert all(shapely.intersection(few.ground, one).area < 1e-6 for one in rest)
        assert all(few.ground.buffer(1e-6).covers(one) for one in few.buildings)
    with pytest.raises(ValueError, match="holds"):
        outermost(whole, half, len(half.buildings) + 1, bool(from_east))


def test_several_mosaics_are_one_picture_transparent_between_them(tmp_path):
    mosaics = []
    for number, west in enumerate((0.0, 40.0)):
        path = tmp_path / f"{number}.tif"
        profile = {"driver": "GTiff", "width": 20, "height": 10, "count": 3, "dtype": "uint8", "crs": UTM}
        with rasterio.open(path, "w", transform=from_origin(west, 10, 1, 1), **profile) as sink:
            sink.write(np.full((3, 10, 20), 50 + number, np.uint8))
        mosaics.append(Mosaic(path, (west, 0.0, west + 20, 10.0), (), UTM))
    write_picture(mosaics, tmp_path / "all.tif")
    with rasterio.open(tmp_path / "all.tif") as source:
        picture = source.read()
        assert tuple(source.bounds) == (0, 0, 60, 10)
    assert (picture[:3, :, :20] == 50).all() and (picture[:3, :, 40:] == 51).all()
    assert (picture[3, :, :20] == 255).all() and (picture[3, :, 20:40] == 0).all()


def test_halves_of_several_mosaics_go_together():
    one = Half(shapely.box(0, 0, 10, 10), (shapely.box(1, 1, 2, 2),))
    two = Half(shapely.box(20, 0, 30, 10), (shapely.box(21, 1, 22, 2),))
    both = together([one, two])
    assert both.ground.area == 200 and len(both.buildings) == 2
