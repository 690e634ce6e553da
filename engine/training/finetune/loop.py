"""The training loop on the user's labels: balanced tiles, averaged weights, early stopping, resume."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from .balance import class_weights, tile_shares
from .features import Kept, Pairs, Shown, fitting_views, picture_for
from .history import History
from .samples import Sample, task_labels
from .scores import Scores, Validation, validate_samples
from .state import Learner, resume, save
from .teaching import Teaching
from .trainable import choose_trainable, learn_kernels, learn_mode
from .views import seen_map

COLOURLESS = ("building", "roof_class")
"""Kinds of teaching whose classes may have any colour: a roof's shape tells them."""
HELD_STRIDE = 4
"""Untaught outputs are compared with what they were at every fourth pixel: it saves a third of a step."""
HELD_BYTES = 300_000_000
_SLOWER = {"head": 1, "adapters": 2, "full": 6}
"""How many times smaller than the head's the rate of each mode is."""


@dataclass(frozen=True)
class LoopConfig:
    """Settings of the loop.

    Attributes:
        mode: ``head``, ``adapters`` or ``full``.
        minutes: at most so long, except for the least steps.
        steps: exactly so many steps instead (still ending early), which makes a run repeatable to the bit; None: the
            clock decides.
        least_steps: so many at least, however short the minutes or slow the machine: a network that has just begun to
            move is worse than one that has not.
        batch: tiles a step.
        views: ways in which a tile is looked at, see `views`; fewer where there are many tiles.
        peak_lr: highest learning rate of ``head``; the other modes take a half and a sixth of it.
        norm_steps: for so many steps of ``head`` the decoder's kernels stay as they are, see `learn_kernels`.
        validate_every: steps between two validations.
        patience: validations without a better score before it stops.
        joint_from: from this part of the training on what validated teaches, too, and nothing validates any more; 1:
            never. A training that ends early ends with as large a share of it.
        hold: weight of what holds untaught outputs to what they were (Learning without Forgetting, arXiv 1606.09282).
        seed: of order and light.
    """

    mode: str = "head"
    minutes: float = 4.0
    steps: int | None = None
    least_steps: int = 120
    batch: int = 4
    views: int = 24
    peak_lr: float = 3e-3
    norm_steps: int = 160
    validate_every: int = 40
    patience: int = 10
    joint_from: float = 1.0
    hold: float = 1.0
    seed: int = 1


@dataclass(frozen=True)
class Trained:
    """What comes out of a training.

    Attributes:
        network: what is kept.
        validated: the network that validation speaks of: ``network``, or what it was before what validated taught, too.
        history: what happened.
    """

    network: DenseModel
    validated: DenseModel
    history: History


@dataclass(frozen=True)
class Lesson:
    """All that a step needs beside the weights that learn.

    Attributes:
        before: the network as it was: gives the kept features, and what untaught outputs are held to.
        samples: tiles with labels.
        shown: the tiles as their views show them.
        features: of ``before``.
        held: outputs of ``before`` that the labels do not teach, every `HELD_STRIDE` pixels.
        teaching: what the labels teach.
        ids: class ids by task and class name.
        config: settings.
        loss: weights of the losses; rare classes count more.
    """

    before: DenseModel
    samples: Sequence[Sample]
    shown: Shown
    features: Kept
    held: Kept
    teaching: Teaching
    ids: dict[str, dict[str, int]]
    config: LoopConfig
    loss: LossConfig

    def outputs(self, model: DenseModel, pairs: Pairs) -> dict[str, Tensor]:
        """Return the logits [B, C, H, W] of these tiles by task: from kept features where the encoder is frozen."""
        if self.config.mode == "head":
            # the decoder's convolutions take a quarter less time on a CPU this way
            pyramid = [level.contiguous(memory_format=torch.channels_last) for level in self.features(pairs)]
            return model.decode(pyramid, rgb=picture_for(model, self.shown, pairs))
        outputs: dict[str, Tensor] = model(**self.shown.inputs(pairs))
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
    shown = Shown(inputs, samples, config.seed, device, teaching.kind in COLOURLESS)
    tasks = held_tasks(before, teaching)

    def features(pair: tuple[int, int]) -> list[Tensor]:
        return [level[0] for level in before.encoder.eval()(**shown.inputs([pair]))]

    kept = Kept(features, device)

    def held(pair: tuple[int, int]) -> list[Tensor]:
        # where the encoder learns, nobody else asks for its features
        pyramid = kept([pair]) if config.mode == "head" else [level[None] for level in features(pair)]
        outputs = before.eval().decode(pyramid, rgb=picture_for(before, shown, [pair]))
        return [outputs[task.name][0, :, ::HELD_STRIDE, ::HELD_STRIDE] for task in tasks]

    loss = LossConfig(class_weights=class_weights(samples, teaching, ids))
    return Lesson(before, samples, shown, kept, Kept(held, device, HELD_BYTES), teaching, ids, config, loss)


def held_tasks(model: DenseModel, teaching: Teaching) -> tuple[TaskConfig, ...]:
    """Return the tasks of a network that the labels do not teach, in its order."""
    return tuple(task for task in model.config.tasks if task.name not in teaching.taught)


def train(
    model: DenseModel,
    lesson: Lesson,
    device: str,
    state_file: Path,
    feedback: Feedback,
    illustrate: Callable[[DenseModel], list[str]] = lambda _model: [],
) -> Trained:
    """Train on the labels; the averaged weights are kept that `History.takes_over` prefers.

    The first entry of the history is the network as it came. Where buildings are taught, a network takes its place that
    tells them better from the ground, at whichever logit (`Validation.best`). At the end what validated may teach, too
    (`LoopConfig.joint_from`): the network that is kept learns on, and its last weights count.

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
    if config.mode == "head":
        model.decoder.to(memory_format=torch.channels_last)
    parameters = choose_trainable(model, config.mode)
    peak = config.peak_lr / _SLOWER[config.mode]
    optimiser = make_adamw(model, peak, 0.01)
    ema = Ema(model, 0.97)
    best, history = copy.deepcopy(ema.model), History()
    learner = Learner(model, optimiser, ema, best, history)
    step, spent = resume(state_file, learner)
    for entry in history.entries:  # whoever watches a run that goes on has not seen how it began
        feedback.progress(100 * _done(config, step, spent / 60), 100, "%", "training", entry)
    share = tile_shares(lesson.samples, lesson.teaching, everything=history.joined is not None)
    parts: dict[str, float] = {}
    began, validated = time.monotonic() - spent, step if step else -1
    while True:
        minutes = (time.monotonic() - began) / 60
        done = _done(config, step, minutes)
        finished = done >= 1 or feedback.asked_to_finish()
        joins = history.joined is None and done >= config.joint_from
        if step != validated and (finished or joins or step % config.validate_every == 0):
            validated = step
            scores, pictures = None, []
            if history.joined is None:
                found = validate(ema.model, lesson)
                if history.judges(step, found):
                    best.load_state_dict(ema.model.state_dict())
                scores, pictures = found.best if step else found.plain, illustrate(ema.model)
            history.entries.append(_entry(step, minutes, parts, scores))
            detail = {**history.entries[-1], "pictures": pictures, "inputs": lesson.shown.kinds}
            save(state_file, learner, step, minutes * 60)
            feedback.progress(100 * done, 100, "%", "training", detail)
        if history.joined is None:
            idle = step == validated and step - history.improved_step >= config.patience * config.validate_every
            if finished or ((idle or joins) and (config.joint_from >= 1 or history.is_start)):
                return Trained(best, best, history)
            if idle or joins:
                history.joined = done
                model.load_state_dict(best.state_dict())
                ema.model.load_state_dict(best.state_dict())
                share = tile_shares(lesson.samples, lesson.teaching, everything=True)
        elif finished or done >= history.joined / config.joint_from:
            return Trained(ema.model, best, history)
        # the rate follows what ends the run: the clock or the number of steps
        set_learning_rate(optimiser, learning_rate(int(1000 * done), 1000, peak, 30, peak / 20))
        if config.mode == "head":
            learn_kernels(model.decoder, step >= config.norm_steps)
        pairs = _draw(share, config, step)
        parts = _step(model, optimiser, parameters, lesson, pairs, step, device, history.joined is not None)
        ema.update(model)
        step += 1
        feedback.progress(100 * done, 100, "%", "training")


@torch.no_grad()
def validate(model: DenseModel, lesson: Lesson) -> Validation:
    """Return the scores of ``model`` on the pixels that validate."""
    model.eval()

    def predicted(index: int) -> dict[str, NDArray[np.float32]]:
        outputs = lesson.outputs(model, [(index, 0)])
        return {name: value[0].float().cpu().numpy() for name, value in outputs.items()}

    return validate_samples(predicted, lesson.samples, lesson.teaching, lesson.ids)


def _done(config: LoopConfig, step: int, minutes: float) -> float:
    """Return which part of the training lies behind, from 0 to 1."""
    if config.steps:
        return min(step / config.steps, 1.0)
    return min(minutes / config.minutes, step / config.least_steps, 1.0)


def _draw(share: NDArray[np.float64], config: LoopConfig, step: int) -> Pairs:
    rng = np.random.default_rng((config.seed, step))
    tiles = rng.choice(len(share), config.batch, p=share)
    views = fitting_views(int(np.count_nonzero(share)), config.views)
    return [(int(tile), int(view)) for tile, view in zip(tiles, rng.integers(0, views, config.batch))]


def _step(
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    lesson: Lesson,
    pairs: Pairs,
    step: int,
    device: str,
    everything: bool,
) -> dict[str, float]:
    """Take a step on these tiles; ``everything``: what validates teaches, too."""
    learn_mode(model)
    # what a step draws depends on its number alone, so that a run that goes on draws the same
    torch.manual_seed(lesson.config.seed * 1_000_003 + step)
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        outputs = lesson.outputs(model, pairs)
    outputs = {name: value.float() for name, value in outputs.items()}
    labels = _labels(lesson, pairs, next(iter(outputs.values())).device, everything)
    taught = tuple(task for task in model.config.tasks if task.name in lesson.teaching.taught)
    loss, parts = multitask_loss(outputs, labels, taught, lesson.loss)
    held = held_tasks(model, lesson.teaching)
    if held and lesson.config.hold > 0:
        for task, old in zip(held, lesson.held(pairs)):
            now = outputs[task.name][:, :, ::HELD_STRIDE, ::HELD_STRIDE]
            loss = loss + lesson.config.hold * _drift(now, old, task) / len(held)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    return {name: float(value) for name, value in parts.items()}


def _labels(lesson: Lesson, pairs: Pairs, device: torch.device, everything: bool) -> Labels:
    """Return the training labels of these tiles; pixels that validate count nothing, unless ``everything`` counts."""
    maps: dict[str, list[NDArray[Any]]] = {}
    counts = []
    for pair in pairs:
        sample, view = lesson.samples[pair[0]], lesson.shown.view(pair)
        for task, values in task_labels(sample, lesson.teaching, lesson.ids).items():
            maps.setdefault(task, []).append(seen_map(values, view))
        counts.append(seen_map((~sample.validates | everything).astype(np.float32), view))
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


def _entry(step: int, minutes: float, parts: dict[str, float], scores: Scores | None) -> dict[str, Any]:
    """Return what is kept of a validation; without scores all labels teach."""
    losses = {f"loss {name}": round(value, 5) for name, value in parts.items()}
    found = {"all_labels_teach": True} if scores is None else scores.as_dict()
    return {"step": step, "minutes": round(minutes, 3), **losses, **found}
