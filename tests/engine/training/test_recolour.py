"""Roofs in other colours: whole roofs, no other pixel, and their texture stays."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.training.recolour import recoloured

BUILDING = np.zeros((48, 48), np.int64)
BUILDING[4:20, 4:20], BUILDING[26:44, 26:44] = 1, 2
COVER = np.where(BUILDING > 0, 2, 4).astype(np.int64)  # buildings among trees: trees keep their colour


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(60, 120, (3, 48, 48)).astype(np.float32)


@given(st.integers(0, 200))
@settings(max_examples=40, deadline=None)
def test_a_roof_changes_as_a_whole_and_keeps_its_texture(seed: int) -> None:
    rgb = picture(seed)
    changed = recoloured(rgb, BUILDING, COVER, 1.0, np.random.default_rng(seed))
    for number in (1, 2):
        inside = np.zeros_like(BUILDING, bool)
        rows, cols = np.nonzero(BUILDING == number)
        inside[rows.min() + 3 : rows.max() - 2, cols.min() + 3 : cols.max() - 2] = True
        for band in range(3):
            unclipped = inside & (changed[band] < 255)
            ratio = changed[band][unclipped] / rgb[band][unclipped]
            assert ratio.size == 0 or np.ptp(ratio) < 1e-3 * ratio.max()


def test_what_is_neither_roof_nor_ground_stays_beyond_the_blur_of_an_edge() -> None:
    rgb = picture(3)
    changed = recoloured(rgb, BUILDING, COVER, 1.0, np.random.default_rng(3))
    assert not np.allclose(changed[:, BUILDING == 1], rgb[:, BUILDING == 1])
    assert np.array_equal(changed[:, 22:24, 0:22], rgb[:, 22:24, 0:22])
    assert np.array_equal(changed[:, :, 46:], rgb[:, :, 46:])


def test_colours_of_roofs_do_not_tell_them_from_the_ground() -> None:
    grey = np.full((3, 48, 48), 128.0, np.float32)
    cover = np.where(BUILDING > 0, 2, 1).astype(np.int64)
    roofs, grounds = [], []
    for seed in range(300):
        changed = recoloured(grey, BUILDING, cover, 1.0, np.random.default_rng(seed))
        roofs.append(changed[:, 10, 10])
        grounds.append(changed[:, 10, 40])
    roofs, grounds = np.array(roofs), np.array(grounds)
    assert roofs.std(axis=0).min() > 30
    assert np.abs(roofs.mean(axis=0) - grounds.mean(axis=0)).max() < 40


def test_nothing_changes_where_nothing_is_asked_for() -> None:
    rgb = picture(5)
    assert recoloured(rgb, BUILDING, COVER, 0.0, np.random.default_rng(5)) is rgb


def test_roofs_wall_to_wall_can_change_together() -> None:
    terrace = np.zeros((48, 48), np.int64)
    terrace[8:24, 4:16], terrace[8:24, 16:28], terrace[8:24, 28:40], terrace[32:44, 8:24] = 1, 2, 5, 3
    grey = np.full((3, 48, 48), 128.0, np.float32)
    apart = 0
    for seed in range(40):
        together = recoloured(grey, terrace, COVER, 1.0, np.random.default_rng(seed), rows=1.0)
        row, house = [together[:, 16, column] for column in (9, 22, 34)], together[:, 38, 16]
        assert np.allclose(row, row[0], atol=1e-3)
        apart += not np.allclose(row[0], house, atol=1.0)
        alone = recoloured(grey, terrace, COVER, 1.0, np.random.default_rng(seed), rows=0.0)
        assert not np.allclose(alone[:, 16, 9], alone[:, 16, 34], atol=1.0)
    assert apart >= 38


def test_ground_changes_as_often_as_it_is_told() -> None:
    ground = np.full_like(COVER, 1)
    grey = np.full((3, 48, 48), 100, np.float32)
    free = np.zeros_like(BUILDING)
    changed = [
        [not np.array_equal(recoloured(grey, free, ground, 0.8, np.random.default_rng(seed), ground=share), grey)
         for seed in range(300)]
        for share in (0.0, 0.25, 1.0)
    ]  # fmt: skip
    assert not any(changed[0]) and 30 < sum(changed[1]) < 90 and sum(changed[2]) > 210
