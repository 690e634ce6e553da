"""Mixed samples: each pixel is wholly of one place."""

from dataclasses import fields

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.training.crops import Crop
from ridgeline.engine.training.mix import mixed


def _crop(value: int, side: int) -> Crop:
    layers = {field.name: np.full((side, side), value) for field in fields(Crop)}
    layers["rgb"], layers["channels"] = np.full((3, side, side), value), np.full((6, side, side), value)
    return Crop(**layers)


@given(st.integers(0, 10_000), st.sampled_from([32, 64, 96]))
@settings(max_examples=40, deadline=None)
def test_every_layer_changes_in_the_same_rectangle(seed: int, side: int) -> None:
    one, other = _crop(0, side), _crop(1, side)
    crop = mixed(one, other, np.random.default_rng(seed))
    inside = crop.known == 1
    rows, cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert inside[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].all()
    assert inside.sum() == len(rows) * len(cols)
    assert 0 < inside.mean() < 0.7
    for field in fields(Crop):
        layer = getattr(crop, field.name)
        assert (layer == inside).all()
    assert (one.rgb == 0).all()
    assert (other.rgb == 1).all()
