"""Whole runs over small rasters with networks whose answer is known."""

import json

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from inference_helpers import (
    BUILDING,
    COVER,
    DSM,
    GSD,
    NORTH,
    RAW_DSM,
    RAW_RGB,
    RGB,
    ROOFS,
    VALUE,
    WEST,
    identity_package,
    make_package,
    mixing_network,
    picture,
    read,
    segment,
    surface,
    write_raster,
)

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference import runner
from ridgeline.engine.jobs import BuildingOptions, ErrorCode, Region, RidgelineError
from ridgeline.engine.models.package import ClassSpec, OutputSpec, TileSpec


def box(col0, row0, col1, row1):
    """Return a region in pixels of the test rasters."""
    return Region(bbox=(WEST + col0 * GSD, NORTH - row1 * GSD, WEST + col1 * GSD, NORTH - row0 * GSD))


def record(out):
    return json.loads((out / "run.json").read_text(encoding="utf-8"))


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_the_identity_network_gives_the_input_back_for_every_size_stride_and_region(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("identity")
    size = data.draw(st.sampled_from([16, 32, 64]))
    tile = TileSpec(size, 8, data.draw(st.integers(0, size // 2)))
    height, width = data.draw(st.integers(3, 150)), data.draw(st.integers(3, 150))
    values = picture(height, width, seed=height)
    rgb = write_raster(folder / "rgb.tif", values)
    region, rows, cols = None, slice(0, height), slice(0, width)
    if data.draw(st.booleans()):
        col0, row0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        col1, row1 = data.draw(st.integers(col0 + 1, width)), data.draw(st.integers(row0 + 1, height))
        region, rows, cols = box(col0, row0, col1, row1), slice(row0, row1), slice(col0, col1)
    segment(folder / "out", identity_package(folder / "model", tile=tile), rgb, region=region)
    np.testing.assert_allclose(read(folder / "out" / "value.tif"), values[0, rows, cols], rtol=1e-6)


def test_a_network_that_says_one_everywhere_says_so_up_to_the_outer_frame(tmp_path):
    network = mixing_network({"rgb": 3}, {"value": 1}, {"value": np.zeros((1, 3))})
    network.graph.node.append(_add_one(network))
    model = make_package(tmp_path / "model", (RGB,), (VALUE,), network)
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", picture(200, 170)))
    assert (read(tmp_path / "out" / "value.tif") == 1).all()


def _add_one(network):
    from onnx import helper, numpy_helper

    network.graph.initializer.append(numpy_helper.from_array(np.float32(1).reshape(1, 1, 1, 1), "one"))
    network.graph.node[0].output[0] = "raw"
    return helper.make_node("Add", ["raw", "one"], ["value"])


@pytest.mark.parametrize("winner", [1, 2, 3])
def test_a_model_that_answers_one_class_everywhere_gives_that_class(tmp_path, winner):
    weights = np.zeros((3, 3))
    weights[winner - 1] = 1.0  # the picture is positive everywhere
    network = mixing_network({"rgb": 3}, {"land_cover": 3}, {"land_cover": weights})
    model = make_package(tmp_path / "model", (RAW_RGB,), (COVER,), network)
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", picture(150, 90)))
    assert (read(tmp_path / "out" / "land_cover.tif") == winner).all()
    assert (read(tmp_path / "out" / "confidence.tif") == 100).all()


def test_class_ids_names_and_colours_come_from_the_package(tmp_path):
    cover = OutputSpec(
        "cover", "classes", "land_cover", (ClassSpec(7, "meadow", "#00ff00"), ClassSpec(40, "water", "#0000ff"))
    )
    network = mixing_network({"rgb": 3}, {"cover": 2}, {"cover": [[0, 0, 0], [1, 0, 0]]})
    model = make_package(tmp_path / "model", (RAW_RGB,), (cover,), network)
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", picture(60, 60)))
    with rasterio.open(tmp_path / "out" / "land_cover.tif") as dataset:
        assert (dataset.read(1) == 40).all()
        assert dataset.colormap(1)[40][:3] == (0, 0, 255)
        assert dataset.tags()["CLASS_7"] == "meadow"
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_sixteen_bit_pictures_keep_their_shades(tmp_path):
    values = np.random.default_rng(0).integers(0, 65536, size=(3, 80, 80)).astype(np.uint16)
    segment(tmp_path / "out", identity_package(tmp_path / "model"), write_raster(tmp_path / "rgb.tif", values))
    found = read(tmp_path / "out" / "value.tif")
    np.testing.assert_allclose(found, values[0] / 65535 * 255, rtol=1e-5, atol=1e-4)
    assert len(np.unique(found)) > 3000


def test_heights_stay_metres_and_dark_places_stay_dark(tmp_path):
    heights = np.full((1, 150, 150), 321.0, np.float32) + np.arange(150, dtype=np.float32) / 100
    heights[:, 75:] = 0.4 + np.arange(150, dtype=np.float32) / 1000
    dsm = write_raster(tmp_path / "dsm.tif", heights)
    segment(tmp_path / "a", identity_package(tmp_path / "surface", RAW_DSM), dsm=dsm)
    np.testing.assert_allclose(read(tmp_path / "a" / "value.tif"), heights[0], rtol=1e-6)
    values = picture(150, 150)
    values[:, :, 64:] //= 120  # tiles that are almost black
    segment(tmp_path / "b", identity_package(tmp_path / "colour"), write_raster(tmp_path / "rgb.tif", values))
    np.testing.assert_allclose(read(tmp_path / "b" / "value.tif"), values[0], rtol=1e-6)


def test_roof_classes_stand_on_buildings_only(tmp_path):
    weights = {"building": [[1, 0, 0]], "roof": [[0, 1, 0], [0, 0, 1]]}
    network = mixing_network({"rgb": 3}, {"building": 1, "roof": 2}, weights)
    model = make_package(tmp_path / "model", (RGB,), (BUILDING, ROOFS), network)
    values = picture(130, 100)
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values))
    building = values[0] >= 127  # where (v - 127) / 60 is not negative
    green_wins = values[1] >= values[2]
    expected = np.where(building, np.where(green_wins, 1, 2), 0)
    found = read(tmp_path / "out" / "roof_class.tif")
    clear = (values[0] != 127) & (values[1] != values[2])
    assert np.array_equal(found[clear], expected[clear])
    probability = 1 / (1 + np.exp(-(values[0].astype(float) - 127) / 60))
    sure = np.maximum(probability, 1 - probability) * 100
    assert np.abs(read(tmp_path / "out" / "confidence.tif") - sure).max() <= 0.51


def test_tiles_outside_the_region_and_without_data_are_never_computed(tmp_path):
    values = picture(400, 400)
    values[:, :, 250:] = 0
    rgb = write_raster(tmp_path / "rgb.tif", values, nodata=0)
    model = identity_package(tmp_path / "model", tile=TileSpec(64, 8, 0))
    segment(tmp_path / "out", model, rgb, region=box(0, 0, 400, 30))
    tiles = record(tmp_path / "out")["tiles"]
    lattice = round(WEST / GSD) // 64, round(-NORTH / GSD) // 64
    across = len(range(lattice[0], (round(WEST / GSD) + 399) // 64 + 1))
    with_data = len(range(lattice[0], (round(WEST / GSD) + 249) // 64 + 1))
    down = len(range(lattice[1], (round(-NORTH / GSD) + 29) // 64 + 1))
    assert tiles["computed"] == with_data * down
    assert tiles["skipped_nodata"] == (across - with_data) * down
    found = read(tmp_path / "out" / "value.tif")
    assert np.isnan(found[:, 250:]).all()
    np.testing.assert_allclose(found[:, :250], values[0, :30, :250], rtol=1e-6)


def test_pixels_outside_a_polygon_are_nodata_and_those_inside_do_not_change(tmp_path):
    rgb = write_raster(tmp_path / "rgb.tif", picture(220, 220))
    model = make_package(tmp_path / "model")
    segment(tmp_path / "whole", model, rgb)
    triangle = f"POLYGON(({WEST} {NORTH}, {WEST + 100} {NORTH}, {WEST} {NORTH - 100}, {WEST} {NORTH}))"
    segment(tmp_path / "part", model, rgb, region=Region(wkt=triangle))
    whole = read(tmp_path / "whole" / "land_cover.tif")[:200, :200]
    part = read(tmp_path / "part" / "land_cover.tif")
    rows, cols = np.mgrid[:200, :200]
    inside = rows + cols + 1 < 200
    assert np.array_equal(part[inside], whole[inside])
    assert (part[rows + cols > 200] == 0).all()


@pytest.mark.parametrize("other_grid", [False, True])
def test_regions_that_overlap_agree_bit_for_bit(tmp_path, other_grid):
    rgb = write_raster(tmp_path / "rgb.tif", picture(300, 320))
    dsm = write_raster(tmp_path / "dsm.tif", surface(300, 320))
    if other_grid:
        dsm = _warped(dsm, tmp_path / "warped.tif")
    model = make_package(tmp_path / "model", (RGB, DSM))
    regions = {"a": box(0, 0, 210, 200), "b": box(93, 71, 300, 280)}
    for name, region in regions.items():
        segment(tmp_path / name, model, rgb, dsm, region=region)
    for raster in ("land_cover", "roof_class", "confidence"):
        a, b = (read(tmp_path / name / f"{raster}.tif") for name in regions)
        first, second = a[71:200, 93:210], b[: 200 - 71, : 210 - 93]
        assert first.any()
        assert np.array_equal(first, second)


def _warped(path, target):
    from rasterio.enums import Resampling
    from rasterio.warp import calculate_default_transform, reproject

    with rasterio.open(path) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:3035", source.width, source.height, *source.bounds, resolution=0.8
        )
        profile = {**source.profile, "crs": "EPSG:3035", "transform": transform, "width": width, "height": height}
        profile["nodata"] = -9999.0
        with rasterio.open(target, "w", **profile) as dataset:
            reproject(
                rasterio.band(source, 1),
                rasterio.band(dataset, 1),
                resampling=Resampling.bilinear,
                dst_nodata=-9999.0,
                init_dest_nodata=True,
            )
    return target


def test_what_lies_under_nodata_never_leaks(tmp_path):
    random = np.random.default_rng(3)
    rgb, dsm = picture(200, 200), surface(200, 200)
    hole = np.s_[:, 60:110, 50:140]
    edge = np.s_[:, :, 170:]
    rgb[edge] = 0
    model = make_package(tmp_path / "model", (RGB, DSM))
    found = []
    for name, junk in (("a", np.float32(-32768)), ("b", np.float32(np.nan))):
        heights = dsm.copy()
        heights[hole] = junk
        heights[edge] = junk
        segment(
            tmp_path / name,
            model,
            write_raster(tmp_path / f"{name}-rgb.tif", rgb, nodata=0),
            write_raster(tmp_path / f"{name}-dsm.tif", heights, nodata=float(junk)),
        )
        found.append([read(tmp_path / name / f"{raster}.tif") for raster in ("land_cover", "confidence")])
    assert np.array_equal(found[0], found[1])
    assert (found[0][0][:, 170:] == 0).all()  # neither raster knows anything there
    assert (found[0][0][:, :170] > 0).all()  # the picture alone is enough for the rest
    masked = rgb.copy()
    masked[hole] = random.integers(1, 255, size=masked[hole].shape)
    mask = np.full((200, 200), 255, np.uint8)
    mask[60:110, 50:140] = 0
    outputs = []
    for name, values in (("c", rgb), ("d", masked)):
        path = write_raster(tmp_path / f"{name}.tif", values)
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(mask)
        segment(tmp_path / name, make_package(tmp_path / "colour"), path)
        outputs.append(read(tmp_path / name / "land_cover.tif"))
    assert np.array_equal(*outputs)
    assert (outputs[0][60:110, 50:140] == 0).all()


def test_empty_tiles_are_skipped_when_asked_and_counted(tmp_path):
    heights = np.full((1, 500, 500), 100, np.float32) + np.arange(500, dtype=np.float32) * 0.01
    heights[0, 100:120, 100:130] += 8
    rgb, dsm = write_raster(tmp_path / "rgb.tif", picture(500, 500)), write_raster(tmp_path / "dsm.tif", heights)
    model = make_package(tmp_path / "model", (RGB, DSM))
    inner = box(70, 70, 430, 430)
    segment(tmp_path / "all", model, rgb, dsm, region=inner)
    segment(tmp_path / "some", model, rgb, dsm, region=inner, skip_empty=True)
    tiles = record(tmp_path / "some")["tiles"]
    assert 0 < tiles["computed"] <= 16
    assert tiles["computed"] + tiles["skipped_empty"] == record(tmp_path / "all")["tiles"]["computed"]
    some, everything = (read(tmp_path / name / "land_cover.tif") for name in ("some", "all"))
    around = np.s_[30:50, 30:60]  # the box itself: computed in both, and blended from the same tiles
    assert np.array_equal(some[around], everything[around])
    assert (some[180:] == 0).all()
    assert record(tmp_path / "all")["tiles"]["skipped_empty"] == 0


class Faulty:
    """A predictor around another that fails as it is told to."""

    def __init__(self, inner, fail):
        self.inner, self.fail, self.sizes = inner, fail, []
        self.report = inner.report

    def predict(self, inputs):
        self.sizes.append(len(next(iter(inputs.values()))))
        self.fail(inputs)
        return self.inner.predict(inputs)


def _with_predictor(monkeypatch, fail):
    made = []
    original = runner.open_predictor

    def opened(*args, **kwargs):
        made.append(Faulty(original(*args, **kwargs), fail))
        return made[-1]

    monkeypatch.setattr(runner, "open_predictor", opened)
    return made


def test_a_tile_that_fails_stops_the_run_and_is_named(tmp_path, monkeypatch):
    values = picture(200, 200)
    values[:, 130:140, 150:160] = 255

    def fail(inputs):
        if (inputs["rgb"] == 255).any():
            raise RuntimeError("the driver gave up")

    _with_predictor(monkeypatch, fail)
    model = identity_package(tmp_path / "model")
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values), batch=4)
    assert caught.value.code is ErrorCode.TILE_FAILED
    assert "the driver gave up" in caught.value.message
    west, east, south, north = _numbers(caught.value.message)
    assert west < WEST + 160 * GSD
    assert east > WEST + 150 * GSD
    assert south < NORTH - 130 * GSD
    assert north > NORTH - 140 * GSD
    assert not list((tmp_path / "out").glob("*.tif"))


def _numbers(message):
    import re

    return [float(item) for item in re.search(r"x ([\d.]+\d)–([\d.]+\d), y ([\d.]+\d)–([\d.]+\d)", message).groups()]


def test_a_map_that_is_no_number_stops_the_run_and_is_named(tmp_path):
    from onnx import helper

    network = mixing_network({"rgb": 3}, {"value": 1}, {"value": np.eye(1, 3)})
    network.graph.node[0].output[0] = "raw"
    network.graph.node.append(helper.make_node("Log", ["raw"], ["value"]))
    values = picture(150, 150)
    values[:, 77, 91] = 0  # log 0 is minus infinity
    model = make_package(tmp_path / "model", (RAW_RGB,), (VALUE,), network)
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values))
    assert caught.value.code is ErrorCode.TILE_FAILED
    west, _east, _south, north = _numbers(caught.value.message)
    assert (west, north) == pytest.approx((WEST + 91 * GSD, NORTH - 77 * GSD), abs=0.1)


def test_short_memory_makes_batches_smaller_and_says_so(tmp_path, monkeypatch):
    def fail(inputs):
        if len(inputs["rgb"]) > 2:
            raise RidgelineError(ErrorCode.OUT_OF_MEMORY, "no memory")

    made = _with_predictor(monkeypatch, fail)
    values = picture(300, 300)
    feedback = Feedback()
    model = identity_package(tmp_path / "model")
    segment(tmp_path / "out", model, write_raster(tmp_path / "rgb.tif", values), batch=8, feedback=feedback)
    np.testing.assert_allclose(read(tmp_path / "out" / "value.tif"), values[0], rtol=1e-6)
    assert [warning.code for warning in feedback.warnings] == ["batch_reduced", "batch_reduced"]
    assert max(made[0].sizes[5:]) <= 2


def test_memory_too_short_for_one_tile_is_told(tmp_path, monkeypatch):
    def fail(_inputs):
        raise MemoryError

    _with_predictor(monkeypatch, fail)
    with pytest.raises(RidgelineError) as caught:
        segment(tmp_path / "out", identity_package(tmp_path / "m"), write_raster(tmp_path / "rgb.tif", picture(90, 90)))
    assert caught.value.code is ErrorCode.OUT_OF_MEMORY


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_batch_size_changes_no_bit(tmp_path, batch):
    rgb = write_raster(tmp_path / "rgb.tif", picture(260, 310))
    model = make_package(tmp_path / "model")
    segment(tmp_path / "one", model, rgb, batch=2)
    segment(tmp_path / "other", model, rgb, batch=batch)
    for name in ("land_cover.tif", "roof_class.tif", "confidence.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_buildings_and_heights_come_out_of_a_run(tmp_path):
    import pyogrio

    rgb = write_raster(tmp_path / "rgb.tif", picture(240, 240))
    dsm = write_raster(tmp_path / "dsm.tif", surface(240, 240))
    inside = np.zeros((1, 9))
    inside[0, 3] = 1.0  # height above the local ground, compressed: ln(1 + 6) on the boxes
    weights = {"building": inside * 20}
    network = mixing_network({"rgb": 3, "dsm": 6}, {"building": 1}, weights)
    network.graph.node[-1].output[0] = "raw"
    from onnx import helper, numpy_helper

    network.graph.initializer.append(numpy_helper.from_array(np.float32(20).reshape(1, 1, 1, 1), "limit"))
    network.graph.node.append(helper.make_node("Sub", ["raw", "limit"], ["building"]))
    model = make_package(tmp_path / "model", (RGB, DSM), (BUILDING,), network)
    result = segment(tmp_path / "out", model, rgb, dsm, keep_heights=True, buildings=BuildingOptions(min_area_m2=20))
    found = pyogrio.read_info(result.outputs["buildings"])["features"]
    whole_boxes = len(range(0, 240 - 25, 60)) * len(range(0, 240 - 30, 80))
    assert whole_boxes <= found <= whole_boxes + 8
    assert sum(record(tmp_path / "out")["buildings"].values()) == found
    heights = read(result.outputs["height_above_ground"])
    boxes = ((np.arange(240)[:, None] % 60) < 25) & ((np.arange(240)[None, :] % 80) < 30)
    assert np.nanmedian(heights[boxes]) == pytest.approx(6, abs=0.3)
    assert np.nanmedian(np.abs(heights[~boxes])) < 0.3


def test_run_json_tells_how_the_result_came_to_be(tmp_path):
    rgb = write_raster(tmp_path / "rgb.tif", picture(100, 120))
    segment(tmp_path / "out", make_package(tmp_path / "model"), rgb)
    told = record(tmp_path / "out")
    assert told["grid"]["width"] == 120
    assert told["grid"]["gsd_m"] == GSD
    assert told["model"]["name"] == "model"
    assert len(told["model"]["sha256"]) == 64
    assert told["inputs"]["rgb"]["files"][0]["bytes"] == rgb.stat().st_size
    assert told["device"]["sentence"].startswith("Computing on the CPU")
    assert told["tiles"]["computed"] > 0
    assert set(told["seconds"]) >= {"opening", "computing", "network", "writing"}
    assert set(told["outputs"].values()) == {"land_cover.tif", "roof_class.tif", "confidence.tif"}


def test_a_raster_the_model_does_not_look_at_is_told(tmp_path):
    feedback = Feedback()
    segment(
        tmp_path / "out",
        identity_package(tmp_path / "model", RAW_DSM),
        write_raster(tmp_path / "rgb.tif", picture(80, 80)),
        write_raster(tmp_path / "dsm.tif", surface(80, 80)),
        feedback=feedback,
    )
    assert "raster_not_used" in {warning.code for warning in feedback.warnings}
