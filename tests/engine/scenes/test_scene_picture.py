"""Pictures: light, shadow, walls, registration and the file format's marks."""

from dataclasses import replace

import numpy as np
import pytest

from ridgeline.engine.scenes.canvas import Canvas
from ridgeline.engine.scenes.chip import SceneConfig, make_chip
from ridgeline.engine.scenes.picture import PictureConfig, draw_picture_config, jpeg_like, take_picture
from ridgeline.engine.scenes.sensor import SensorConfig

CLEAN = PictureConfig(haze=0, blur_px=0, noise=0, azimuth=0.0, elevation=0.8, metered=0.4)


@pytest.fixture
def block() -> Canvas:
    """A grey block 6 m high on grey ground; the sun stands to the right."""
    canvas = Canvas.blank(0.5, 0, 0, 120, 120)
    canvas.albedo[:] = 0.2
    canvas.surface[50:70, 50:70] = 6.0
    canvas.building[50:70, 50:70] = 1
    return canvas


def take(canvas: Canvas, config: PictureConfig) -> np.ndarray:
    return take_picture(canvas, config, np.random.default_rng(0)).astype(int)


def test_shadows_fall_away_from_the_sun(block: Canvas) -> None:
    picture = take(block, CLEAN)[1]
    shadow, sunny = picture[55:65, 42:48].mean(), picture[55:65, 74:80].mean()
    assert shadow < 0.75 * sunny


def test_slopes_towards_the_sun_are_brighter() -> None:
    canvas = Canvas.blank(0.5, 0, 0, 60, 60)
    canvas.albedo[:] = 0.2
    canvas.surface[:] = np.where(np.arange(60) < 30, np.arange(60), 60 - np.arange(60)) * 0.25
    picture = take(canvas, CLEAN)[1]
    assert picture[30, 45] > picture[30, 15] + 20


def test_walls_show_on_the_leaning_side_and_roofs_stay(block: Canvas) -> None:
    plain = take(block, replace(CLEAN, lean_angle=np.pi / 2))
    leaning = take(block, replace(CLEAN, lean=0.25, lean_angle=np.pi / 2))
    changed = (plain != leaning).any(axis=0)
    assert not changed[50:70, 50:70].any()
    rows, cols = np.nonzero(changed)
    assert 70 <= rows.min() and rows.max() <= 70 + 6 * 0.25 / 0.5 + 1
    assert 50 <= cols.min() and cols.max() < 70


def test_a_shift_moves_the_picture_only() -> None:
    config = SceneConfig(size=96, feet=0, sensor=SensorConfig(kind="exact"), picture=CLEAN)
    straight = make_chip(4, 2, config)
    moved = make_chip(4, 2, replace(config, picture=replace(CLEAN, shift=(2, -3))))
    assert straight.flags.registered and not moved.flags.registered
    assert np.array_equal(straight.surface, moved.surface)
    assert np.array_equal(straight.land_cover, moved.land_cover)
    assert np.array_equal(moved.rgb[:, 10:60, 10:60], straight.rgb[:, 8:58, 13:63])


def test_registered_light_is_never_shifted() -> None:
    rng = np.random.default_rng(1)
    assert all(draw_picture_config(rng, True).shift == (0, 0) for _ in range(200))
    assert any(draw_picture_config(rng, False).shift != (0, 0) for _ in range(50))


def test_a_lower_quality_loses_more() -> None:
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(128, 40, (3, 50, 70)), 0, 255).astype(np.float32)
    errors = [np.abs(jpeg_like(image, quality) - image).mean() for quality in (95, 60, 25)]
    assert errors[0] < errors[1] < errors[2]
    flat = np.full((3, 16, 16), 100, np.float32)
    assert np.abs(jpeg_like(flat, 90) - flat).max() < 4


def test_exposure_follows_the_scene() -> None:
    dark, bright = Canvas.blank(0.5, 0, 0, 64, 64), Canvas.blank(0.5, 0, 0, 64, 64)
    dark.albedo[:], bright.albedo[:] = 0.03, 0.7
    pictures = [take(c, replace(CLEAN, metered=None)).mean() for c in (dark, bright)]
    assert 60 < pictures[0] < pictures[1] < 200
