"""Image classification: one answer for a whole chip, from the pooled fused features."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from .config import EncoderConfig
from .encoders import make_encoder


@dataclass(frozen=True)
class ClassificationConfig:
    """A classifier.

    Attributes:
        encoder: the encoder pair.
        classes: number of classes.
        dropout: before the last layer, in training.
        several: whether a chip may be of several classes at once (sigmoid) rather than of one (softmax).
    """

    encoder: EncoderConfig
    classes: int
    dropout: float = 0.0
    several: bool = False

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError("at least one class is needed")


class ClassificationModel(nn.Module):
    """Encoder pair, global average pooling of the coarsest stage, one linear layer (as SimMIM and GFM fine-tune).

    Args:
        config: what it is made of.
    """

    def __init__(self, config: ClassificationConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config.encoder)
        width = self.encoder.channels[-1]
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(config.dropout), nn.Linear(width, config.classes)
        )

    def forward(self, rgb: Tensor | None = None, dsm: Tensor | None = None, present: Tensor | None = None) -> Tensor:
        """Return logits [B, classes]; arguments as in `FusedEncoder.forward`."""
        logits: Tensor = self.head(self.encoder(rgb, dsm, present)[-1])
        return logits
