"""Settings of a pretraining run; defaults are SimMIM's 100-epoch recipe unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.masked_config import MaskedImageConfig
from .surface_norm import SURFACE_NORMS


@dataclass(frozen=True)
class ChipConfig:
    """How chips are cut from rasters.

    Attributes:
        gsd: metres per pixel that rasters are read at (0.2 to 0.5 m in HiRes-FusedMIM).
        surface_norm: ``percentile`` (clip to the 1st and 99th percentile of the chip, as DeCUR's RGB-DEM pretraining
            does), ``min_max`` (SSRS, MFNet), ``mean_centred``, ``ndsm`` (metres above ground) or ``height_channels``
            (the default model's six channels). Open in the paper.
        area: smallest and largest share of a chip's area that a random crop keeps.
        ratio: narrowest and widest crop.
        flip: probability of a flip from left to right.
        min_valid: share of pixels that must have data in both rasters.
        mean: of the RGB by band, 0 to 255 (ImageNet's).
        std: of the same.
    """

    gsd: float = 0.25
    surface_norm: str = "percentile"
    area: tuple[float, float] = (0.67, 1.0)
    ratio: tuple[float, float] = (0.75, 4 / 3)
    flip: float = 0.5
    min_valid: float = 0.5
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)

    def __post_init__(self) -> None:
        if self.surface_norm not in SURFACE_NORMS:
            raise ValueError(f"surface_norm {self.surface_norm!r} is not known; known are: {', '.join(SURFACE_NORMS)}")
        if not 0 < self.area[0] <= self.area[1] <= 1 or not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError("area must rise within 0 to 1, and ratio must rise")


@dataclass(frozen=True)
class PretrainConfig:
    """All that a run depends on beside its rasters.

    Attributes:
        model: network and losses.
        chips: how chips are cut.
        batch: samples per process and step.
        accumulate: steps whose gradients are added up before the optimiser moves.
        epochs: passes.
        samples: chips an epoch over all processes; 0: as many as cover the rasters once.
        warmup_epochs: epochs in which the learning rate rises.
        base_lr: peak rate per 512 samples of the whole batch (it grows in proportion).
        warmup_lr: rate at the very start, per 512 samples too.
        min_lr: rate at the very end, per 512 samples too.
        weight_decay: of matrices and kernels.
        clip: largest norm of the gradient.
        bf16: whether matrix products run in bfloat16.
        seed: of chips, masks and first weights.
        workers: processes that cut chips, per training process.
        save_every: epochs between checkpoints (the last is always saved).
    """

    model: MaskedImageConfig
    chips: ChipConfig = ChipConfig()
    batch: int = 128
    accumulate: int = 1
    epochs: int = 100
    samples: int = 0
    warmup_epochs: float = 10.0
    base_lr: float = 2e-4
    warmup_lr: float = 1e-6
    min_lr: float = 1e-5
    weight_decay: float = 0.05
    clip: float = 5.0
    bf16: bool = True
    seed: int = 0
    workers: int = 2
    save_every: int = 5

    def __post_init__(self) -> None:
        if min(self.batch, self.accumulate, self.epochs, self.save_every) < 1:
            raise ValueError("batch, accumulate, epochs and save_every must be 1 or more")
        channels = SURFACE_NORMS[self.chips.surface_norm].channels
        dsm = self.model.encoder.dsm
        if dsm is not None and dsm.channels != channels:
            raise ValueError(
                f"surface_norm {self.chips.surface_norm!r} gives {channels} channels, but the dsm backbone takes "
                f"{dsm.channels}"
            )
