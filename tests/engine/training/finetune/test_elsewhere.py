"""Where nothing is labelled, what few buildings taught does not make buildings many or few."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch
from finetune_helpers import lesson_of, tile, tiny_model, town
from hypothesis import given, settings
from hypothesis import strategies as st

from ridgeline.engine.training.finetune.elsewhere import Labelled, Witness, look, steady, steadying_shift
from ridgeline.engine.training.finetune.samples import MARGIN_PX, TILE_PX, Seen

PIXELS = 100_000


def witness(share, seed=0):
    """Logits of which this share lies above zero."""
    return Witness(np.random.default_rng(seed).normal(0, 1, PIXELS).astype(np.float32) + _offset(share))


def _offset(share):
    return np.float32(NormalDist().inv_cdf(share))


@settings(max_examples=40)
@given(st.floats(0.05, 0.6), st.floats(0.05, 0.6), st.integers(1, 500))
def test_the_share_afterwards_lies_between_what_both_networks_say(old, new, buildings):
    before, after = witness(old), witness(new, 1)
    shift = steadying_shift(before, after, Labelled(buildings, 1.0, 0.7), lambda _shift: True)
    then = Witness(after.logits + np.float32(shift)).share
    low, high = sorted((before.share, after.share))
    assert low - 1e-3 <= then <= high + 1e-3


def test_the_more_buildings_taught_the_new_network_the_more_its_word_counts():
    shifts = [
        steadying_shift(witness(0.1), witness(0.4), Labelled(count, 1.0, 0.7), lambda _shift: True)
        for count in (3, 10, 30, 100, 10_000)
    ]
    assert shifts == sorted(shifts) and shifts[0] < -0.7 and abs(shifts[-1]) < 0.02


def test_what_the_old_network_missed_among_the_labelled_it_misses_elsewhere():
    missing_half, all_found = (
        steadying_shift(witness(0.1), witness(0.2), Labelled(50, ratio, 0.7), lambda _shift: True)
        for ratio in (2.0, 1.0)
    )
    assert missing_half > all_found + 0.1


@pytest.mark.parametrize(
    ("before", "after", "iou"),
    [
        (witness(0.1), Witness(np.ones(500, np.float32)), 0.7),
        (witness(0.1), witness(0.4), 0.1),
        (Witness(np.full(PIXELS, -1.0, np.float32)), witness(0.4), 0.7),
        (witness(0.1), Witness(np.full(PIXELS, -1.0, np.float32)), 0.7),
    ],
    ids=["hardly any ground", "a model that knew nothing", "nothing there before", "nothing there now"],
)
def test_where_nothing_can_be_said_nothing_is_done(before, after, iou):
    assert steadying_shift(before, after, Labelled(10, 1.0, iou), lambda _shift: True) == 0.0


def test_what_was_gained_on_validation_is_kept():
    labelled = Labelled(10, 1.0, 0.7)
    whole = steadying_shift(witness(0.1), witness(0.4), labelled, lambda _shift: True)
    assert steadying_shift(witness(0.1), witness(0.4), labelled, lambda shift: shift > whole * 0.6) == whole * 0.5
    assert steadying_shift(witness(0.1), witness(0.4), labelled, lambda _shift: False) == 0.0


def test_a_shift_stays_within_bounds():
    far = Witness(witness(0.4).logits * 100)
    assert steadying_shift(witness(0.05), far, Labelled(5, 1.0, 0.7), lambda _shift: True) == -3.0


def test_only_known_pixels_in_the_middle_of_a_tile_are_witnesses():
    _, samples = town(1)
    known = np.zeros((TILE_PX, TILE_PX), bool)
    known[: MARGIN_PX + 10, : MARGIN_PX + 5] = True
    seen = [Seen(tile(), samples[0].inputs, known)]
    model = tiny_model()
    found = look(model, seen, "cpu").logits
    inputs = {name: torch.from_numpy(values)[None] for name, values in samples[0].inputs.items()}
    with torch.no_grad():
        whole = model(**inputs)["building"][0, 0].numpy()
    assert np.allclose(found, whole[MARGIN_PX : MARGIN_PX + 10, MARGIN_PX : MARGIN_PX + 5].ravel(), atol=1e-6)
    assert look(model, [], "cpu").logits.size == 0


class Red(torch.nn.Module):
    """Takes what is red for buildings, and lies by ``bias``."""

    def __init__(self, bias=0.0):
        super().__init__()
        self.bias = bias

    def forward(self, rgb, dsm):
        return {"building": rgb[:, :1] - 0.5 + self.bias}


@pytest.mark.parametrize(("bias", "wrong", "mended"), [(3.0, 0.99, 0.25), (0.0, 0.17, 0.17)])
def test_a_network_that_calls_everything_building_is_brought_back(bias, wrong, mended):
    maps, samples = town(3)
    lesson = lesson_of(tiny_model(), samples, maps.teaching)
    lesson = replace(lesson, before=Red(), config=replace(lesson.config, mode="full"))
    seen = [Seen(tile(i), item.inputs, np.ones((TILE_PX, TILE_PX), bool)) for i, item in enumerate(samples)]
    said = look(Red(bias), seen, "cpu").share
    shift = steady(Red(bias), lesson, 12, seen, "cpu")
    now = look(Red(bias + shift), seen, "cpu").share
    assert said == pytest.approx(wrong, abs=0.02) and now == pytest.approx(mended, abs=0.06)
