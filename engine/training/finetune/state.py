"""What a killed training goes on from."""

from __future__ import annotations

from pathlib import Path

import torch

from ...models.multitask import DenseModel
from ..ema import Ema
from .history import History

STATE_VERSION = 7
"""A file of another version is not gone on from: the training begins anew."""


def save(
    path: Path,
    model: DenseModel,
    optimiser: torch.optim.Optimizer,
    ema: Ema[DenseModel],
    best: DenseModel,
    history: History,
    step: int,
    seconds: float,
) -> None:
    """Write all that a training goes on from; a kill while it is written leaves the file as it was."""
    part = path.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "ema": ema.model.state_dict(),
            "ema_steps": ema.steps,
            "best": best.state_dict(),
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


def resume(
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
    history.entries, history.best, history.start = state["history"], state["best_score"], state["start_score"]
    history.improved_step = int(state["improved_step"])
    history.best_step = int(state["best_step"])
    history.joined = state["joined"]
    return int(state["step"]), float(state["seconds"])
