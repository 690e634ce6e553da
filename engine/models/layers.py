"""Small blocks that several parts share."""

from __future__ import annotations

from torch import nn


def norm_groups(width: int) -> int:
    """Return the groups for a GroupNorm over ``width`` channels: 32, or the next power of two that divides."""
    return next(groups for groups in (32, 16, 8, 4, 2, 1) if width % groups == 0)


class ConvNormAct(nn.Sequential):
    """Convolution, norm, ReLU; height and width stay.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: side of the kernel, odd.
        norm: ``batch`` (ONNX Runtime folds it into the convolution) or ``group`` (works with a batch of one, and on a
            pooled map of one pixel, where BatchNorm breaks).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, norm: str = "batch") -> None:
        if norm not in ("batch", "group"):
            raise ValueError(f"norm must be batch or group, not {norm!r}")
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs) if norm == "batch" else nn.GroupNorm(norm_groups(outputs), outputs),
            nn.ReLU(inplace=True),
        )
