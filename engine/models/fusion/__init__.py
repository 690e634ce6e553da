"""Ways to make one feature map of two, by name. Each is a module of ``forward(rgb, dsm) -> fused``.

Constructors take the channels of the RGB features, of the DSM features, and of the result; the size stays.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from .cmx import CmxFusion
from .concat import ConcatFusion
from .ssma import SsmaFusion

FUSION_MODULES: dict[str, Callable[[int, int, int], nn.Module]] = {
    "concat": ConcatFusion,
    "ssma": SsmaFusion,
    "cmx": CmxFusion,
}
"""Name → constructor of (channels of RGB, channels of DSM, channels out)."""

__all__ = ["FUSION_MODULES", "CmxFusion", "ConcatFusion", "SsmaFusion"]
