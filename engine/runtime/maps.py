"""From what a network puts out to what the package promises: one map [B, C, H, W] an output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from ..jobs import ErrorCode, RidgelineError
from ..models.package import OutputSpec

Floats = NDArray[np.float32]


def probability(maps: Floats, activation: str) -> Floats:
    """Return maps [B, C, H, W] after their activation: ``none``, ``sigmoid`` or ``softmax``."""
    if activation == "none":
        return maps
    found: Floats = expit(maps) if activation == "sigmoid" else softmax(maps, axis=1)
    return found


def output_map(output: OutputSpec, tensor: NDArray[np.generic], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the map of one output.

    A network that answers only for the middle of its tile gets a rim that repeats the outermost pixels; the importer
    sees to an overlap so wide that these pixels are never used (``inference.plan``).

    Args:
        output: what the package says of it.
        tensor: [B, H, W] or [B, channels, H, W].
        shape: [B, C, H, W] of the inputs.

    Returns:
        float32 [B, output.channels, H / output.stride, W / output.stride].

    Raises:
        RidgelineError: (BAD_MODEL) if the tensor is no such map.
    """
    maps = np.asarray(tensor, dtype=np.float32)
    if maps.ndim == 3:
        maps = maps[:, None]
    if maps.ndim == 4 and output.channel is not None:
        maps = maps[:, output.channel : output.channel + 1]
    if maps.ndim != 4 or len(maps) != shape[0] or maps.shape[1] != output.channels:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The output {output.name!r} has the shape {list(tensor.shape)}, which is no map of {output.channels} "
            f"channel{'s' if output.channels != 1 else ''} for {shape[0]} tiles.",
            "Correct the outputs in model.json, or import the network again.",
        )
    if output.scale != 1:
        maps = maps * np.float32(output.scale)
    wanted = [full // output.stride for full in shape[2:]]
    missing = [full - got for full, got in zip(wanted, maps.shape[2:])]
    if any(missing):
        if any(gap < 0 or gap % 2 for gap in missing):
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The output {output.name!r} is {maps.shape[3]} × {maps.shape[2]} pixels for a tile of "
                f"{shape[3]} × {shape[2]}{f' and a stride of {output.stride}' if output.stride > 1 else ''}.",
                "Use a network whose output has the size of its input, or is its middle part.",
            )
        rim = [(gap // 2, gap // 2) for gap in missing]
        maps = np.pad(maps, [(0, 0), (0, 0), *rim], mode="edge")
    return maps
