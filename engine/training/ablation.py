"""What each idea behind the model is worth: the same training with one thing changed at a time.

After the claims of HiRes-FusedMIM (arXiv 2503.18540): two encoders against one, pretraining against none, the
contrastive loss against none, both modalities against one. All variants are of the compact size, see the same scenes,
and train for as many steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..evaluation.suite import Row, Segment, run_suite
from ..feedback import Feedback
from ..models.compact import compact_config
from ..models.masked_config import MaskedImageConfig
from ..models.package import load_package
from .default import calibrate, open_stores, train_default, validate
from .default_config import DefaultTraining
from .default_package import write_default_package
from .distributed import join_world
from .pretrain.config import ChipConfig, PretrainConfig
from .pretrain.loop import pretrain
from .pretrain.sources import SceneChips
from .pretrain.surface_norm import SURFACE_NORMS


@dataclass(frozen=True)
class Variant:
    """One way to make the model.

    Attributes:
        name: short name used in tables and folders.
        fusion: as in `DefaultTraining`.
        alpha: contrastive weight of the pretraining that comes first; None: no pretraining.
        shares: share of samples that show both modalities, and the picture alone; None: as in the default training.
    """

    name: str
    fusion: str = "concat"
    alpha: float | None = None
    shares: tuple[float, float] | None = None


VARIANTS = (
    Variant("two encoders"),
    Variant("one encoder", fusion="stack"),
    Variant("pretrained, contrastive 0.05", alpha=0.05),
    Variant("pretrained, contrastive 0", alpha=0.0),
    Variant("trained on RGB alone", shares=(0.0, 1.0)),
    Variant("trained on DSM alone", shares=(0.0, 0.0)),
)
"""What is compared; the first is what the others are held against."""


@dataclass(frozen=True)
class AblationConfig:
    """How much each variant trains.

    Attributes:
        base: settings of the training that follow from nothing else.
        pretrain_scenes: scenes that pretraining sees.
        pretrain_steps: its steps.
        pretrain_batch: its batch.
        pretrain_lr: its highest learning rate.
    """

    base: DefaultTraining
    pretrain_scenes: int = 400
    pretrain_steps: int = 400
    pretrain_batch: int = 16
    pretrain_lr: float = 1e-3


def run_ablation(
    work: Path,
    config: AblationConfig,
    data: Path | None,
    segment: Segment,
    device: str,
    feedback: Feedback,
    wanted: Callable[[Variant], bool] = lambda _variant: True,
) -> Iterator[Row]:
    """Train and measure each variant, giving each row when it is known; a later call goes on where one was cut.

    Args:
        work: folder of scenes, runs and packages; made if missing.
        config: how much each trains.
        data: folder of the real sample data; None: held-out scenes alone.
        segment: runs a job of the engine.
        device: ``cpu`` or ``cuda``.
        feedback: told of progress; may cancel.
        wanted: which variants.
    """
    stores = open_stores(work / "scenes", config.base)
    for variant in VARIANTS:
        if not wanted(variant):
            continue
        folder = work / variant.name.replace(",", "").replace(" ", "-")
        settings = _settings(variant, config, folder, device, feedback)
        model = train_default(folder / "run", stores, settings, device, feedback)
        held_out = validate(model, stores[1], settings, device)
        held_out |= calibrate(model, stores[1], settings, device)
        seen = _modalities(settings)
        for name, value in held_out.items():
            if any(name.removeprefix("calibrated ").startswith(f"{mode} ") for mode in seen):
                yield Row(variant.name, f"held-out scenes: {name}", value)
        if data is None:
            continue
        write_default_package(model, settings, folder / "package", {}, bare=True)
        package = load_package(folder / "package")
        for part in ("surfaces", "pictures"):
            for row in run_suite(data, package, segment, device, part):
                if any(f"IoU, {words}" in row.measure for words in (_WORDS[mode] for mode in seen)):
                    yield Row(variant.name, f"{row.on}: {row.measure}", row.value)


_WORDS = {"rgb+dsm": "RGB + DSM", "rgb": "RGB alone", "dsm": "DSM alone"}


def _modalities(settings: DefaultTraining) -> tuple[str, ...]:
    """Return the ways of looking that a variant was trained for."""
    shares = {"rgb+dsm": settings.rgb_and_dsm, "rgb": settings.rgb_alone}
    shares["dsm"] = 1 - sum(shares.values())
    return tuple(name for name, share in shares.items() if share > 1e-9)


def _settings(
    variant: Variant, config: AblationConfig, folder: Path, device: str, feedback: Feedback
) -> DefaultTraining:
    settings = replace(config.base, fusion=variant.fusion)
    if variant.shares is not None:
        settings = replace(settings, rgb_and_dsm=variant.shares[0], rgb_alone=variant.shares[1])
    if variant.alpha is not None:
        run = folder / "pretraining"
        _pretrain(run, variant.alpha, config, device, feedback)
        settings = replace(settings, pretrained=str(next(run.glob("weights-*.safetensors"))))
    return settings


def _pretrain(folder: Path, alpha: float, config: AblationConfig, device: str, feedback: Feedback) -> None:
    size, batch = config.base.crop_px, config.pretrain_batch
    norm = "height_channels"  # what the compact model's encoder of heights takes
    settings = PretrainConfig(
        MaskedImageConfig(compact_config().encoder, image_size=size, alpha=alpha),
        ChipConfig(surface_norm=norm),
        batch=batch,
        epochs=4,
        samples=config.pretrain_steps * batch // 4,
        warmup_epochs=0.4,
        base_lr=config.pretrain_lr * 512 / batch,
        min_lr=config.pretrain_lr * 5 / batch,
        seed=config.base.seed,
        workers=config.base.workers,
        save_every=1,
    )
    source = SceneChips(config.pretrain_scenes, size, settings.chips.gsd, SURFACE_NORMS[norm], config.base.seed)
    with join_world(device) as world:
        pretrain(source, settings, folder, world, feedback)
