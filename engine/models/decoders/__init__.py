"""Decoders by name: a pyramid of features in, one map out.

Each is a module of ``forward(pyramid) -> map`` with ``out_channels`` and ``stride``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..config import DecoderConfig
from .fpn import FpnDecoder
from .upernet import UperNetDecoder

DECODER_MODULES: dict[str, Callable[[DecoderConfig, Sequence[int], Sequence[int]], FpnDecoder | UperNetDecoder]] = {
    "fpn": FpnDecoder,
    "upernet": UperNetDecoder,
}
"""Name → constructor of (configuration, channels of the pyramid from fine to coarse, their strides)."""

__all__ = ["DECODER_MODULES", "FpnDecoder", "UperNetDecoder"]
