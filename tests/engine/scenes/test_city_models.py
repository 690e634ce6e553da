"""True roofs: the readers, the roof classes, and cities dressed with surroundings."""

import json

import numpy as np
import pytest
import rasterio
from shapely.geometry import shape

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.scenes.chip import SceneConfig, make_chip, render
from ridgeline.engine.scenes.city import ROOF_IDS, City, CityRoof, plane_of, read_city, roof_class_of
from ridgeline.engine.scenes.dressed import dress_city
from ridgeline.engine.scenes.surveyed import settle, surveyed_buildings
from ridgeline.engine.scenes.town import draw_plan

HALF = 4.0


def _roof(planes: list[list[tuple[float, float, float]]], code: str = "") -> CityRoof:
    return CityRoof("r", "b", tuple((np.array(ring, float),) for ring in planes), 0.0, code)


def gable() -> CityRoof:
    return _roof(
        [[(0, 0, 3), (10, 0, 3), (10, HALF, 6), (0, HALF, 6)], [(0, HALF, 6), (10, HALF, 6), (10, 8, 3), (0, 8, 3)]]
    )


def hip(ridge: float) -> CityRoof:
    a, b = 5 - ridge / 2, 5 + ridge / 2
    return _roof(
        [
            [(0, 0, 3), (10, 0, 3), (b, 4, 6), (a, 4, 6)],
            [(0, 8, 3), (a, 4, 6), (b, 4, 6), (10, 8, 3)],
            [(0, 0, 3), (a, 4, 6), (0, 8, 3)],
            [(10, 0, 3), (10, 8, 3), (b, 4, 6)],
        ]
    )


@pytest.mark.parametrize(
    ("roof", "name"),
    [
        (gable(), "gable"),
        (hip(4.0), "hipped_v1"),
        (hip(0.0), "pyramid"),
        (_roof([[(0, 0, 3), (5, 0, 3), (5, 5, 3), (0, 5, 3)]]), "flat"),
        (_roof([[(0, 0, 3), (5, 0, 3), (5, 5, 4), (0, 5, 4)]]), "other"),
    ],
)
def test_planes_without_a_type_tell_the_class_where_they_leave_no_doubt(roof: CityRoof, name: str) -> None:
    assert roof_class_of(roof) == ROOF_IDS[name]


def test_a_files_own_roof_type_goes_before_the_planes() -> None:
    assert roof_class_of(_roof([[(0, 0, 3), (5, 0, 3), (5, 5, 3), (0, 5, 3)]], "3100")) == ROOF_IDS["gable"]
    square = [(0, 0, 3), (9, 0, 3), (9, 6, 3), (0, 6, 3)]
    bent = [(0, 0, 3), (9, 0, 3), (9, 4, 3), (4, 4, 3), (4, 9, 3), (0, 9, 3)]
    assert roof_class_of(_roof([square], "3200")) == ROOF_IDS["hipped_v1"]
    assert roof_class_of(_roof([bent], "3200")) == ROOF_IDS["hipped_v2"]


def test_a_plane_is_fitted_exactly() -> None:
    ring = np.array([(280900.0, 5657500.0, 40.0), (280910.0, 5657500.0, 40.0), (280910.0, 5657505.0, 42.5)])
    a, b, c = plane_of(ring)
    assert (a, b) == (pytest.approx(0, abs=1e-9), pytest.approx(0.5))
    assert a * 280905 + b * 5657502 + c == pytest.approx(41.0, abs=1e-5)


def test_citygml_gives_every_roof_with_its_true_type(shared_data) -> None:
    city = read_city(shared_data / "lod2" / "LoD2_32_280_5657_1_NW.gml")
    truth = json.loads((shared_data / "lod2" / "nrw_32_280_5657_footprints_rooftype.geojson").read_text())
    assert city.epsg == 25832
    assert len(city.roofs) == len(truth["features"])
    by_id = {f["properties"]["id"]: f for f in truth["features"]}
    for roof in city.roofs:
        feature = by_id[roof.id]
        assert roof.code == feature["properties"]["roofType"]
        assert len(roof.rings) >= feature["properties"]["n_roof_surfaces"]
        outline = shape(feature["geometry"])
        assert roof.outline().symmetric_difference(outline).area < 0.05 * outline.area + 0.5


@pytest.mark.parametrize(
    ("name", "count", "surfaces"),
    [("zurich_subset_lod2.json", 161, 644), ("DH_01_subs.city.json", 9, 13), ("rotterdam_subset.json", 16, 41)],
)
def test_cityjson_of_versions_1_and_2_gives_every_roof(shared_data, name: str, count: int, surfaces: int) -> None:
    city = read_city(shared_data / "lod2" / name)
    assert len(city.roofs) == count
    assert sum(len(roof.rings) for roof in city.roofs) == surfaces
    assert all(roof.ground < max(r[0][:, 2].max() for r in roof.rings) for roof in city.roofs)
    if name.startswith("zurich"):
        assert city.epsg == 2056


def test_a_dressed_city_keeps_the_surveyed_geometry(shared_data) -> None:
    city = read_city(shared_data / "lod2" / "LoD2_32_280_5657_1_NW.gml")
    few = City(city.roofs[:25], city.epsg)
    dressed = dress_city(few, 3)
    again = dress_city(few, 3)
    assert dressed.chip.rgb.tobytes() == again.chip.rgb.tobytes()
    assert dressed.chip.surface.tobytes() == again.chip.surface.tobytes()
    with rasterio.open(shared_data / "lod2" / "nrw_32_280_5657_rooftype.tif") as source:
        types = source.read(1)
        row0, col0 = source.index(dressed.xmin + 0.125, dressed.ymax - 0.125)
    checked = 0
    for number, roof in enumerate(dressed.roofs, start=1):
        rows, cols = np.nonzero(dressed.chip.building_id == number)
        if len(rows) < 50:
            continue
        inside = (
            (rows + row0 >= 0) & (rows + row0 < types.shape[0]) & (cols + col0 >= 0) & (cols + col0 < types.shape[1])
        )
        there = types[rows[inside] + row0, cols[inside] + col0] > 0
        assert there.mean() > 0.9
        assert (dressed.chip.roof_class[rows, cols] == roof_class_of(roof)).all()
        top = dressed.chip.height_above_ground[rows, cols].max()
        highest = max(ring[0][:, 2].max() for ring in roof.rings) - roof.ground
        assert top == pytest.approx(highest, abs=1.0)
        checked += 1
    assert checked > 10


def test_surveyed_buildings_settle_on_plots_that_they_fit(shared_data) -> None:
    city = read_city(shared_data / "lod2" / "zurich_subset_lod2.json")
    choices = surveyed_buildings(city)
    assert len(choices) > 20
    rng = np.random.default_rng(6)
    plan = draw_plan(rng, (0.0, 0.0, 150.0, 150.0), {"suburb": 1.0}, 0.2, 0.1)
    before = len(plan.buildings)
    replaced = settle(plan, choices, rng, 1.0)
    assert 3 < replaced == before - len(plan.buildings)
    ids = [b.id for b in plan.buildings] + [s.id for s in plan.solids]
    assert len(set(ids)) == len(ids)
    canvas = render(plan, 0.5, 0, 0, 300, 300)
    solid_ids = np.isin(canvas.building, [s.id for s in plan.solids])
    assert solid_ids.sum() > 200
    above = (canvas.surface - canvas.ground)[solid_ids]
    assert 1.5 < np.median(above) < 40


def test_chips_with_surveyed_roofs_are_deterministic(shared_data) -> None:
    path = str(shared_data / "lod2" / "zurich_subset_lod2.json")
    config = SceneConfig(size=96, cities=(path,), styles={"suburb": 1.0})
    one, two = make_chip(1, 4, config), make_chip(1, 4, config)
    assert one.surface.tobytes() == two.surface.tobytes() and one.rgb.tobytes() == two.rgb.tobytes()


def test_faults_name_the_file_and_what_to_do(tmp_path) -> None:
    cases = {
        "no.gml": (None, ErrorCode.INPUT_MISSING),
        "a.txt": ("x", ErrorCode.INPUT_UNREADABLE),
        "b.gml": ("<a><b></a>", ErrorCode.INPUT_UNREADABLE),
        "c.gml": ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", ErrorCode.INPUT_UNREADABLE),
        "d.json": ('{"type": "Feature"}', ErrorCode.INPUT_UNREADABLE),
        "e.json": ('{"type": "CityJSON", "vertices": [], "CityObjects": {}}', ErrorCode.INPUT_UNREADABLE),
        "f.json": ("{", ErrorCode.INPUT_UNREADABLE),
    }
    for name, (text, code) in cases.items():
        path = tmp_path / name
        if text is not None:
            path.write_text(text)
        with pytest.raises(RidgelineError) as caught:
            read_city(path)
        assert caught.value.code == code and name in caught.value.message and caught.value.hint
