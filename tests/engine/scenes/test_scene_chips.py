"""Chips: deterministic, labels agree with each other and with the heights."""

from dataclasses import replace

import numpy as np
import pytest

from ridgeline.engine.classes import LAND_COVER
from ridgeline.engine.scenes.canvas import Canvas
from ridgeline.engine.scenes.chip import TILT, SceneChip, SceneConfig, make_chip, render
from ridgeline.engine.scenes.sensor import SensorConfig
from ridgeline.engine.scenes.styles import STYLE_WEIGHTS, STYLES
from ridgeline.engine.scenes.town import draw_plan

IDS = {info.name: info.id for info in LAND_COVER}
EXACT = SceneConfig(size=160, sensor=SensorConfig(kind="exact"), feet=0.0, offset_m=0.0)


def arrays(chip: SceneChip) -> dict[str, np.ndarray]:
    return {name: value for name, value in vars(chip).items() if isinstance(value, np.ndarray)}


@pytest.fixture(scope="module")
def chips() -> list[SceneChip]:
    return [make_chip(5, k, replace(EXACT, styles={name: 1.0})) for k, name in enumerate(STYLES)]


def test_the_same_seed_and_index_give_the_same_bits() -> None:
    config = SceneConfig(size=128, margin=16)
    one, two = make_chip(3, 8, config), make_chip(3, 8, config)
    assert one.gsd == two.gsd and one.flags == two.flags
    for name, array in arrays(one).items():
        assert array.tobytes() == arrays(two)[name].tobytes(), name


def test_other_seeds_and_indices_give_other_scenes() -> None:
    config = SceneConfig(size=96)
    pictures = {make_chip(s, k, config).rgb.tobytes() for s in (1, 2) for k in (0, 1)}
    assert len(pictures) == 4


def test_shapes_and_types_are_as_promised() -> None:
    chip = make_chip(1, 1, SceneConfig(size=96, margin=20))
    expected = {
        "rgb": (np.uint8, (3, 96, 96)),
        "surface": (np.float32, (136, 136)),
        "land_cover": (np.uint8, (96, 96)),
        "roof_class": (np.uint8, (96, 96)),
        "building_id": (np.int32, (96, 96)),
        "boundary": (np.bool_, (96, 96)),
        "distance": (np.float32, (96, 96)),
        "height_above_ground": (np.float32, (96, 96)),
        "roof_plane": (np.int32, (96, 96)),
    }
    assert {name: (a.dtype.type, a.shape) for name, a in arrays(chip).items()} == expected
    assert 0.2 <= chip.gsd <= 0.6


def test_every_kind_of_place_draws(chips: list[SceneChip]) -> None:
    assert set(STYLES) == set(STYLE_WEIGHTS)
    assert sum(chip.land_cover.min() >= 1 for chip in chips) == len(chips)
    seen = np.unique(np.concatenate([chip.land_cover.ravel() for chip in chips]))
    assert set(seen) == set(IDS.values())


def test_labels_agree_with_each_other(chips: list[SceneChip]) -> None:
    for chip in chips:
        roof = chip.land_cover == IDS["building"]
        assert np.array_equal(roof, chip.building_id > 0)
        assert np.array_equal(roof, chip.roof_class > 0)
        assert np.array_equal(roof, chip.roof_plane > 0)
        assert not (chip.boundary & ~roof).any()
        assert (chip.distance[~roof] <= 0).all() and (chip.distance[roof] >= 0).all()
        assert (chip.distance[chip.boundary] == 0).all()
        for k in np.unique(chip.building_id[roof]):
            assert len(np.unique(chip.roof_class[chip.building_id == k])) == 1
        for plane in np.unique(chip.roof_plane[roof])[:20]:
            assert len(np.unique(chip.building_id[chip.roof_plane == plane])) == 1


def test_buildings_and_trees_stand_above_the_ground(chips: list[SceneChip]) -> None:
    for chip in chips:
        above = chip.height_above_ground
        roof = chip.land_cover == IDS["building"]
        if roof.any():
            assert np.quantile(above[roof], 0.05) > 1.2
        paved = above[chip.land_cover == IDS["impervious_surface"]]
        assert (paved < 0.6).sum() >= 0.6 * len(paved)  # the rest are bridges
        low = above[chip.land_cover == IDS["low_vegetation"]]
        assert (low < 2.0).sum() >= 0.99 * len(low)
        tree = chip.land_cover == IDS["tree"]
        if tree.sum() > 200:
            assert np.median(above[tree]) > 1.0


def test_an_exact_sensor_gives_heights_that_step_at_every_free_standing_wall(chips: list[SceneChip]) -> None:
    for chip in chips:
        edge = chip.boundary[:, 1:] & (chip.land_cover[:, :-1] == IDS["impervious_surface"])
        if edge.sum() < 30:
            continue
        step = (chip.surface[:, 1:] - chip.surface[:, :-1])[edge]
        assert np.median(step) > 1.2


def test_every_pair_of_touching_buildings_is_parted_by_a_boundary(chips: list[SceneChip]) -> None:
    for chip in chips:
        a, b = chip.building_id[:, 1:], chip.building_id[:, :-1]
        touching = (a != b) & (a > 0) & (b > 0)
        assert chip.boundary[:, 1:][touching].all() and chip.boundary[:, :-1][touching].all()


def test_windows_of_one_plan_fit_together() -> None:
    plan = draw_plan(np.random.default_rng(2), (0.0, 0.0, 80.0, 80.0), {"town": 1.0}, 0.3, 0.2)
    whole = render(plan, 0.5, 0, 0, 160, 160)
    part = render(plan, 0.5, 40, 60, 80, 70)
    for name in ("ground", "surface", "albedo", "cover", "roof_class", "building", "plane", "canopy"):
        cut = getattr(whole, name)[..., 40:120, 60:130]
        assert np.array_equal(getattr(part, name), cut), name


def test_feet_and_offsets_are_flagged() -> None:
    metres = make_chip(2, 0, replace(EXACT, size=64))
    feet = make_chip(2, 0, replace(EXACT, size=64, feet=1.0))
    assert feet.flags.feet and not metres.flags.feet
    assert np.allclose(feet.surface * 0.3048, metres.surface, atol=1e-3)
    high = make_chip(2, 0, replace(EXACT, size=64, offset_m=900.0))
    assert np.allclose(high.surface - high.flags.offset_m, metres.surface, atol=1e-3)


def test_holes_are_nan_in_the_heights_and_nowhere_else() -> None:
    config = replace(EXACT, size=64, sensor=SensorConfig(kind="exact", hole_share=0.15))
    some = [make_chip(2, k, config) for k in range(100)]
    assert 0.03 < np.mean([np.isnan(chip.surface).mean() for chip in some]) < 0.5
    assert all(np.isfinite(chip.height_above_ground).all() for chip in some)


def test_fields_without_a_building_occur() -> None:
    config = replace(EXACT, size=64, styles={"open_land": 1.0})
    shares = [(make_chip(9, k, config).building_id > 0).mean() for k in range(12)]
    assert 0.0 in shares


def test_trees_hide_roofs_from_the_labels() -> None:
    canvas = Canvas.blank(0.25, 0, 0, 80, 80)
    from ridgeline.engine.scenes.buildings import Building, draw_building
    from ridgeline.engine.scenes.footprints import rectangle
    from ridgeline.engine.scenes.roofs import Roof
    from ridgeline.engine.scenes.vegetation import Tree, draw_tree

    grey = (0.3, 0.3, 0.3)
    draw_building(
        canvas,
        Building(1, 10, 10, 0.3, rectangle(10, 8), Roof(2, "gable", {"slope": 0.5}), 0, 3, grey, grey, 0, "tile"),
    )
    before = (canvas.building > 0).sum()
    assert before == pytest.approx(10 * 8 / 0.25**2, rel=0.03)
    draw_tree(canvas, Tree(10, 7, 3.0, 12.0, "round", grey, 0.1, 0.0, 4), 0.0)
    hidden = canvas.canopy & ~np.isnan(canvas.roof_surface)
    assert hidden.any()
    assert (canvas.cover[canvas.canopy] == IDS["tree"]).all()
    assert (canvas.roof_class[canvas.canopy] == 0).all()
    assert (canvas.building > 0).sum() < before


def test_a_tilted_chip_is_the_same_place_on_a_slope_and_has_no_roof_classes() -> None:
    config = replace(EXACT, size=64, tilted=1.0)
    chips = [make_chip(2, index, config) for index in range(3)]
    for index, tilted in enumerate(chips):
        flat = make_chip(2, index, replace(config, tilted=0.0))
        dx, dy = tilted.flags.tilt
        assert 0 < np.hypot(dx, dy) <= TILT
        rise_y, rise_x = np.gradient(tilted.surface - flat.surface, flat.gsd)
        assert np.allclose(rise_x, dx, atol=1e-2) and np.allclose(rise_y, dy, atol=1e-2)
        assert np.array_equal(tilted.building_id, flat.building_id)
        assert not tilted.roof_class.any()


def test_clipped_plants_are_flat_and_smooth_and_others_are_not() -> None:
    from ridgeline.engine.scenes.vegetation import Hedge, Tree, draw_hedge, draw_tree

    def heights(key: int, plant: str) -> np.ndarray:
        canvas = Canvas.blank(0.25, 0, 0, 80, 80)
        grey = (0.2, 0.3, 0.1)
        if plant == "hedge":
            draw_hedge(canvas, Hedge(3, 10, 17, 10, 2.0, 2.5, grey, 0.2, key))
        else:
            draw_tree(canvas, Tree(10, 10, 4.0, 8.0, "round", grey, 0.2, 0.0, key), 0.0)
        return canvas.surface[canvas.canopy]

    for plant, height in (("hedge", 2.5), ("tree", 8.0)):
        clipped = [heights(key, plant) for key in range(4)]
        ragged = [heights(512 + key, plant) for key in range(4)]
        assert np.mean([item.std() for item in clipped]) < 0.85 * np.mean([item.std() for item in ragged])
        assert np.mean([np.median(item) for item in clipped]) > 0.75 * height
