"""Previews become pictures that lie where they should; a click becomes a measured roof."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.warp import transform

from ridgeline.engine.feedback import Feedback
from ridgeline.engine.inference.finish import PlaneSpec
from ridgeline.engine.jobs import ErrorCode, RasterInput, RidgelineError
from ridgeline.engine.jobs.serve import PreviewRequest, RoofRequest, Scene
from ridgeline.engine.models.package import ClassSpec, OutputSpec, save_spec
from ridgeline.engine.raster.grid import Grid
from ridgeline.engine.serving.pictures import _KEPT, PictureFolder
from ridgeline.engine.serving.preview import make_preview
from ridgeline.engine.serving.roof import find_roof
from ridgeline.engine.serving.scenes import Scenes

WEST, NORTH, GSD = 400_000.0, 5_600_000.0, 0.5
FIRST = (60, 80, 40, 60)  # row, column, height, width of the first house (see conftest)


def place_of(row, col):
    return WEST + (col + 0.5) * GSD, NORTH - (row + 0.5) * GSD


@pytest.fixture()
def request_of(pair, red_model, tmp_path):
    """Return a function that makes preview requests."""
    scene = Scene(
        RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"])), str(red_model.folder), device="cpu", threads=1
    )

    def make(bounds, **options):
        return PreviewRequest(scene, bounds, str(tmp_path / "pictures"), **options)

    return make


@pytest.fixture()
def scene(request_of):
    """The scene of the requests, opened."""
    scenes = Scenes()
    yield scenes.open(request_of((0, 0, 1, 1)).scene, Feedback())
    scenes.close()


def preview(scene, request, stem="a"):
    return make_preview(scene, request, stem, PictureFolder(), Feedback())


def test_a_preview_lies_where_the_view_is(scene, request_of):
    x, y = place_of(80, 110)
    result = preview(scene, request_of((x - 20, y - 15, x + 20, y + 15)))
    assert sorted(result.outputs) == ["confidence", "land_cover", "roof_class"]
    with rasterio.open(result.outputs["land_cover"]) as dataset:
        assert dataset.crs.to_epsg() == 25832
        assert (dataset.width, dataset.height) in {(80, 60), (81, 61), (81, 60), (80, 61)}
        row, col = dataset.index(x, y)
        values = dataset.read(1)
        assert values[row, col] == 2
        assert dataset.colormap(1)[2] == (204, 0, 0, 255)
        assert dataset.tags(1)["CLASS_2"] == "building"
    summary = result.summary
    assert summary["bounds"] == pytest.approx([x - 20, y - 15, x + 20, y + 15], abs=1)
    assert summary["shares"]["land_cover"]["building"] == pytest.approx((values == 2).mean(), abs=1e-3)
    json.dumps(summary)


def test_a_view_in_another_crs_is_found(scene, request_of):
    x, y = place_of(80, 110)
    (lon,), (lat,) = transform("EPSG:25832", "EPSG:4326", [x], [y])
    result = preview(scene, request_of((lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4), crs="EPSG:4326"))
    bounds = result.summary["bounds"]
    assert bounds[0] < x < bounds[2] and bounds[1] < y < bounds[3]


def test_a_png_has_colours_and_a_world_file(scene, request_of):
    x, y = place_of(80, 110)
    result = preview(scene, request_of((x - 10, y - 10, x + 10, y + 10), layers=("land_cover",), format="png"))
    (path,) = result.outputs.values()
    with rasterio.open(path) as dataset:
        assert dataset.count == 4 and dataset.transform.a == pytest.approx(GSD)
        row, col = dataset.index(x, y)
        assert tuple(dataset.read()[:, row, col]) == (204, 0, 0, 255)


@pytest.mark.parametrize("kind", ["tif", "png"])
def test_the_background_lets_through_what_lies_beneath(tmp_path, kind):
    classes = (ClassSpec(1, "solar", "#ff8000"), ClassSpec(2, "background", "#f0f0f0"))
    plane = PlaneSpec("classes", "uint8", "classes", True, OutputSpec("classes", "classes", "other", classes))
    values = np.array([[1, 2], [0, 2]], np.uint8)
    window = Grid(CRS.from_epsg(25832), 0.5, 0, 0, 2, 2)
    path = PictureFolder().write(tmp_path, "a", plane, values, window, kind)
    with rasterio.open(path) as dataset:
        assert (dataset.dataset_mask() > 0).tolist() == [[True, False], [False, False]]
    assert values.tolist() == [[1, 2], [0, 2]], "the shares are counted in them"


def test_a_view_without_rasters_or_with_too_much_is_explained(scene, request_of):
    with pytest.raises(RidgelineError) as caught:
        preview(scene, request_of((0, 0, 10, 10)))
    assert caught.value.code is ErrorCode.NO_OVERLAP
    with pytest.raises(RidgelineError) as caught:
        preview(scene, request_of((WEST, NORTH - 200, WEST + 200, NORTH), most_tiles=4))
    assert caught.value.code is ErrorCode.BAD_REGION and "too much for a preview" in caught.value.message
    for bounds in ((5, 5, 5, 5), (10, 0, 0, 10), (float("nan"), 0, 1, 1)):
        with pytest.raises(RidgelineError):
            preview(scene, request_of(bounds))
    with pytest.raises(RidgelineError, match="gives no layer 'clouds'"):
        preview(scene, request_of((WEST, NORTH - 20, WEST + 20, NORTH), layers=("clouds",)))


def test_old_pictures_are_removed(scene, request_of, tmp_path):
    pictures = PictureFolder()
    x, y = place_of(80, 110)
    for number in range(_KEPT + 3):
        request = request_of((x - 2, y - 2, x + 2, y + 2), layers=("land_cover",))
        make_preview(scene, request, f"p{number}", pictures, Feedback())
    names = sorted(item.name for item in (tmp_path / "pictures").iterdir())
    assert len(names) == _KEPT and "p0_land_cover.tif" not in names
    pictures.clear()
    assert list((tmp_path / "pictures").iterdir()) == []


def roof(scene, request_of, x, y, **options):
    return find_roof(scene, RoofRequest(request_of((0, 0, 1, 1)).scene, x, y, **options), Feedback()).summary


def test_a_click_on_a_house_gives_its_card(scene, request_of):
    row, col, height, width = FIRST
    card = roof(scene, request_of, *place_of(row + 10, col + 10))
    assert card["found"]
    true = shapely.box(WEST + col * GSD, NORTH - (row + height) * GSD, WEST + (col + width) * GSD, NORTH - row * GSD)
    outline = shapely.from_wkt(card["outline_wkt"])
    assert outline.intersection(true).area / outline.union(true).area > 0.97
    assert card["roof_class"] == "gable" and 0.7 < card["roof_confidence"] <= 1
    assert card["area_m2"] == pytest.approx(true.area, rel=0.03)
    assert card["height_max_m"] == pytest.approx(6, abs=0.3)
    assert card["ground_m"] == pytest.approx(100, abs=0.3)
    assert card["slope_deg"] == pytest.approx(0, abs=5)
    assert card["building_confidence"] > 0.8


def test_the_card_tells_how_much_of_a_house_the_users_own_classes_cover(pair, red_model, tmp_path):
    spec = red_model.spec
    classes = (ClassSpec(1, "background", "#f0f0f0"), ClassSpec(2, "tiles", "#cc0000"))
    own = OutputSpec("classes", "classes", "other", classes, "softmax", tensor="land_cover")
    save_spec(replace(spec, outputs=(*spec.outputs[1:], own)), red_model.folder)
    scenes = Scenes()
    rasters = (RasterInput(str(pair["rgb"])), RasterInput(str(pair["dsm"])))
    seen = Scene(*rasters, str(red_model.folder), device="cpu", threads=1)
    row, col, *_ = FIRST
    card = find_roof(
        scenes.open(seen, Feedback()), RoofRequest(seen, *place_of(row + 10, col + 10)), Feedback()
    ).summary
    scenes.close()
    assert card["found"] and card["own_class"] == "tiles" and card["own_shares"] == {"tiles": 1.0}


def test_a_click_just_beside_a_house_means_it(scene, request_of):
    row, col, _, _ = FIRST
    assert roof(scene, request_of, *place_of(row - 2, col + 10))["found"]


def test_a_click_on_open_ground_finds_nothing(scene, request_of):
    card = roof(scene, request_of, *place_of(350, 350))
    assert card["found"] is False and "outline_wkt" not in card


def test_a_click_may_come_in_another_crs(scene, request_of):
    x, y = place_of(FIRST[0] + 10, FIRST[1] + 10)
    (lon,), (lat,) = transform("EPSG:25832", "EPSG:4326", [x], [y])
    assert roof(scene, request_of, lon, lat, crs="EPSG:4326")["found"]


def test_a_click_outside_is_explained(scene, request_of):
    with pytest.raises(RidgelineError) as caught:
        roof(scene, request_of, 0, 0)
    assert caught.value.code is ErrorCode.NO_OVERLAP


def test_a_house_larger_than_the_first_look_is_seen_whole(scene, request_of):
    # the second house is 25 m long; from its corner the first square, 32 m wide, cuts it
    outline = shapely.from_wkt(roof(scene, request_of, *place_of(204, 244))["outline_wkt"])
    xmin, ymin, xmax, ymax = outline.bounds
    assert (xmax - xmin, ymax - ymin) == pytest.approx((30 * GSD, 50 * GSD), abs=1.0)


def test_a_scene_is_opened_once_and_again_when_its_raster_changes(request_of, pair, tmp_path):
    scenes = Scenes()
    scene = request_of((0, 0, 1, 1)).scene
    first = scenes.open(scene, Feedback())
    assert scenes.open(scene, Feedback()) is first
    copy = tmp_path / "copy_rgb.tif"
    copy.write_bytes(pair["rgb"].read_bytes())
    other = Scene(RasterInput(str(copy)), None, scene.model, device="cpu")
    second = scenes.open(other, Feedback())
    with rasterio.open(copy, "r+") as dataset:
        dataset.write(np.full((3, 400, 400), 9, np.uint8))
    assert scenes.open(other, Feedback()) is not second
    scenes.close()
