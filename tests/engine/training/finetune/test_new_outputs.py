"""New outputs begin at what the decoder says of the labels already, and leave everything else as it was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from finetune_helpers import OUTPUTS, lesson_of, tiny_config, tiny_model, town

from ridgeline.engine.training.finetune.loop import validate
from ridgeline.engine.training.finetune.new_outputs import begin_new_outputs
from ridgeline.engine.training.finetune.teaching import plan_teaching
from ridgeline.engine.training.finetune.trainable import with_tasks


@pytest.fixture(scope="module")
def place():
    """Two tiles of red boxes, called silos; the network has no such class."""
    _, samples = town(2)
    return plan_teaching(tiny_config(), OUTPUTS, ("silo",), True, (), True), samples


def begun(place, samples=None):
    teaching, own = place
    model = with_tasks(tiny_model(), teaching.config, 1)
    lesson = lesson_of(tiny_model(), samples or own, teaching)
    begin_new_outputs(model, lesson)
    return model, lesson


def test_they_tell_plain_things_before_any_step(place):
    model, lesson = begun(place)
    assert validate(model, lesson).plain.mean_iou > 0.6
    random = with_tasks(tiny_model(), place[0].config, 1)
    assert validate(random, lesson).plain.mean_iou < 0.4


def test_nothing_else_moves(place):
    model, _ = begun(place)
    fresh = with_tasks(tiny_model(), place[0].config, 1).state_dict()
    old = len(fresh["heads.bias"]) - 2
    for name, value in model.state_dict().items():
        if name.startswith("details.classes.") and name.endswith(("running_mean", "running_var", "batches_tracked")):
            assert not torch.equal(value, fresh[name]), name  # the new output's norms take the tiles' statistics
            continue
        if name == "details.classes.direct.weight":
            assert not torch.equal(value, fresh[name])  # a part of the linear reading
            continue
        same = (
            torch.equal(value[:old], fresh[name][:old])
            if name.startswith("heads.")
            else torch.equal(value, fresh[name])
        )
        assert same, name


def test_labels_of_validation_pixels_play_no_part(place):
    wrong = [replace(s, truth=np.where(s.validates, 1 - s.truth, s.truth).astype(np.int16)) for s in place[1]]
    assert torch.equal(begun(place)[0].heads.weight, begun(place, wrong)[0].heads.weight)


def test_a_class_without_a_training_pixel_is_no_fault(place):
    bare = [replace(s, truth=np.where(s.truth == 0, -1, s.truth).astype(np.int16)) for s in place[1]]
    model, _ = begun(place, bare)
    assert torch.isfinite(model.heads.weight).all()


def test_colours_that_the_decoder_does_not_hold_are_read_from_the_picture(place):
    """Of two kinds of silos the decoder says the same; only their colour tells them."""
    teaching = plan_teaching(tiny_config(), OUTPUTS, ("silo", "tank"), True, (), True)
    samples = []
    for sample in place[1]:
        tank = (sample.polygon >= 0) & (sample.polygon % 2 == 1)
        truth = np.where(sample.truth == 1, 2, np.where(tank, 1, sample.truth)).astype(np.int16)
        rgb = np.where(tank, -sample.inputs["rgb"], sample.inputs["rgb"])
        samples.append(replace(sample, truth=truth, inputs={"rgb": rgb, "dsm": sample.inputs["dsm"]}))
    before = tiny_model()
    torch.nn.init.zeros_(before.heads.weight)
    for parameter in before.decoder.parameters():
        torch.nn.init.zeros_(parameter)
    lesson = lesson_of(before, samples, teaching)
    model = with_tasks(before, teaching.config, 1)
    begin_new_outputs(model, lesson)
    assert validate(model, lesson).plain.mean_iou > 0.6
