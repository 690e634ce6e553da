"""An exponential moving average of a network's weights: what is evaluated and shipped."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


class Ema(Generic[Net]):
    """Follows a network: ``average = decay * average + (1 - decay) * weights``.

    The decay grows from 0.1 to its full value over the first steps, so that a short run is not an average with the
    random start (as in TensorFlow's ``ExponentialMovingAverage``: min(decay, (1 + steps) / (10 + steps))).

    Args:
        model: network to follow.
        decay: of the average, per step.
    """

    def __init__(self, model: Net, decay: float = 0.999) -> None:
        self.model: Net = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take one step's weights in; counters and other integers are copied."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        mine, theirs = self.model.state_dict(), model.state_dict()
        floats = [name for name, value in mine.items() if value.is_floating_point()]
        targets: list[Tensor] = [mine[name] for name in floats]
        torch._foreach_lerp_(targets, [theirs[name].to(mine[name].dtype) for name in floats], 1 - decay)
        for name, value in mine.items():
            if not value.is_floating_point():
                value.copy_(theirs[name])
