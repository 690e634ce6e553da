"""How the default model is trained: every choice a field, so that a run can be told and repeated."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..classes import ROOF_CLASSES
from ..evaluation.areas import check_never_trained_on
from ..scenes.chip import SceneConfig
from ..terrain.symmetry import SYMMETRIES
from .losses import LossConfig


@dataclass(frozen=True)
class DefaultTraining:
    """Settings of ``ridgeline train-default``.

    Attributes:
        seed: of scenes, weights, and order of the samples.
        scenes: number of training scenes.
        validation_scenes: number of scenes that are never trained on.
        scene: what the scenes are like; ``size`` is the side of one, and their pictures fit their labels exactly.
        crop_px: side of a training sample in pixels; a multiple of 32.
        batch: samples a step.
        steps: steps in all.
        peak_lr: AdamW's highest learning rate.
        warmup: steps until then.
        weight_decay: AdamW's.
        ema: decay of the averaged weights, which are what is kept.
        rgb_and_dsm: share of samples that show both modalities.
        rgb_alone: share of samples that show the picture alone, which is by far the hardest to learn from; the rest
            show the surface alone.
        shift_px: largest shift of the picture against heights and labels in pixels, in samples that show both.
        recolour: share of the roofs in a sample that get a colour of no palette.
        recolour_ground: how often a kind of ground gets one, as a share of how often a roof does.
        rows: share of the samples in which roofs that touch get such a colour together.
        islands: share of the samples in which the rasters end, with nothing known beyond (not in validation).
        false_colour: share of the samples whose picture shows near infrared, red and green (`scenes.spectra`; not in
            validation).
        grey: share of the samples whose picture is black and white (not in validation).
        mix: share of the samples with the picture alone that are put together from two places (`training.mix`; not in
            validation).
        validate_every: steps between two validations.
        save_every_s: seconds between two checkpoints.
        workers: processes that cut samples.
        loss: weights of the losses.
        start: model package (its name or folder) whose weights the run begins with; empty: weights drawn at random. Its
            networks for one modality alone stay as they are but for the one that ``alone`` names.
        blend: share of the run's own weights in what it ends with; the rest is those of ``start`` (see `blend`).
        pretrained: weights of a `ridgeline pretrain` run that the encoders begin with; empty: none.
        own_looks: the network learns the mean of so many looks of ``start`` at each sample, turned and mirrored and in
            natural colours, in place of the labels (see `own_looks`); 0: it learns the labels.
        alone: ``rgb`` or ``dsm``: the network is one for this modality alone and sees nothing else in training
            (`models.alone`). It is taken out of ``start``, whose network for both stays as it is; empty: one for both.
        fusion: how the encoder pair is fused, or ``stack`` for one encoder (see ``models.config.EncoderConfig``).
    """

    seed: int = 1
    scenes: int = 3000
    validation_scenes: int = 48
    scene: SceneConfig = field(
        default_factory=lambda: SceneConfig(size=512, gsd=(0.2, 0.5), feet=0.0, max_slope=0.45, tilted=0.25)
    )
    crop_px: int = 256
    batch: int = 8
    steps: int = 4000
    peak_lr: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    ema: float = 0.998
    rgb_and_dsm: float = 0.3
    rgb_alone: float = 0.5
    shift_px: float = 3.0
    recolour: float = 0.4
    recolour_ground: float = 0.5
    rows: float = 0.0
    islands: float = 0.0
    false_colour: float = 0.0
    grey: float = 0.0
    mix: float = 0.0
    validate_every: int = 400
    save_every_s: float = 240.0
    workers: int = 1
    loss: LossConfig = field(
        default_factory=lambda: LossConfig(
            class_dice=0.0,
            task_weights={"land_cover": 0.7, "roof_class": 0.7, "building": 1.5, "boundary": 0.5},
            class_weights={
                "land_cover": (1.0, 1.0, 1.0, 1.0, 1.5, 1.2),
                "roof_class": (0.6, 0.6, *(1.0,) * (len(ROOF_CLASSES) - 2)),
            },
        )
    )
    start: str = ""
    blend: float = 1.0
    pretrained: str = ""
    own_looks: int = 0
    alone: str = ""
    fusion: str = "concat"

    def __post_init__(self) -> None:
        check_never_trained_on(list(self.scene.cities or ()))
        if self.crop_px % 32 or self.crop_px > self.scene.size:
            raise ValueError("crop_px must be a multiple of 32 and no larger than a scene")
        if self.scene.registered < 1 or self.scene.margin:
            raise ValueError("scenes for training need registered = 1 and margin = 0: crops are shifted and cut later")
        if min(self.rgb_and_dsm, self.rgb_alone) < 0 or self.rgb_and_dsm + self.rgb_alone > 1:
            raise ValueError("rgb_and_dsm and rgb_alone are shares of one whole")
        if not 0 <= self.mix <= 1:
            raise ValueError("mix is a share of the samples")
        if min(self.false_colour, self.grey) < 0 or self.false_colour + self.grey > 1:
            raise ValueError("false_colour and grey are shares of one whole")
        if self.alone not in ("", "rgb", "dsm") or (self.alone and self.fusion != "concat"):
            raise ValueError("alone must be rgb, dsm or empty, and goes with the fusion 'concat'")
        if self.alone and not self.start:
            raise ValueError("a network for one modality alone is taken out of a model: name it as start")
        if not 0 <= self.blend <= 1 or (self.blend < 1 and not self.start):
            raise ValueError("blend is a share, and needs a model to start from")
        if not 0 <= self.own_looks <= SYMMETRIES or (self.own_looks and not self.start):
            raise ValueError(f"own_looks is a number up to {SYMMETRIES}, and needs a model to start from")
        if self.start and self.pretrained:
            raise ValueError("a run begins with the weights of a model (start) or of a pretraining run, not of both")

    @property
    def shares(self) -> tuple[float, float]:
        """Shares of the samples that show both modalities and the picture alone; the rest show the surface alone."""
        if self.alone:
            return 0.0, float(self.alone == "rgb")
        return self.rgb_and_dsm, self.rgb_alone

    @property
    def modes(self) -> tuple[str, ...]:
        """What the network learns to see: of ``rgb+dsm``, ``rgb`` and ``dsm`` those that samples show."""
        both, picture = self.shares
        shown = {"rgb+dsm": both, "rgb": picture, "dsm": 1 - both - picture}
        return tuple(mode for mode, share in shown.items() if share > 1e-9)
