"""The pretraining loop: one CPU, one GPU, or many processes under ``torchrun``."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Sampler

from ...feedback import Feedback
from ...jobs import Cancelled
from ...models.masked_image import MaskedImageModel, MaskedResult
from ..distributed import World
from ..optimiser import learning_rate, make_adamw, set_learning_rate
from .checkpoint import Progress, load_state, save_state
from .config import PretrainConfig
from .dataset import MaskedChips
from .picture import write_picture
from .sources import ChipSource

LOSSES = ("loss", "rgb_loss", "dsm_loss", "contrastive_loss")


def pretrain(
    source: ChipSource,
    config: PretrainConfig,
    folder: Path,
    world: World,
    feedback: Feedback,
    start: dict[str, Tensor] | None = None,
) -> MaskedImageModel:
    """Pretrain the encoder pair and return it.

    ``folder`` holds ``log.jsonl`` (a line a step), ``reconstruct-<epoch>.png``, and the checkpoint that a later call
    goes on from: a run that was killed loses at most ``save_every`` epochs and sees the samples it would have seen.

    Args:
        source: where chips come from.
        config: settings.
        folder: of the run; made if missing.
        world: the processes.
        feedback: told of progress; may cancel.
        start: weights to begin with, by their names and in their shapes in the network; the others begin at random.

    Raises:
        Cancelled: if the user wants to stop; what is finished is saved first.
        FloatingPointError: if the loss is no number any more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = MaskedImageModel(config.model)
    if start:
        model.load_state_dict({**model.state_dict(), **start})
    model.to(world.device)
    whole = config.batch * config.accumulate * world.size
    samples = config.samples or len(source)
    steps_per_epoch = max(1, samples // whole)
    optimiser = make_adamw(model, config.base_lr, config.weight_decay)
    progress = load_state(folder, model, optimiser, config)
    network: nn.Module = model
    if world.size > 1:
        network = DistributedDataParallel(
            model, device_ids=[world.device.index] if world.device.type == "cuda" else None
        )
    network.train()
    total = steps_per_epoch * config.epochs
    dataset = MaskedChips(source, config, total * whole)
    batches = iter(_loader(dataset, config, world, progress.step))
    try:
        for epoch in range(progress.epoch, config.epochs):
            for _ in range(steps_per_epoch):
                began = time.perf_counter()
                rate = _rate(progress.step, steps_per_epoch, total, config, whole)
                set_learning_rate(optimiser, rate)
                # stochastic depth of a step is the same whether the run was stopped before it or not
                torch.manual_seed((config.seed * 1_000_003 + progress.step) * world.size + world.rank)
                sums, last = _step(network, optimiser, batches, config, world)
                progress = Progress(progress.step + 1, epoch)
                means = {name: world.mean(sums[name]) for name in LOSSES}
                if not math.isfinite(means["loss"]):
                    raise FloatingPointError("the loss is no finite number; lower base_lr or start anew")
                if world.leads:
                    speed = whole / (time.perf_counter() - began)
                    line = {"step": progress.step, "epoch": epoch, "lr": rate, **means, "images_per_s": speed}
                    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
                        log.write(json.dumps({name: _rounded(value) for name, value in line.items()}) + "\n")
                    feedback.progress(progress.step, total, "steps", "pretraining", {"loss": means["loss"]})
            progress = Progress(progress.step, epoch + 1)
            if world.leads:
                _show(model, last, config, world, folder / f"reconstruct-{epoch + 1:04d}.png")
                if (epoch + 1) % config.save_every == 0 or epoch + 1 == config.epochs:
                    save_state(folder, model, optimiser, config, progress)
            world.wait()
    except Cancelled:
        if world.leads:
            feedback.warn("stopped", f"Stopped after {progress.step} steps; the last checkpoint stays.")
        raise
    return model


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    batches: Iterator[dict[str, Tensor]],
    config: PretrainConfig,
    world: World,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Take one optimiser step; return the mean losses of this process and its last batch."""
    sums = {name: torch.zeros((), device=world.device) for name in LOSSES}
    batch: dict[str, Tensor] = {}
    for part in range(config.accumulate):
        batch = {name: value.to(world.device, non_blocking=True) for name, value in next(batches).items()}
        last = part == config.accumulate - 1
        # gradients travel between processes once, with the last part
        quiet = network.no_sync() if isinstance(network, DistributedDataParallel) and not last else nullcontext()
        with quiet:
            result = forward(network, batch, config, world.device)
            torch.autograd.backward(result.loss / config.accumulate)
        for name in LOSSES:
            sums[name] += getattr(result, name).detach() / config.accumulate
    nn.utils.clip_grad_norm_(network.parameters(), config.clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return sums, batch


def forward(network: nn.Module, batch: dict[str, Tensor], config: PretrainConfig, device: torch.device) -> MaskedResult:
    """Return the result of a batch (tensors [B, …] by name, as of `MaskedChips`), in bfloat16 where configured."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
        result: MaskedResult = network(
            batch["rgb"],
            batch["dsm"],
            batch["rgb_hidden"],
            batch["dsm_hidden"],
            batch["rgb_valid"],
            batch["dsm_valid"],
        )
    return result


def _loader(
    dataset: MaskedChips, config: PretrainConfig, world: World, first_step: int
) -> DataLoader[dict[str, Tensor]]:
    """Return the batches of this process from ``first_step`` on: of every whole batch, each process has its part."""
    return DataLoader(
        dataset,
        batch_size=config.batch,
        sampler=_OwnPart(len(dataset), config, world, first_step),
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
        pin_memory=world.device.type == "cuda",
        persistent_workers=config.workers > 0,
    )


class _OwnPart(Sampler[int]):
    """Numbers of the samples that are this process's: of every batch over all processes, its own stretch."""

    def __init__(self, length: int, config: PretrainConfig, world: World, first_step: int) -> None:
        self._first = first_step * config.batch * config.accumulate * world.size
        self._length, self._batch, self._world = length, config.batch, world

    def __iter__(self) -> Iterator[int]:
        for start in range(self._first, self._length, self._batch * self._world.size):
            own = start + self._world.rank * self._batch
            yield from range(own, own + self._batch)


def _rate(step: int, steps_per_epoch: int, total: int, config: PretrainConfig, whole: int) -> float:
    scale = whole / 512
    warmup = round(config.warmup_epochs * steps_per_epoch)
    peak, floor, start = config.base_lr * scale, config.min_lr * scale, config.warmup_lr * scale
    return learning_rate(step, total, peak, min(warmup, total - 1), floor, start)


@torch.no_grad()
def _show(model: MaskedImageModel, batch: dict[str, Tensor], config: PretrainConfig, world: World, path: Path) -> None:
    few = {name: value[:4] for name, value in batch.items()}
    model.eval()
    result = forward(model, few, config, world.device)
    model.train()
    write_picture(path, few, result.rgb_rebuilt, result.dsm_rebuilt, config.chips)


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value
