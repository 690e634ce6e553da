"""The best linear reading of what a network says: a logistic regression over its features."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_WEIGHT_DECAY = 1e-3


def linear_reading(features: Tensor, classes: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return weights [classes, C] and biases [classes] of a logistic regression.

    Args:
        features: float32 [N, C].
        classes: int64 [N].
        counts: what a pixel of each class counts, float32 [classes].
    """
    mean, scale = features.mean(0), features.std(0).clamp_min(1e-4)
    seen = (features - mean) / scale
    weight = torch.zeros(len(counts), features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(len(counts), device=features.device, requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        total: Tensor = F.cross_entropy(seen @ weight.T + bias, classes, weight=counts)
        total = total + _WEIGHT_DECAY * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    plain = weight.detach() / scale
    return plain, bias.detach() - plain @ mean
