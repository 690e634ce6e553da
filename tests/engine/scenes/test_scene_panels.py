"""Solar panels: fields of whole modules that lie on their roofs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.scenes.buildings import MODULE_M
from ridgeline.engine.scenes.panels import solar_panels
from ridgeline.engine.scenes.roofs import Roof

FORMS = ("flat", "gable", "hipped", "mono", "gambrel", "row")


@given(st.sampled_from(FORMS), st.floats(3, 60), st.floats(2.5, 40), st.integers(0, 999))
def test_panels_stay_on_their_roof_and_hold_whole_modules(form: str, length: float, width: float, seed: int) -> None:
    bounds = (-length / 2, -width / 2, length / 2, width / 2)
    for panel in solar_panels(np.random.default_rng(seed), Roof(1, form, {}), bounds):
        assert panel.kind == "panel"
        assert abs(panel.p) + panel.length / 2 <= length / 2 and abs(panel.q) + panel.width / 2 <= width / 2
        counts = [panel.length / side for side in MODULE_M]
        assert min(abs(count - round(count)) for count in counts) < 1e-6


def test_a_field_fills_a_good_part_of_a_slope() -> None:
    areas = []
    for seed in range(200):
        panels = solar_panels(np.random.default_rng(seed), Roof(2, "gable", {}), (-6, -4.5, 6, 4.5))
        assert len(panels) == 1
        areas.append(panels[0].length * panels[0].width)
        assert panels[0].q == pytest.approx(2.25) or panels[0].q == pytest.approx(-2.25)
    assert 10 < np.median(areas) < 45  # a gable house of 12 m by 9 m: 54 m2 a side


@pytest.mark.parametrize("form", ["pyramid", "revolved", "mansard", "arched"])
def test_roofs_of_other_forms_carry_none(form: str) -> None:
    assert solar_panels(np.random.default_rng(1), Roof(3, form, {}), (-10, -8, 10, 8)) == []


def test_no_module_lies_where_none_fits() -> None:
    for form in FORMS:
        assert solar_panels(np.random.default_rng(2), Roof(1, form, {}), (-1.2, -0.8, 1.2, 0.8)) == []
