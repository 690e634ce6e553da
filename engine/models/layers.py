"""Small blocks that several parts share."""

from __future__ import annotations

from torch import Tensor, nn


def norm_groups(width: int) -> int:
    """Return the groups for a GroupNorm over ``width`` channels: 32, or fewer so that each has 8 channels or more.

    A group of one channel on a map of one pixel would be one number, which its own mean turns to nothing.
    """
    return next((groups for groups in (32, 16, 8, 4, 2) if width % groups == 0 and width // groups >= 8), 1)


def check_sides(name: str, image: Tensor) -> None:
    """Refuse a picture [B, C, H, W] whose height or width is no multiple of 32.

    Raises:
        ValueError: naming the picture, its size, and the size to pad it to.
    """
    height, width = int(image.shape[-2]), int(image.shape[-1])
    if height % 32 or width % 32:
        fit = f"{-(-height // 32) * 32} × {-(-width // 32) * 32}"
        raise ValueError(f"{name} is {height} × {width}; pad it to {fit} (multiples of 32)")


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
