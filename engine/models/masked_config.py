"""Settings of masked-image pretraining, each with where its default comes from.

HiRes-FusedMIM (arXiv 2503.18540) is known from its abstract and from summaries: two SimMIM encoders of the Swin kind,
two decoders, loss (1 - 0.05) · reconstruction + 0.05 · InfoNCE. What it leaves open is a field here, with a neighbour's
choice as its default; results are those of a re-implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

from .config import EncoderConfig


@dataclass(frozen=True)
class MaskedImageConfig:
    """What is hidden, what is rebuilt, and what is compared.

    Attributes:
        encoder: both backbones (two Swin-B, window 6, as SimMIM and GFM ship them). Its fusion is not used.
        image_size: side of a chip (192: SimMIM and GFM).
        mask_patch: side of a hidden square in pixels (32: SimMIM and GFM); the reconstruction is made in such squares
            too, as the encoder's coarsest stride is 32.
        mask_ratio: share of squares that is hidden (0.6: SimMIM; of 36 squares, 22).
        shared_mask: both modalities hide the same squares. Open in the paper; SimMIM draws one mask per sample, and a
            roof that is hidden in one picture only could be copied from the other.
        joint_decoders: each decoder sees both encoders' features, concatenated ("feature concatenation and two
            decoders"); False: its own encoder's alone. The paper's order of words favours the first.
        rgb_share: share of the RGB in the reconstruction loss, the rest is the DSM's (0.5: open, the plain mean).
        alpha: share of the contrastive loss in the total (0.05: the paper).
        temperature: of InfoNCE (0.07: MSSDF, the closest relative).
        projection: channels of the projected features; 0 for as many as the encoder gives (GFM's single Linear).
        projection_layers: 1 for a Linear (GFM), 2 for a small perceptron.
        projection_pool: cells along a side that features are averaged in before they are projected (1: one mean over
            the chip, as in GFM and MSSDF). More cells keep where things are: on synthetic scenes a small pair then
            learns to find partners several times faster.
        contrast_whole: the compared features are of pictures shown whole (nearly twice the time), not of what the
            masks leave. Open in the paper, whose formula suggests one pass; but a mask that both modalities share
            tells the partners apart by itself, and the contrast is then learnt without a look at the pictures.
        gather: whether the other processes' samples are negatives too (as in MSSDF).
        dsm_target_window: side of the window by whose mean and deviation the DSM's target is normalised, 0 for none
            (Swin-Transformer's SimMIM has 47, for SwinV2 only).
    """

    encoder: EncoderConfig
    image_size: int = 192
    mask_patch: int = 32
    mask_ratio: float = 0.6
    shared_mask: bool = True
    joint_decoders: bool = True
    rgb_share: float = 0.5
    alpha: float = 0.05
    temperature: float = 0.07
    projection: int = 0
    projection_layers: int = 1
    projection_pool: int = 1
    contrast_whole: bool = True
    gather: bool = True
    dsm_target_window: int = 0

    def __post_init__(self) -> None:
        if self.encoder.rgb is None or self.encoder.dsm is None:
            raise ValueError("pretraining needs a backbone for rgb and one for dsm")
        if self.mask_patch != 32:
            raise ValueError("mask_patch must be 32, the encoders' coarsest stride")
        if self.image_size % self.mask_patch:
            raise ValueError(f"image_size {self.image_size} must be a multiple of {self.mask_patch}")
        if not 0 < self.mask_ratio < 1 or not 0 <= self.alpha <= 1 or not 0 <= self.rgb_share <= 1:
            raise ValueError("mask_ratio must lie between 0 and 1, alpha and rgb_share from 0 to 1")
        if self.temperature <= 0 or self.projection_layers not in (1, 2) or self.projection_pool < 1:
            raise ValueError("temperature must be positive, projection_layers 1 or 2, and projection_pool 1 or more")
        if self.dsm_target_window and self.dsm_target_window % 2 == 0:
            raise ValueError("dsm_target_window must be odd, or 0 for none")

    @property
    def cells(self) -> int:
        """Squares along one side."""
        return self.image_size // self.mask_patch
