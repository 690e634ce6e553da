"""The training loop on the user's labels: balanced tiles, averaged weights, early stopping, resume."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ...feedback import Feedback
from ...models.config import TaskConfig
from ...models.multitask import DenseModel
from ...models.package import InputSpec
from ..ema import Ema
from ..losses import Labels, LossConfig, multitask_loss
from ..optimiser import learning_rate, make_adamw, set_learning_rate
from ..symmetry import turned
from .features import FeatureCache
from .samples import Sample, task_labels
from .scores import Scores, score_samples
from .teaching import Teaching
from .trainable import choose_trainable, learn_mode

Pairs = Sequence[tuple[int, int]]
"""Tiles to show: index of the sample, and symmetry."""


@dataclass(frozen=True)
class LoopConfig:
    """Settings of the loop.

    Attributes:
        mode: ``head``, ``adapters`` or ``full``.
        minutes: at most so long.
        steps: exactly so many steps instead (still ending early), which makes a run repeatable to the bit; None: the
            clock decides.
        batch: tiles a step.
        peak_lr: highest learning rate; a third of it where the whole encoder learns.
        validate_every: steps between two validations.
        patience: validations without a better score before it stops.
        hold: weight of what holds untaught outputs to what they were (Learning without Forgetting, arXiv 1606.09282).
        seed: of order and light.
    """

    mode: str = "head"
    minutes: float = 4.0
    steps: int | None = None
    batch: int = 4
    peak_lr: float = 1.5e-3
    validate_every: int = 40
    patience: int = 10
    hold: float = 1.0
    seed: int = 1


@dataclass
class History:
    """What happened: an entry for each validation, and which was the best."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    best: float = -1.0
    best_step: int = 0


@dataclass(frozen=True)
class Lesson:
    """All that a step needs beside the weights that learn.

    Attributes:
        before: the network as it was: gives the kept features, and what untaught outputs are held to.
        samples: tiles with labels.
        cache: features of ``before``.
        teaching: what the labels teach.
        ids: class ids by task and class name.
        config: settings.
    """

    before: DenseModel
    samples: Sequence[Sample]
    cache: FeatureCache
    teaching: Teaching
    ids: dict[str, dict[str, int]]
    config: LoopConfig

    def outputs(self, model: DenseModel, pairs: Pairs) -> dict[str, Tensor]:
        """Return the logits of these tiles: from kept features where the encoder is frozen."""
        if self.config.mode == "head":
            return model.decode(self.cache(pairs))
        outputs: dict[str, Tensor] = model(**self.cache.inputs(pairs))
        return outputs


def start_lesson(
    before: DenseModel,
    samples: Sequence[Sample],
    inputs: Sequence[InputSpec],
    teaching: Teaching,
    ids: dict[str, dict[str, int]],
    config: LoopConfig,
    device: str,
) -> Lesson:
    """Return what a training needs; ``before`` is moved to ``device``."""
    before = before.to(device).eval()
    cache = FeatureCache(before, inputs, samples, config.seed, device)
    return Lesson(before, samples, cache, teaching, ids, config)


def train(
    model: DenseModel,
    lesson: Lesson,
    device: str,
    state_file: Path,
    feedback: Feedback,
    illustrate: Callable[[DenseModel], list[str]] = lambda _model: [],
) -> tuple[DenseModel, History]:
    """Train on the labels; return the averaged weights that validated best, and the history.

    The first entry of the history is the network as it came, so the result is never worse than that on validation.

    Args:
        model: the network with the tasks of the lesson; changed in place.
        lesson: labels and settings.
        device: ``cpu`` or ``cuda``.
        state_file: where to resume from after a kill; brought up to date at every validation.
        feedback: told of losses and scores; may ask to finish early (the best so far is kept) or cancel.
        illustrate: writes pictures of what a network says at a validation and returns their paths.

    Raises:
        Cancelled: if the user wants to discard the training.
        ValueError: if no tile holds a pixel to train on.
    """
    config = lesson.config
    torch.manual_seed(config.seed)
    model = model.to(device)
    parameters = choose_trainable(model, config.mode)
    peak = config.peak_lr / 3 if config.mode == "full" else config.peak_lr
    optimiser = make_adamw(model, peak, 0.01)
    ema = Ema(model, 0.97)
    best, history = copy.deepcopy(ema.model), History()
    step, spent = _resume(state_file, model, optimiser, ema, best, history)
    share = tile_shares(lesson.samples, lesson.teaching)
    parts: dict[str, float] = {}
    began, validated = time.monotonic() - spent, step if step else -1
    while True:
        minutes = (time.monotonic() - began) / 60
        done = min(step / config.steps if config.steps else minutes / config.minutes, 1.0)
        finished = done >= 1 or feedback.asked_to_finish()
        if step != validated and (finished or step % config.validate_every == 0):
            validated = step
            scores = validate(ema.model, lesson)
            if scores.mean_iou > history.best:
                history.best, history.best_step = scores.mean_iou, step
                best.load_state_dict(ema.model.state_dict())
            history.entries.append(_entry(step, minutes, parts, scores))
            _save(state_file, model, optimiser, ema, best, history, step, minutes * 60)
            detail = {**history.entries[-1], "pictures": illustrate(ema.model)}
            feedback.progress(100 * done, 100, "%", "training", detail)
        if finished or (step == validated and step - history.best_step >= config.patience * config.validate_every):
            return best, history
        # the rate follows what ends the run: the clock or the number of steps
        set_learning_rate(optimiser, learning_rate(int(1000 * done), 1000, peak, 30, peak / 20))
        parts = _step(model, optimiser, parameters, lesson, _draw(share, config, step), step, device)
        ema.update(model)
        step += 1
        feedback.progress(100 * done, 100, "%", "training")


@torch.no_grad()
def validate(model: DenseModel, lesson: Lesson) -> Scores:
    """Return the scores of ``model`` on the pixels that validate."""
    model.eval()

    def predicted(index: int) -> dict[str, NDArray[np.float32]]:
        outputs = lesson.outputs(model, [(index, 0)])
        return {name: value[0].float().cpu().numpy() for name, value in outputs.items()}

    return score_samples(predicted, lesson.samples, lesson.teaching, lesson.ids, validation=True)


def tile_shares(samples: Sequence[Sample], teaching: Teaching) -> NDArray[np.float64]:
    """Return how often each tile is drawn: by its training pixels, each class counting alike over all tiles.

    Raises:
        ValueError: if no tile holds a pixel to train on.
    """
    counts = np.zeros((len(samples), len(teaching.names)))
    for number, sample in enumerate(samples):
        trains = (sample.truth >= 0) & ~sample.validates
        counts[number] = np.bincount(sample.truth[trains], minlength=counts.shape[1])
    total = counts.sum(axis=0)
    if not total.any():
        raise ValueError("no labelled pixel is left to train on")
    # the square root keeps tiles with a few pixels of a rare class from being shown all the time
    share = np.sqrt(counts / np.maximum(total, 1)).sum(axis=1)
    shares: NDArray[np.float64] = share / share.sum()
    return shares


def _draw(share: NDArray[np.float64], config: LoopConfig, step: int) -> list[tuple[int, int]]:
    rng = np.random.default_rng((config.seed, step))
    tiles = rng.choice(len(share), config.batch, p=share)
    return [(int(tile), int(symmetry)) for tile, symmetry in zip(tiles, rng.integers(0, 8, config.batch))]


def _step(
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    lesson: Lesson,
    pairs: Pairs,
    step: int,
    device: str,
) -> dict[str, float]:
    learn_mode(model)
    # what a step draws depends on its number alone, so that a run that goes on draws the same
    torch.manual_seed(lesson.config.seed * 1_000_003 + step)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        outputs = lesson.outputs(model, pairs)
    outputs = {name: value.float() for name, value in outputs.items()}
    labels = _labels(lesson, pairs, next(iter(outputs.values())).device)
    taught = tuple(task for task in model.config.tasks if task.name in lesson.teaching.taught)
    loss, parts = multitask_loss(outputs, labels, taught, LossConfig())
    held = tuple(task for task in model.config.tasks if task not in taught)
    if held and lesson.config.hold > 0:
        with torch.no_grad():
            old = lesson.before.decode(lesson.cache(pairs))
        drift = sum((_drift(outputs[task.name], old[task.name], task) for task in held), torch.zeros(()).to(loss))
        loss = loss + lesson.config.hold * drift / len(held)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    return {name: float(value) for name, value in parts.items()}


def _labels(lesson: Lesson, pairs: Pairs, device: torch.device) -> Labels:
    """Return the training labels of these tiles; pixels that validate count nothing."""
    maps: dict[str, list[NDArray[Any]]] = {}
    counts = []
    for tile, symmetry in pairs:
        sample = lesson.samples[tile]
        for task, values in task_labels(sample, lesson.teaching, lesson.ids).items():
            maps.setdefault(task, []).append(turned(values[None], symmetry)[0])
        counts.append(turned((~sample.validates)[None].astype(np.float32), symmetry)[0])
    weight = torch.from_numpy(np.stack(counts)).to(device)
    return Labels(
        {task: torch.from_numpy(np.stack(values)).to(device) for task, values in maps.items()},
        dict.fromkeys(maps, weight),
    )


def _drift(now: Tensor, old: Tensor, task: TaskConfig) -> Tensor:
    """Return how far an output has moved from what it was."""
    if task.kind == "classes":
        return F.kl_div(now.log_softmax(1), old.log_softmax(1), reduction="none", log_target=True).sum(1).mean()
    if task.kind == "probability":
        return F.binary_cross_entropy_with_logits(now, old.sigmoid())
    return F.smooth_l1_loss(now, old)


def _entry(step: int, minutes: float, parts: dict[str, float], scores: Scores) -> dict[str, Any]:
    losses = {f"loss {name}": round(value, 5) for name, value in parts.items()}
    return {"step": step, "minutes": round(minutes, 3), **losses, **scores.as_dict()}


def _save(
    path: Path,
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    ema: Ema[DenseModel],
    best: DenseModel,
    history: History,
    step: int,
    seconds: float,
) -> None:
    part = path.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "ema": ema.model.state_dict(),
            "ema_steps": ema.steps,
            "best": best.state_dict(),
            "history": history.entries,
            "best_score": history.best,
            "best_step": history.best_step,
            "step": step,
            "seconds": seconds,
        },
        part,
    )
    part.replace(path)


def _resume(
    path: Path,
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    ema: Ema[DenseModel],
    best: DenseModel,
    history: History,
) -> tuple[int, float]:
    """Load the state of a killed run, if there is one; return its step and the seconds that it had worked."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True, map_location="cpu")
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    ema.model.load_state_dict(state["ema"])
    ema.steps = int(state["ema_steps"])
    best.load_state_dict(state["best"])
    history.entries, history.best, history.best_step = state["history"], state["best_score"], state["best_step"]
    return int(state["step"]), float(state["seconds"])
