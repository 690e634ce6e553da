"""Whole runs over small rasters with networks whose answer is known."""

from dataclasses import replace

import numpy as np
import pyogrio
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
    box,
    identity_package,
    make_package,
    mixing_network,
    picture,
    read,
    record,
    segment,
    surface,
    write_raster,
)
from rasterio.transform import from_origin

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference.finish import Finisher
from ridgeline.engine.jobs import BuildingOptions
from ridgeline.engine.models.package import ClassSpec, OutputSpec, TileSpec, load_package, save_spec


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


@pytest.mark.parametrize(("asked", "kept"), [(None, 1), (0.0, 2), (0.7, 2), (0.95, 0)])
def test_buildings_that_are_not_sure_are_left_out_as_the_model_advises_or_the_user_says(tmp_path, asked, kept):
    import pyogrio

    colours = np.full((3, 240, 240), 1, np.uint8)
    colours[:, 40:100, 40:100], colours[:, 140:200, 140:200] = 180, 250  # probabilities of 0.73 and 0.92
    rgb = write_raster(tmp_path / "rgb.tif", colours)
    output = replace(BUILDING, activation="sigmoid", least_confidence=0.8)
    channel = np.zeros((1, 3))
    channel[0, 0] = 1.2
    model = make_package(
        tmp_path / "model", (RGB,), (output,), mixing_network({"rgb": 3}, {"building": 1}, {"building": channel})
    )
    options = BuildingOptions(min_confidence=asked)
    result = segment(tmp_path / "out", model, rgb, buildings=options)
    assert pyogrio.read_info(result.outputs["buildings"])["features"] == kept
    assert record(tmp_path / "out")["buildings_unsure"] == 2 - kept


def test_specks_have_neither_outline_nor_roof_class(tmp_path):
    import pyogrio

    colours = np.full((3, 700, 300), 1, np.uint8)
    houses = ((40, 100, 250), (140, 200, 180), (490, 530, 250), (600, 604, 250), (696, 700, 250))
    for top, bottom, shade in houses:
        colours[:, top:bottom, 40 : 40 + bottom - top] = shade
    rgb = write_raster(tmp_path / "rgb.tif", colours)
    weights = {"building": [[1.2, 0, 0]], "roof": [[0, 1, 0], [0, 0, 0.5]]}
    network = mixing_network({"rgb": 3}, {"building": 1, "roof": 2}, weights)
    output = replace(BUILDING, activation="sigmoid", least_confidence=0.8)
    model = make_package(tmp_path / "model", (RGB,), (output, ROOFS), network)
    segment(tmp_path / "rasters", model, rgb)
    all_roofs = read(tmp_path / "rasters" / "roof_class.tif") > 0
    assert np.array_equal(all_roofs, colours[0] > 127)
    result = segment(tmp_path / "out", model, rgb, buildings=BuildingOptions(min_area_m2=10, regularise=False))
    with_outlines = read(tmp_path / "out" / "roof_class.tif") > 0
    expected = all_roofs.copy()
    expected[600:604] = False  # small; the small piece at the rim stays
    assert np.array_equal(with_outlines, expected)
    expected[140:200], expected[696:] = False, False  # one of which the model is not sure, and the piece at the rim
    outlines = pyogrio.read_dataframe(result.outputs["buildings"]).geometry
    assert sum(item.area for item in outlines) == pytest.approx(expected.sum() * GSD**2)


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


def test_a_raster_the_model_does_not_look_at_chooses_no_pixel_size(tmp_path):
    folder = identity_package(tmp_path / "model", RAW_RGB)
    spec = load_package(folder).spec
    save_spec(replace(spec, gsd=replace(spec.gsd, native_share=0.5)), folder)
    rgb = write_raster(tmp_path / "rgb.tif", picture(80, 80))
    dsm = write_raster(tmp_path / "dsm.tif", surface(20, 20), transform=from_origin(WEST, NORTH, 4 * GSD, 4 * GSD))
    result = segment(tmp_path / "out", folder, rgb, dsm)
    with rasterio.open(result.outputs["value"]) as dataset:
        assert dataset.res == (GSD, GSD), "half of the surface's pixels would be twice that"


def test_buildings_know_how_much_of_them_the_users_own_classes_cover(tmp_path):
    names = ("solar panel", "background")
    own = OutputSpec(
        "classes", "classes", "other", tuple(ClassSpec(i + 1, name, "#336699") for i, name in enumerate(names))
    )
    weights = {  # red is a roof, green a panel on it, blue the ground
        "land_cover": np.array([[0.0, 0, 9], [9, 9, 0], [0, 0, 0]]),
        "building": np.array([[9.0, 9, -9]]),
        "classes": np.array([[0.0, 9, 0], [9, 0, 9]]),
    }
    outputs = (COVER, BUILDING, own)
    network = mixing_network({"rgb": 3}, {item.name: item.channels for item in outputs}, weights)
    colours = np.zeros((3, 120, 120), np.uint8)
    colours[2] = 255
    colours[:, 20:60, 20:60] = np.array([255, 0, 0], np.uint8)[:, None, None]
    colours[:, 20:60, 20:50] = np.array([0, 255, 0], np.uint8)[:, None, None]
    colours[:, 80:110, 20:60] = np.array([255, 0, 0], np.uint8)[:, None, None]
    result = segment(
        tmp_path / "out",
        make_package(tmp_path / "model", (RGB,), outputs, network),
        write_raster(tmp_path / "rgb.tif", colours),
        buildings=BuildingOptions(),
    )
    meta, _, _, values = pyogrio.raw.read(result.outputs["buildings"])
    found = dict(zip(meta["fields"], values))
    assert found["own_class"].tolist() == ["solar panel", None]
    assert found["share_solar_panel"].tolist() == pytest.approx([0.75, 0], abs=0.01)
    assert "share_background" not in found


@pytest.mark.parametrize("outputs", [(COVER, ROOFS), (COVER, ROOFS, BUILDING), (ROOFS, BUILDING)])
def test_what_serves_buildings_alone_is_made_only_for_them(tmp_path, outputs):
    model = load_package(make_package(tmp_path / "model", (RGB,), outputs)).spec
    with_buildings, without = Finisher(model, 8), Finisher(model, 8, buildings=False)
    hidden = {plane.name for plane in with_buildings.planes if not plane.published}
    assert hidden == {"building", "roof_confidence"}
    random = np.random.default_rng(0)
    maps = [random.normal(0, 3, (output.channels, 8, 8)).astype(np.float32) for output in outputs]
    whole, part = with_buildings.finish(maps), without.finish(maps)
    assert set(whole) - set(part) == hidden
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name])
