"""Findings about labels: each of them is told when it is so, and not when it is not."""

import numpy as np
import pytest
import shapely
import torch
from finetune_helpers import GSD, INPUTS, UTM, labels_of, maps_of, split_of, tile, town
from rasterio.features import rasterize

from ridgeline.engine.models.compact import compact_config
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.terrain.height_channels import height_channels
from ridgeline.engine.training.finetune.checks import check_labels
from ridgeline.engine.training.finetune.label_shift import roof_edges, surface_edges
from ridgeline.engine.training.finetune.labels import within_area
from ridgeline.engine.training.finetune.samples import Sample

DSM = next(item for item in INPUTS if item.kind == "dsm")


def box(x, y, side=10.0):
    return shapely.box(x, y, x + side, y + side)


def report(maps, samples=None, surface=None, labels=None, skipped=()):
    if samples is None:
        samples = [Sample(tile(), {}, *maps.truth(tile()))]
    edges = surface_edges(samples, surface) if surface else None
    return check_labels(labels or maps.labels, maps.teaching, maps.split, samples, edges, skipped)


def codes(found):
    return {finding.code for finding in found.findings}


def test_good_labels_have_no_findings_and_right_numbers():
    places = [box(20 + 15 * (i % 6), -110 + 15 * (i // 6)) for i in range(36)]
    maps = maps_of(places, [i % 4 == 0 for i in range(36)], area=shapely.box(0, -128, 128, 0))
    found = report(maps)
    assert codes(found) == set()
    building = found.classes["building"]
    assert (building["polygons"], building["validation_polygons"]) == (27, 9)
    assert building["pixels"] + building["validation_pixels"] == 36 * 400
    assert found.as_dict()["classes"]["background"]["pixels"] > 0


@pytest.mark.parametrize(
    ("shapes", "validates", "code"),
    [
        ([box(20, -60)] * 1 + [box(50, -60)], [False, True], "few_polygons"),
        ([box(20, -60), box(50, -60), box(80, -60)], [True, True, True], "nothing_to_train"),
        ([box(20, -60), box(50, -60)], [False, False], "little_validation"),
        ([box(20, -60), box(5000, -60)], [False, False], "outside_rasters"),
        ([box(20, -60, 20), box(25, -55, 4)], [False, False], "duplicates"),
        ([box(20, -60, 20), box(35, -60, 20)], [False, False], "overlaps"),
    ],
)
def test_what_is_odd_is_said(shapes, validates, code):
    found = report(maps_of(shapes, validates, area=shapely.box(0, -128, 128, 0)))
    assert code in codes(found)


def test_a_class_that_is_much_larger_is_said():
    shapes = [shapely.box(20, -110, 100, -30), box(102, -60, 5), box(102, -90, 5)]
    found = report(maps_of(shapes, [False] * 3, names=("gable", "flat"), classes=[0, 1, 1]))
    (finding,) = [item for item in found.findings if item.code == "imbalance"]
    assert "'gable'" in finding.message and "'flat'" in finding.message


def test_what_was_left_out_while_reading_is_counted():
    labels = labels_of([box(20, -60), box(50, -60), box(900, -60)], ("building", "background"))
    labels = type(labels)(**{**vars(labels), "repaired": 2, "broken": 3, "slivers": 4, "unmapped": {"shed": 5}})
    area = shapely.box(0, -128, 128, 0)
    inside = within_area(labels, area)
    maps = maps_of(inside.polygons, [False, True], area=area)
    found = report(maps, labels=inside)
    said = " ".join(finding.message for finding in found.findings)
    for words in (
        "2 polygons cross themselves",
        "3 polygons are beyond repair",
        "4 polygons are too small",
        "'shed' (5)",
    ):
        assert words in said
    assert "1 polygon lies outside the area" in said
    assert {"repaired", "broken", "slivers", "unmapped", "outside_area"} <= codes(found)


def test_polygons_on_tiles_that_were_not_read_do_not_count_as_beside_the_rasters():
    maps = maps_of([box(20, -60), box(200, -60)], [False, True], area=shapely.box(0, -128, 256, 0))
    assert "outside_rasters" in codes(report(maps))
    assert "outside_rasters" not in codes(report(maps, skipped=[tile(1)]))


def surface_of(shapes, east, north):
    """A tile whose surface has the boxes moved by so many metres, and its truth."""
    window = Grid(UTM, GSD, 0, 0, 256, 256)
    heights = np.full(window.shape, 100.0, np.float32)
    for shape in shapes:
        west, south, right, top = shape.bounds
        rows = slice(round(-(top + north) / GSD), round(-(south + north) / GSD))
        heights[rows, round((west + east) / GSD) : round((right + east) / GSD)] += 7
    channels = height_channels(heights, np.ones(window.shape, bool), GSD, 0, 0)
    return channels


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (2.0, 0.0), (-1.5, 2.5), (0.0, -3.0)])
def test_polygons_beside_the_edges_of_the_surface_are_found_with_the_offset(east, north):
    shapes = [box(20 + 25 * (i % 4), -110 + 25 * (i // 4), 12) for i in range(16)]
    maps = maps_of(shapes, [i % 4 == 0 for i in range(16)], area=shapely.box(0, -128, 128, 0))
    sample = Sample(tile(), {"dsm": surface_of(shapes, -east, -north)}, *maps.truth(tile()))
    found = report(maps, [sample], DSM)
    assert found.shift_m == pytest.approx((east, north), abs=0.75)
    assert ("shifted" in codes(found)) == (abs(east) + abs(north) > 0)
    if east > 0:
        assert "2.0 m east" in next(item.message for item in found.findings if item.code == "shifted")


def test_a_flat_surface_tells_nothing_of_a_shift():
    maps, _ = town(1)
    flat = np.zeros((len(DSM.height_channels.channels), 256, 256), np.float32)
    found = report(maps, [Sample(tile(), {"dsm": flat}, *maps.truth(tile()))], DSM)
    assert found.shift_m in (None, (0.0, 0.0)) and "shifted" not in codes(found)
    assert split_of([True]).block_m == 64


class Sees(torch.nn.Module):
    """A network to which the bright is a building."""

    config = compact_config()

    def forward(self, rgb):
        return {"building": 8 * rgb[:, :1] - 4}


@pytest.mark.parametrize(("east", "north"), [(0.0, 0.0), (2.0, 0.0), (-1.5, 2.5)])
def test_polygons_beside_the_roofs_in_a_picture_are_found_with_the_offset(east, north):
    shapes = [box(20 + 25 * (i % 4), -110 + 25 * (i // 4), 12) for i in range(16)]
    maps = maps_of(shapes, [i % 4 == 0 for i in range(16)], area=shapely.box(0, -128, 128, 0))
    roofs = rasterize([shapely.affinity.translate(item, -east, -north) for item in shapes], (256, 256),
                      transform=tile().transform).astype(np.float32)  # fmt: skip
    sample = Sample(tile(), {"rgb": np.stack([roofs] * 3)}, *maps.truth(tile()))
    edges = roof_edges([sample], Sees(), maps.teaching.background)
    found = check_labels(maps.labels, maps.teaching, maps.split, [sample], edges)
    assert found.shift_m == pytest.approx((east, north), abs=0.6) and found.shift_seen_in == "rgb"
    said = [item.message for item in found.findings if item.code == "shifted"]
    assert bool(said) == (abs(east) + abs(north) > 0)
    assert not said or "of the roofs that the model sees in the picture" in said[0]
