"""New classes are as frequent on other ground as they are there, not as among the labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from finetune_helpers import INPUTS, OUTPUTS, lesson_of, tile, tiny_config, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from ridgeline.engine.training.finetune.loop import LoopConfig
from ridgeline.engine.training.finetune.samples import TILE_PX, Sample, Seen
from ridgeline.engine.training.finetune.shares import Calibration, calibrate, shares_of, shares_shift, shift_to_shares
from ridgeline.engine.training.finetune.teaching import plan_teaching

CENTRES = np.array([[0.0, 0.0], [2.0, 0.5], [0.5, 2.0]])


def drawn(shares, count=20_000, seed=0):
    """Logits by which a pixel of each class is told as well as can be, where classes have equal shares; and classes."""
    random = np.random.default_rng(seed)
    classes = random.choice(len(shares), count, p=shares)
    places = CENTRES[classes] + random.normal(0, 1, (count, 2))
    logits = -((places[:, None] - CENTRES) ** 2).sum(-1) / 2
    return log_softmax(logits, axis=1), classes


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.03, 1.0), min_size=3, max_size=3), st.lists(st.floats(0.2, 1.0), min_size=3, max_size=3))
def test_the_shares_on_other_ground_are_found(there, labelled):
    there, labelled = np.array(there) / sum(there), np.array(labelled) / sum(labelled)
    logits, _ = drawn(there)
    assert shares_of(logits + np.log(labelled), labelled) == pytest.approx(there, abs=0.04)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.4, 2.5), st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3))
def test_calibration_takes_back_what_distorts_the_logits(factor, offsets):
    logits, classes = drawn([0.4, 0.3, 0.3])
    offsets = np.array(offsets) - np.mean(offsets)
    fitted = calibrate(logits * factor + offsets, classes)
    said = softmax((logits * factor + offsets) * fitted.temperature + fitted.bias, axis=1)
    true = softmax(logits + np.log([0.4, 0.3, 0.3]), axis=1)
    assert np.abs(said - true).mean() < 0.02


def test_a_class_without_labels_is_not_looked_for():
    logits, classes = drawn([0.5, 0.5, 0.0])
    wide = np.column_stack([logits, np.full(len(logits), -3.0)])
    shares = np.array([0.4, 0.4, 0.2, 0.0])
    assert shares_of(wide, shares)[3] == 0
    assert np.isfinite(shift_to_shares(calibrate(wide, classes), shares, shares_of(wide, shares), 1.0)).all()


def test_the_whole_way_expects_the_shares_found_and_no_way_those_of_the_labels():
    labelled, there = np.array([0.2, 0.4, 0.4]), np.array([0.9, 0.09, 0.01])
    logits, classes = drawn(there, 60_000)
    fitted = Calibration(1.0, np.log(labelled))
    errors = [
        (np.argmax(logits + shift_to_shares(fitted, labelled, there, trust), axis=1) != classes).mean()
        for trust in (0.0, 0.25, 0.5, 1.0)
    ]
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 2


class Colours(torch.nn.Module):
    """Says of each band how likely its class is, and lies by ``bias``."""

    def __init__(self, task, bias):
        super().__init__()
        self.task, self.bias = task, torch.tensor(bias).view(1, -1, 1, 1)

    def forward(self, rgb, dsm):
        return {self.task: 2 * rgb + self.bias}


def _lesson_of_new_classes():
    """Labels of two new classes and a background, each of which one band shows, with noise; and their lesson."""
    teaching = plan_teaching(tiny_config(), OUTPUTS, ("pool", "road"), True, (), True)
    truth = np.full((TILE_PX, TILE_PX), teaching.background, np.int16)
    truth[:, : TILE_PX // 2] = teaching.names.index("pool")
    truth[: TILE_PX // 3] = teaching.names.index("road")
    sample = Sample(tile(), _shown(truth), truth, np.zeros(truth.shape, np.int32), np.zeros(truth.shape, bool))
    return replace(lesson_of(tiny_model(), [sample], teaching), config=LoopConfig(mode="full")), sample


def _shown(truth):
    random = np.random.default_rng(3)
    noise = {item.name: random.normal(0, 1, (item.channels, *truth.shape)).astype(np.float32) for item in INPUTS}
    return noise | {"rgb": noise["rgb"] * 0.7 + (np.arange(3)[:, None, None] == truth)}


def test_a_class_that_is_found_everywhere_is_found_where_it_is():
    lesson, _ = _lesson_of_new_classes()
    task, names = lesson.teaching.taught[0], lesson.teaching.names
    truth = np.full((TILE_PX, TILE_PX), lesson.teaching.background, np.int16)
    truth[100:110, 100:110] = names.index("pool")
    seen = [Seen(tile(1), _shown(truth), np.ones(truth.shape, bool))]
    wrong = Colours(task, [4.0 * (name == "pool") for name in names])
    shift = shares_shift(wrong, lesson, seen, "cpu")

    def pools(bias):
        logits = Colours(task, bias)(torch.from_numpy(seen[0].inputs["rgb"])[None], None)[task]
        return float((logits.argmax(1) == names.index("pool")).float().mean())

    bias = wrong.bias.flatten().tolist()
    assert pools(bias) > 0.8
    assert pools([float(old + new) for old, new in zip(bias, shift)]) < 0.15


def test_without_ground_to_look_at_nothing_is_done():
    lesson, sample = _lesson_of_new_classes()
    model = Colours(lesson.teaching.taught[0], [0.0, 0.0, 0.0])
    hidden = [Seen(sample.window, sample.inputs, np.zeros((TILE_PX, TILE_PX), bool))]
    for seen in ([], hidden):
        assert not shares_shift(model, lesson, seen, "cpu").any()
