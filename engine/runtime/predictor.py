"""The protocol that every runtime serves: tiles in, maps out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]
"""float32 arrays [B, C, H, W] by tensor name."""


@dataclass(frozen=True)
class DeviceReport:
    """Which device really computes.

    Attributes:
        runtime: ``onnx`` or ``torch``.
        device: ``cpu``, ``cuda``, …
        precision: ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        sentence: the same for people, one sentence.
        fallback: None, or the one sentence why a better device is not used.
        at_once: how many calls of ``predict`` may, and to use the device well should, be under way at the same time.
        any_size: whether tiles of other sides than the package's are taken, all of one batch of the same.
    """

    runtime: str
    device: str
    precision: str
    sentence: str
    fallback: str | None = None
    at_once: int = 1
    any_size: bool = False


class Predictor(Protocol):
    """A loaded model.

    ``predict`` may be called from ``report.at_once`` threads at a time. The same tile gives the same bits whatever its
    batch.
    """

    @property
    def report(self) -> DeviceReport:
        """Which device really computes."""
        ...

    def predict(self, inputs: Tensors) -> Tensors:
        """Run the network.

        Args:
            inputs: normalised float32 tiles [B, C, H, W] by input name, H and W multiples of the package's multiple.

        Returns:
            float32 maps [B, channels, H, W] by output name, before ``OutputSpec.activation``.

        Raises:
            RidgelineError: (OUT_OF_MEMORY) when the batch does not fit; the caller retries with a smaller one.
        """
        ...
