"""Named configurations of the encoder pair: what commands offer, and small ones that make tests and trials quick."""

from __future__ import annotations

from collections.abc import Callable

from ..given import given
from ..jobs import ErrorCode, RidgelineError
from ..terrain.height_channels import CHANNELS
from .compact import compact_config
from .config import BackboneConfig, EncoderConfig

WINDOW, IMAGE_SIZE = 6, 192
"""Of SimMIM and GFM: window 6 at 192 pixels."""


def swin_pair(size: str, dsm_channels: int, fusion: str = "concat", drop_path: float = 0.0) -> EncoderConfig:
    """Return two Swin of ``size`` tiny, small or base, as SimMIM and GFM ship them (window 6, built for 192 pixels).

    Args:
        size: of both.
        dsm_channels: 1 for a normalised surface as in the paper, or the number of derived channels.
        fusion: see `EncoderConfig`.
        drop_path: rate of stochastic depth (0 in pretraining).
    """

    def swin(channels: int) -> BackboneConfig:
        args = {"window_size": WINDOW, "drop_path_rate": drop_path}
        return BackboneConfig(f"swin_{size}_patch4_window7_224", channels, args, image_size=IMAGE_SIZE)

    return EncoderConfig(swin(3), swin(dsm_channels), fusion)


def trial_pair(dsm_channels: int, fusion: str = "concat") -> EncoderConfig:
    """Return a Swin pair of a quarter million parameters, for tests and trials on a CPU."""
    args = {"embed_dim": 24, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 4, 8], "window_size": 6, "drop_path_rate": 0.0}

    def swin(channels: int) -> BackboneConfig:
        return BackboneConfig("swin_tiny_patch4_window7_224", channels, dict(args), image_size=IMAGE_SIZE)

    return EncoderConfig(swin(3), swin(dsm_channels), fusion)


def trial_convolutions(dsm_channels: int) -> EncoderConfig:
    """Return a convolutional pair of 1.6 million parameters, for trials on a CPU: it learns in far fewer steps."""
    args = {"channels": [16, 32, 64, 128], "stem_width": 16}
    return EncoderConfig(
        BackboneConfig("resnet18d", 3, dict(args)), BackboneConfig("resnet18d", dsm_channels, dict(args))
    )


def compact_pair(dsm_channels: int) -> EncoderConfig:
    """Return the compact model's encoder pair for so many DSM channels."""
    pair = compact_config().encoder
    dsm = given(pair.dsm)  # the compact model takes both
    return EncoderConfig(pair.rgb, BackboneConfig(dsm.name, dsm_channels, dsm.args, skip=True), pair.fusion)


PRESETS: dict[str, Callable[[int], EncoderConfig]] = {
    "swin_base": lambda dsm_channels: swin_pair("base", dsm_channels),
    "swin_small": lambda dsm_channels: swin_pair("small", dsm_channels),
    "swin_tiny": lambda dsm_channels: swin_pair("tiny", dsm_channels),
    "trial": trial_pair,
    "trial_convolutions": trial_convolutions,
    "compact": compact_pair,
}
"""Name → encoder pair for so many DSM channels."""


def encoder_preset(name: str, dsm_channels: int = len(CHANNELS)) -> EncoderConfig:
    """Return the encoder pair of that name.

    Raises:
        RidgelineError: (BAD_MODEL) if there is none.
    """
    if name not in PRESETS:
        raise RidgelineError(
            ErrorCode.BAD_MODEL, f"There is no architecture {name!r}.", f"Choose one of: {', '.join(PRESETS)}."
        )
    return PRESETS[name](dsm_channels)
