"""Does pretraining learn? A short run on synthetic scenes: how far its losses fall, and who finds whom."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ...feedback import Feedback
from ...models.contrastive import retrieval_top1
from ...models.masked_image import MaskedImageModel
from ..distributed import World
from .config import PretrainConfig
from .loop import LOSSES, pretrain
from .sources import RawChip, SceneChips
from .surface_norm import SURFACE_NORMS

RIVALS = 64
"""Among so many surfaces a picture has to find its own: by chance it does once in so many times."""


@dataclass(frozen=True)
class TrialResult:
    """What a run reached.

    Attributes:
        curve: mean losses of each epoch, by the names in `LOSSES`.
        start: the loss of the first step, before anything was learnt.
        end: the mean loss of the last epoch.
        seen_top1: share of pictures of `RIVALS` scenes of the run that find their own surface among them.
        unseen_top1: the same of scenes that the run never saw.
        seconds: of the run.
    """

    curve: tuple[dict[str, float], ...]
    start: float
    end: float
    seen_top1: float
    unseen_top1: float
    seconds: float


def run_trial(config: PretrainConfig, scenes: int, folder: Path, world: World, feedback: Feedback) -> TrialResult:
    """Pretrain on so many synthetic scenes and measure what came of it.

    Args:
        config: of the run; its seed is the scenes' too, those that are kept apart have the next one.
        scenes: number of them, at least `RIVALS`.
        folder: of the run; must be new.
        world: the processes.
        feedback: told of progress; may cancel.

    Raises:
        ValueError: if there are too few scenes to choose among.
    """
    if scenes < RIVALS:
        raise ValueError(f"a trial needs at least {RIVALS} scenes, not {scenes}")
    norm, size = SURFACE_NORMS[config.chips.surface_norm], config.model.image_size
    seen = SceneChips(scenes, size, config.chips.gsd, norm, config.seed)
    unseen = SceneChips(RIVALS, size, config.chips.gsd, norm, config.seed + 1)
    for index in range(scenes):
        seen.scene(index)
        feedback.progress(index + 1, scenes, "scenes", "drawing scenes")
    began = time.perf_counter()
    model = pretrain(seen, config, folder, world, feedback).eval()
    seconds = time.perf_counter() - began
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    curve = []
    for epoch in range(config.epochs):
        steps = [line for line in lines if line["epoch"] == epoch]
        curve.append({name: float(np.mean([line[name] for line in steps])) for name in LOSSES})
    return TrialResult(
        tuple(curve),
        float(lines[0]["loss"]),
        curve[-1]["loss"],
        retrieval(model, [seen.scene(index) for index in range(RIVALS)], config, world),
        retrieval(model, [unseen.scene(index) for index in range(RIVALS)], config, world),
        seconds,
    )


@torch.no_grad()
def retrieval(model: MaskedImageModel, chips: list[RawChip], config: PretrainConfig, world: World) -> float:
    """Return the share of whole pictures whose nearest surface is their own."""
    mean, std = (np.asarray(item, np.float32)[:, None, None] for item in (config.chips.mean, config.chips.std))
    rgb = torch.from_numpy(np.stack([np.where(chip.rgb_valid, (chip.rgb - mean) / std, 0) for chip in chips]))
    dsm = torch.from_numpy(np.stack([chip.dsm for chip in chips]))
    return retrieval_top1(*model.embed(rgb.float().to(world.device), dsm.to(world.device)))
