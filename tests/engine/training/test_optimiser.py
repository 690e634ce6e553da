"""Weight decay spares what it should, rates rise and fall, and the average follows."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from ridgeline.engine.models.config import DecoderConfig, DenseConfig, TaskConfig
from ridgeline.engine.models.multitask import DenseModel
from ridgeline.engine.models.presets import trial_pair
from ridgeline.engine.training.ema import Ema
from ridgeline.engine.training.optimiser import learning_rate, make_adamw, parameter_groups


def test_weight_decay_spares_biases_norms_tokens_and_position_tables() -> None:
    config = DenseConfig(trial_pair(1), DecoderConfig("upernet", 32), (TaskConfig("building", "probability"),))
    model = DenseModel(config)
    groups = parameter_groups(model, 0.05)
    spared = {id(parameter) for group in groups if group["weight_decay"] == 0 for parameter in group["params"]}
    decayed = {id(parameter) for group in groups if group["weight_decay"] > 0 for parameter in group["params"]}
    tables = 0
    for name, parameter in model.named_parameters():
        matrix = name.endswith(".weight") and parameter.ndim > 1
        assert (id(parameter) in decayed) == matrix, name
        assert (id(parameter) in spared) != matrix, name
        tables += name.endswith("relative_position_bias_table")
    assert tables == 10  # five blocks in each of two encoders, behind prefixes of their own


def test_frozen_parameters_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(layer, 0.1)) == 1


def test_the_rate_rises_in_a_line_and_falls_in_a_cosine() -> None:
    rates = [learning_rate(step, 100, peak=1.0, warmup=10, floor=0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert rates[55] == pytest.approx(0.55, abs=0.01)
    assert rates[99] == pytest.approx(0.1, abs=0.01)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_decay_shrinks_weights_and_not_biases() -> None:
    layer = nn.Linear(3, 3)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    optimiser = make_adamw(layer, lr=0.1, weight_decay=0.5)
    (layer(torch.zeros(1, 3)) * 0).sum().backward()
    optimiser.step()
    assert layer.weight.max() < 0.96
    assert torch.equal(layer.bias.detach(), torch.ones(3))


def test_the_average_reaches_weights_that_stand_still() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = Ema(model, decay=0.9)
    with torch.no_grad():
        model[0].weight.fill_(5.0)
        model[1].num_batches_tracked.fill_(7)
    for _ in range(100):
        ema.update(model)
    torch.testing.assert_close(ema.model[0].weight, model[0].weight, rtol=1e-4, atol=1e-4)
    assert int(ema.model[1].num_batches_tracked) == 7
    assert not ema.model[0].weight.requires_grad
