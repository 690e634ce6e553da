"""Each roof class has the geometry that its definition names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from ridgeline.engine.classes import ROOF_CLASSES
from ridgeline.engine.scenes.footprints import Outline, composed, rectangle, regular_polygon
from ridgeline.engine.scenes.roof_choice import BALANCED, ROOF_IDS, choose_class, fits, make_roof
from ridgeline.engine.scenes.roofs import FORMS, Roof, roof_surface

STEP = np.float32(0.1)


def grid(outline: Outline):
    p0, q0, p1, q1 = outline.bounds
    p, q = np.meshgrid(np.arange(p0 + 0.05, p1, STEP, np.float32), np.arange(q0 + 0.05, q1, STEP, np.float32))
    return p, q, outline.contains(p, q)


def surface(form: str, outline: Outline, **values: float):
    p, q, inside = grid(outline)
    height, plane, _ = roof_surface(Roof(1, form, values), outline, p, q)
    return np.where(inside, height, np.nan), plane, p, q


def aspects(height: np.ndarray) -> set[tuple[int, int]]:
    """Directions in which the roof falls, as signs, where at least 3 % of it falls so."""
    gq, gp = np.gradient(height, float(STEP))
    known = np.isfinite(gp) & np.isfinite(gq) & (np.hypot(gp, gq) > 0.05) & (np.hypot(gp, gq) < 5)
    signs, counts = np.unique(
        np.c_[np.sign(np.round(gp[known], 2)), np.sign(np.round(gq[known], 2))].astype(int), axis=0, return_counts=True
    )
    return {tuple(map(int, s)) for s, c in zip(signs, counts) if c > 0.03 * known.sum()}


def test_a_gable_has_two_planes_and_one_level_ridge_as_long_as_the_eaves() -> None:
    height, plane, _p, q = surface("gable", rectangle(12, 8), slope=0.5)
    assert set(np.unique(plane)) == {1, 2}
    assert aspects(height) == {(0, 1), (0, -1)}
    assert height.max() == pytest.approx(0.5 * 4, abs=0.06)
    ridge = np.abs(q) < 0.06
    assert np.ptp(height[ridge]) < 1e-4  # level, from gable to gable


def test_a_gable_with_a_shifted_ridge_keeps_both_eaves_level() -> None:
    height, _, _, q = surface("gable", rectangle(12, 8), slope=0.5, ridge_offset=0.4)
    assert abs(height[0].mean() - height[-1].mean()) < 0.1
    assert q[np.unravel_index(np.argmax(height), height.shape)] == pytest.approx(0.4 * 4, abs=0.1)


def test_wings_of_a_gabled_l_meet_in_a_valley() -> None:
    outline = composed("L", 16, 12, 6)
    height, _plane, _, _ = surface("gable", outline, slope=0.5)
    assert len(aspects(height)) == 4
    assert np.nanmax(height) == pytest.approx(1.5, abs=0.06)
    assert np.nanmin(height) >= 0


def test_a_gambrel_is_steeper_below_than_above_and_has_upright_gables() -> None:
    height, _plane, _p, _q = surface("gambrel", rectangle(14, 10), steep=2.0, slope=0.4, knee=1.5)
    assert aspects(height) == {(0, 1), (0, -1)}
    slopes = np.abs(np.gradient(height[:, 70], float(STEP)))
    assert slopes[5] == pytest.approx(2.0, abs=0.05)
    assert slopes[30] == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_row_roof_repeats_one_bay(kind: int) -> None:
    height, _, _, _ = surface("row", rectangle(24, 10), bays=4, rise=2.0, kind=kind)
    profile = height[20]
    bay = len(profile) // 4
    for k in range(1, 4):
        assert np.allclose(profile[:bay], profile[k * bay : (k + 1) * bay], atol=0.15)
    _, ridges = label(profile > 1.6)
    assert ridges == 4
    assert np.ptp(height, axis=0).max() < 1e-4


def test_multiple_eaves_step_up_inside_the_lower_outline() -> None:
    height, _, _, _ = surface("multiple_eave", rectangle(16, 12), tiers=2, inset=2.0, step=2.5, slope=0.4)
    profile = height[:, 80]
    jumps = np.flatnonzero(np.abs(np.diff(profile)) > 1.5)
    assert len(jumps) == 2  # up to the upper tier and down again
    assert jumps[0] == pytest.approx(20, abs=1)


def test_a_simple_hip_has_four_aspects_and_a_short_level_ridge() -> None:
    height, plane, p, _q = surface("hipped", rectangle(16, 8), slope=0.5)
    assert set(np.unique(plane)) == {1, 2, 3, 4}
    assert aspects(height) == {(0, 1), (0, -1), (1, 0), (-1, 0)}
    ridge = p[height > 2.0 - 0.06]
    assert np.ptp(ridge) == pytest.approx(16 - 8, abs=0.4)


@pytest.mark.parametrize("kind", ["L", "T", "U", "Z", "cross"])
def test_a_composed_hip_rises_from_every_side_of_its_outline(kind: str) -> None:
    outline = composed(kind, 18, 14, 5.5)
    height, _, p, q = surface("hipped", outline, slope=0.5)
    depth = outline.depth(p, q)
    rim = np.isfinite(height) & (depth < 0.2)
    assert height[rim].max() < 0.12
    assert len(aspects(height)) == 4
    assert np.nanmax(height) >= 0.5 * 5.5 / 2 - 0.06


def test_a_half_hip_cuts_only_the_gables_tops() -> None:
    height, _, _p, _q = surface("gable", rectangle(14, 8), slope=0.8, half_hip=0.7, end_slope=0.9)
    assert aspects(height) == {(0, 1), (0, -1), (1, 0), (-1, 0)}
    assert height[40, 0] == pytest.approx(0.8 * 4 * 0.3, abs=0.15)


def test_a_mansard_is_steeper_below_on_all_four_sides() -> None:
    height, _, _, _ = surface("mansard", rectangle(16, 12), steep=2.5, slope=0.2, knee=1.5)
    for profile in (height[:, 80], height[::-1, 80], height[60], height[60, ::-1]):
        slopes = np.diff(profile) / STEP
        assert slopes[5] == pytest.approx(2.5, abs=0.1)
        assert slopes[25] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("outline", [rectangle(9, 9), regular_polygon(6, 5), regular_polygon(8, 5)])
def test_planes_of_a_pyramid_meet_in_one_point(outline: Outline) -> None:
    height, plane, p, q = surface("pyramid", outline, rise=3.0)
    top = np.unravel_index(np.nanargmax(height), height.shape)
    assert np.hypot(p[top], q[top]) < 0.15
    assert np.nanmax(height) == pytest.approx(3.0, abs=0.15)
    assert (height > 2.8).sum() < 0.02 * np.isfinite(height).sum()
    sides = len(outline.corners) or 4
    assert len(np.unique(plane[np.isfinite(height)])) == sides


def test_a_vault_is_an_arc_across_and_straight_along() -> None:
    height, _, _, q = surface("arched", rectangle(20, 10), rise=3.0)
    assert np.ptp(height, axis=1).max() < 1e-4
    half, rise = 5.0, 3.0
    radius = (half**2 + rise**2) / (2 * rise)
    assert np.allclose(height[:, 0], np.sqrt(radius**2 - q[:, 0] ** 2) - (radius - rise), atol=1e-3)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_revolved_roofs_height_depends_on_the_distance_from_its_centre_alone(kind: int) -> None:
    height, _, p, q = surface("revolved", Outline(radius=6.0), rise=3.0, kind=kind)
    rho = np.hypot(p, q)
    for ring in (1.0, 3.0, 5.0):
        assert np.ptp(height[np.abs(rho - ring) < 0.02]) < 0.08
    assert np.nanmax(height) == pytest.approx(3.0, abs=0.1)


def test_a_flat_roof_is_level_inside_its_parapet() -> None:
    height, _, _, _ = surface("flat", rectangle(12, 8), parapet=0.6, parapet_width=0.4)
    assert np.allclose(height[6:-6, 6:-6], 0)
    assert np.allclose(height[0], 0.6)


def test_a_single_slope_is_one_plane() -> None:
    height, plane, _, _ = surface("mono", rectangle(8, 5), slope=0.2)
    assert set(np.unique(plane)) == {1}
    assert aspects(height) == {(0, 1)}


def test_every_roof_class_can_be_drawn_and_every_form_is_used() -> None:
    rng = np.random.default_rng(4)
    used = set()
    for info in ROOF_CLASSES:
        for _ in range(60):
            roof, _ = make_roof(rng, info.name, 24.0, 14.0, 0.6)
            assert roof.roof_class == info.id
            used.add(roof.form)
    assert used == set(FORMS)


@given(
    name=st.sampled_from(sorted(ROOF_IDS)),
    length=st.floats(4, 80),
    ratio=st.floats(0.3, 1),
    pitch=st.floats(0.15, 1.2),
    seed=st.integers(0, 10_000),
)
def test_roofs_are_finite_and_stay_on_their_plot(name: str, length: float, ratio: float, pitch: float, seed: int):
    width = max(length * ratio, 2.0)
    if not fits(name, length, width):
        return
    roof, outline = make_roof(np.random.default_rng(seed), name, length, width, pitch)
    p0, q0, p1, q1 = outline.bounds
    assert p1 - p0 <= length + 0.01
    assert q1 - q0 <= max(width, 7.6) + 0.01
    p, q = np.meshgrid(np.linspace(p0, p1, 40, dtype=np.float32), np.linspace(q0, q1, 40, dtype=np.float32))
    height, plane, along = roof_surface(roof, outline, p, q)
    inside = outline.contains(p, q)
    assert height.shape == plane.shape == along.shape == p.shape
    assert np.isfinite(height[inside]).all()
    # the steepest slope that is drawn, 1.4, over half of the plot's width
    assert -0.5 <= height[inside].min() and height[inside].max() < max(40, 0.71 * width)
    assert plane[inside].min() >= 1 and plane[inside].max() < 256


def test_a_hip_is_never_put_on_a_plot_that_it_does_not_fit() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        length, width = rng.uniform(5, 60), rng.uniform(2, 5)
        name = choose_class(rng, {"gable": 1.0}, 1.0, length, width)
        assert name in BALANCED and fits(name, length, width)
