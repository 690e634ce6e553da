"""What a killed training goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from ...models.multitask import DenseModel
from ..ema import Ema
from .history import History

STATE_VERSION = 7
"""A file of another version is not gone on from: the training begins anew."""


@dataclass(frozen=True)
class Learner:
    """All that a training changes.

    Attributes:
        model: the network.
        optimiser: of its weights.
        ema: its averaged weights.
        best: the network that is kept.
        history: what happened.
    """

    model: DenseModel
    optimiser: torch.optim.Optimizer
    ema: Ema[DenseModel]
    best: DenseModel
    history: History


def save(path: Path, learner: Learner, step: int, seconds: float) -> None:
    """Write all that a training goes on from; a kill while it is written leaves the file as it was."""
    part, history = path.with_suffix(".part"), learner.history
    torch.save(
        {
            "model": learner.model.state_dict(),
            "optimiser": learner.optimiser.state_dict(),
            "ema": learner.ema.model.state_dict(),
            "ema_steps": learner.ema.steps,
            "best": learner.best.state_dict(),
            "history": history.entries,
            "start_score": history.start,
            "best_score": history.best,
            "improved_step": history.improved_step,
            "best_step": history.best_step,
            "joined": history.joined,
            "step": step,
            "seconds": seconds,
        },
        part,
    )
    part.replace(path)


def resume(path: Path, learner: Learner) -> tuple[int, float]:
    """Load the state of a killed run, if there is one; return its step and the seconds that it had worked."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True, map_location="cpu")
    learner.model.load_state_dict(state["model"])
    learner.optimiser.load_state_dict(state["optimiser"])
    learner.ema.model.load_state_dict(state["ema"])
    learner.ema.steps = int(state["ema_steps"])
    learner.best.load_state_dict(state["best"])
    history = learner.history
    history.entries, history.best, history.start = state["history"], state["best_score"], state["start_score"]
    history.improved_step = int(state["improved_step"])
    history.best_step = int(state["best_step"])
    history.joined = state["joined"]
    return int(state["step"]), float(state["seconds"])
