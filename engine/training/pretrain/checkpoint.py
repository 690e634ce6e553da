"""Where a pretraining run stands, on disk: written whole, so that a run that was killed goes on from the last one."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ...jobs import ErrorCode, RidgelineError, from_dict, to_dict
from ...models.checkpoint import load_into, load_weights, save_weights
from .config import PretrainConfig

STATE_FILE = "state.json"


@dataclass(frozen=True)
class Progress:
    """How far a run is: optimiser steps and epochs that are done."""

    step: int = 0
    epoch: int = 0


def save_state(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, config: PretrainConfig, progress: Progress
) -> None:
    """Write weights (safetensors, with the configuration in their header) and the optimiser's state.

    ``state.json`` names the files and is written last: what it names is whole.
    """
    weights, moments = f"weights-{progress.epoch:05d}.safetensors", f"optimiser-{progress.epoch:05d}.pt"
    sidecar = {"kind": "masked_image", "config": to_dict(config), **to_dict(progress)}
    save_weights(folder / weights, model.state_dict(), sidecar)
    part = folder / (moments + ".part")
    torch.save(optimiser.state_dict(), part)
    part.replace(folder / moments)
    state = {"config": to_dict(config), "weights": weights, "optimiser": moments, **to_dict(progress)}
    note = folder / (STATE_FILE + ".part")
    note.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    os.replace(note, folder / STATE_FILE)
    for old in (*folder.glob("weights-*.safetensors"), *folder.glob("optimiser-*.pt")):
        if old.name not in (weights, moments):
            old.unlink()


def load_state(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, config: PretrainConfig) -> Progress:
    """Fill model and optimiser from the folder's last checkpoint, and return how far it was (nothing: the start).

    Raises:
        RidgelineError: (BAD_JOB) if the checkpoint is of a run with other settings.
    """
    note = folder / STATE_FILE
    if not note.is_file():
        return Progress()
    state = json.loads(note.read_text(encoding="utf-8"))
    # read, not compared as text: a setting that is newer than the run has its default there
    theirs, ours = to_dict(from_dict(PretrainConfig, state["config"], STATE_FILE)), to_dict(config)
    changed = sorted(key for key in ours if theirs[key] != ours[key] and key not in _MAY_CHANGE)
    if changed:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"The run in {str(folder)!r} was started with another setting of {changed[0]!r}.",
            "Continue it with its own settings, or choose another folder.",
        )
    tensors, _ = load_weights(folder / state["weights"])
    load_into(model, tensors, state["weights"])
    # plain tensors and numbers: nothing that a pickle could run is let in
    optimiser.load_state_dict(torch.load(folder / state["optimiser"], map_location="cpu", weights_only=True))
    return Progress(int(state["step"]), int(state["epoch"]))


_MAY_CHANGE = ("workers", "save_every")
