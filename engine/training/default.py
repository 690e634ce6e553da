"""Train the default model on synthetic scenes: resumable, reproducible, on two CPU cores or a GPU."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..feedback import Feedback
from ..given import given
from ..jobs import Cancelled, ErrorCode, RidgelineError, to_dict
from ..models.alone import network_alone
from ..models.compact import compact_config, compact_inputs
from ..models.multitask import DenseModel
from ..models.package.library import find_model
from ..models.pretrained import load_pretrained
from ..models.rebuild import networks_alone, trainable_model
from ..scenes.chip import make_chip
from .blend import blend
from .calibrate import best_logit
from .default_config import DefaultTraining
from .ema import Ema
from .losses import Labels, multitask_loss
from .optimiser import learning_rate, make_adamw, set_learning_rate
from .own_looks import agreement_loss, mean_of_looks
from .scene_batches import Batch, batches, make_batch, seen_of
from .scene_store import SceneStore

_BLEND_BATCHES = 48

MODES = {"rgb+dsm": (True, True), "rgb": (True, False), "dsm": (False, True)}


def open_stores(folder: Path, config: DefaultTraining) -> tuple[SceneStore, SceneStore]:
    """Return the stores of training and validation scenes under ``folder`` (filled as they are read)."""
    scene = config.scene
    recipe = {"seed": config.seed, "scene": to_dict(scene)}

    def store(name: str, count: int, seed: int) -> SceneStore:
        return SceneStore(
            folder / name, lambda index: make_chip(seed, index, scene), count, {**recipe, "part": name, "seed": seed}
        )

    return (
        store("training", config.scenes, config.seed),
        store("validation", config.validation_scenes, config.seed + 1_000_003),
    )


def train_default(
    work: Path, stores: tuple[SceneStore, SceneStore], config: DefaultTraining, device: str, feedback: Feedback
) -> DenseModel:
    """Train the compact model and return its averaged weights, blended with its first ones if the settings say so.

    Everything lies in ``work``: ``state.pt`` (to resume from), ``log.jsonl`` (a line a validation), ``config.json``.
    A run that was killed goes on from its last checkpoint and sees the batches that it would have seen.

    The model is in evaluation mode, on ``device``.

    Args:
        work: folder of the run; made if missing.
        stores: training and validation scenes.
        config: settings.
        device: ``cpu`` or ``cuda``.
        feedback: told of progress; may cancel.

    Raises:
        Cancelled: if the user wants to stop; the state is saved first.
        RidgelineError: if the weights to begin with are missing or of another architecture.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "config.json").write_text(json.dumps(to_dict(config), indent=2), encoding="utf-8")
    torch.manual_seed(config.seed)
    model = _first_weights(config).to(device).to(memory_format=torch.channels_last)
    optimiser = make_adamw(model, config.peak_lr, config.weight_decay)
    ema = Ema(model, config.ema)
    teacher = _first_weights(config).to(device).eval() if config.own_looks else None
    first = _resume(work / "state.pt", model, optimiser, ema)
    norm = given(compact_inputs()[0].mean_std)  # the compact model's RGB is normalised by mean and std
    saved, done = time.monotonic(), first
    try:
        for step, batch in enumerate(batches(stores[0], config, norm, first), start=first):
            set_learning_rate(optimiser, learning_rate(step, config.steps, config.peak_lr, config.warmup))
            wanted = None
            if teacher is not None:
                rng = np.random.default_rng((config.seed, 8, step))
                natural = seen_of(batch, config.alone, device, natural=True)
                wanted = mean_of_looks(teacher, natural, config.own_looks, rng)
            parts = _step(model, optimiser, ema, batch, wanted, config, device)
            done = step + 1
            detail = {name: float(value) for name, value in parts.items()}
            if done % config.validate_every == 0 or done == config.steps:
                scores = validate(ema.model, stores[1], config, device)
                detail = {"step": done, **detail, **scores}
                with (work / "log.jsonl").open("a", encoding="utf-8") as log:
                    log.write(json.dumps({"time": time.strftime("%H:%M:%S"), **detail}) + "\n")
            feedback.progress(done, config.steps, "steps", "training", detail if "step" in detail else None)
            if time.monotonic() - saved > config.save_every_s or done == config.steps:
                _save(work / "state.pt", model, optimiser, ema, done)
                saved = time.monotonic()
    except Cancelled:
        _save(work / "state.pt", model, optimiser, ema, done)
        raise
    if config.blend < 1:
        drawn = (make_batch(stores[0], config, norm, 30_000_000 + i) for i in range(_BLEND_BATCHES))
        # in natural colours, as most pictures are: the statistics are those of what a network mostly sees
        shown = (seen_of(batch, config.alone, device, natural=True) for batch in drawn)
        blend(ema.model, _first_weights(config).to(device), config.blend, shown, device)
    return ema.model


def calibrate(model: DenseModel, store: SceneStore, config: DefaultTraining, device: str) -> dict[str, float]:
    """Calibrate the building output where a modality is absent, on validation scenes; return the IoU reached."""
    norm, config = given(compact_inputs()[0].mean_std), _plain(config)
    fixed = [make_batch(store, config, norm, 20_000_000 + i) for i in range(max(1, len(store) // config.batch))]

    def batches_of(name: str) -> Iterator[tuple[dict[str, Tensor], NDArray[np.bool_]]]:
        for batch in fixed:
            inputs = {name: (batch.rgb if name == "rgb" else batch.dsm).to(device)}
            yield inputs, batch.labels.maps["building"].numpy() > 0.5

    if config.alone:
        logit, iou = best_logit(model, "building", batches_of(config.alone))
        model.shift("building", -logit)
        return {f"calibrated {config.alone} building_iou": round(iou, 4)}
    model.absent_bias.zero_()
    best = {name: best_logit(model, "building", batches_of(name)) for name in ("rgb", "dsm") if name in config.modes}
    logits = {name: logit for name, (logit, _) in best.items()}
    model.calibrate("building", without_dsm=-logits.get("rgb", 0.0), without_rgb=-logits.get("dsm", 0.0))
    return {f"calibrated {name} building_iou": round(iou, 4) for name, (_, iou) in best.items()}


def _plain(config: DefaultTraining) -> DefaultTraining:
    """Return the settings with all samples whole and in natural colours, as scores are taken."""
    return replace(config, islands=0.0, mix=0.0, false_colour=0.0, grey=0.0)


def _step(
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    ema: Ema[DenseModel],
    batch: Batch,
    wanted: dict[str, Tensor] | None,
    config: DefaultTraining,
    device: str,
) -> dict[str, Tensor]:
    """Learn a batch's labels or, in their place, the probabilities that are ``wanted``."""
    model.train()
    with torch.autocast(device, dtype=torch.bfloat16):
        outputs = model(**seen_of(batch, config.alone, device))
    tasks = model.config.tasks
    if wanted is not None:
        loss, parts = agreement_loss(outputs, wanted, tasks, config.loss)
    else:
        loss, parts = multitask_loss(outputs, _on(batch.labels, device), tasks, config.loss)
    if not math.isfinite(float(loss.detach())):
        raise FloatingPointError("the loss is no finite number; lower the learning rate")
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimiser.step()
    ema.update(model)
    return {"loss": loss.detach(), **parts}


def _on(labels: Labels, device: str) -> Labels:
    return Labels(
        {name: value.to(device) for name, value in labels.maps.items()},
        {name: value.to(device) for name, value in labels.weights.items()},
    )


@torch.no_grad()
def validate(model: nn.Module, store: SceneStore, config: DefaultTraining, device: str) -> dict[str, float]:
    """Return building IoU by modalities, roof class accuracy and land cover accuracy on unseen scenes."""
    norm, config = given(compact_inputs()[0].mean_std), _plain(config)
    model.eval()
    modes = {mode: seen for mode, seen in MODES.items() if mode in config.modes}
    counts = {mode: [0, 0, 0, 0, 0, 0] for mode in modes}
    for index in range(max(1, len(store) // config.batch)):
        # a fixed step far beyond the run gives the same crops at every validation
        batch = make_batch(store, config, norm, 10_000_000 + index)
        for mode, (has_rgb, has_dsm) in modes.items():
            rgb, dsm = (batch.rgb.to(device) if has_rgb else None), (batch.dsm.to(device) if has_dsm else None)
            with torch.autocast(device, dtype=torch.bfloat16):
                outputs = model(rgb, dsm)
            found = outputs["building"][:, 0].cpu() > 0
            true = batch.labels.maps["building"] > 0.5
            roof, cover = batch.labels.maps["roof_class"], batch.labels.maps["land_cover"]
            tally = counts[mode]
            tally[0] += int((found & true).sum())
            tally[1] += int((found | true).sum())
            tally[2] += int(((outputs["roof_class"].argmax(1).cpu() + 1 == roof) & (roof > 0)).sum())
            tally[3] += int((roof > 0).sum())
            tally[4] += int(((outputs["land_cover"].argmax(1).cpu() + 1 == cover) & (cover > 0)).sum())
            tally[5] += int((cover > 0).sum())
    names = ("building_iou", "roof_accuracy", "cover_accuracy")
    return {
        f"{mode} {name}": round(tally[2 * i] / max(tally[2 * i + 1], 1), 4)
        for mode, tally in counts.items()
        for i, name in enumerate(names)
    }


def _first_weights(config: DefaultTraining) -> DenseModel:
    """Return the network to begin with: for both modalities, or for the one that the settings name."""
    if not config.alone:
        return _first_pair(config)
    held = networks_alone(find_model(config.start)).get(config.alone)
    return held or network_alone(_first_pair(config), config.alone)


def _first_pair(config: DefaultTraining) -> DenseModel:
    """Return the compact network with random weights, or with those that the run is told to begin with."""
    wanted = compact_config(fusion=config.fusion)
    if not config.start:
        model = DenseModel(wanted)
        if config.pretrained:
            load_pretrained(model.encoder, Path(config.pretrained))
        return model
    model = trainable_model(find_model(config.start))
    if model.config != wanted:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {config.start!r} is not built like the compact model, so training cannot start from it.",
            "Name a package of the compact model, or leave `start` empty.",
        )
    model.absent_bias.zero_()  # calibrated anew at the end
    return model


def _save(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, ema: Ema[DenseModel], step: int) -> None:
    part = path.with_suffix(".part")
    state = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "ema": ema.model.state_dict()}
    torch.save({**state, "ema_steps": ema.steps, "step": step}, part)
    part.replace(path)


def _resume(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, ema: Ema[DenseModel]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    ema.model.load_state_dict(state["ema"])
    ema.steps = int(state["ema_steps"])
    return int(state["step"])
