"""The encoder that a configuration describes: a pair fused stage by stage, or one over stacked channels."""

from __future__ import annotations

from .config import STACK, EncoderConfig
from .fused_encoder import FusedEncoder
from .stacked_encoder import StackedEncoder

Encoder = FusedEncoder | StackedEncoder


def make_encoder(config: EncoderConfig) -> Encoder:
    """Return the encoder of this configuration, with weights drawn at random."""
    return StackedEncoder(config) if config.fusion == STACK else FusedEncoder(config)
