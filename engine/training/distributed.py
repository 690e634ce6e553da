"""One process or many: what ``torchrun`` says of itself, and the few things that differ."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from ..jobs import ErrorCode, RidgelineError


@dataclass(frozen=True)
class World:
    """The processes that train together.

    Attributes:
        rank: this process's number; 0 writes files and tells progress.
        size: number of processes.
        device: this process's device.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and tells progress."""
        return self.rank == 0

    def mean(self, value: Tensor) -> float:
        """Return the mean of a scalar over all processes; all must call it."""
        value = value.detach().float().clone()
        if self.size > 1:
            distributed.all_reduce(value)
        return float(value) / self.size

    def wait(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """Join the processes that ``torchrun`` started (NCCL between GPUs, Gloo between CPUs), or be alone.

    Args:
        device: ``cpu``, ``cuda`` or ``auto`` for a GPU where there is one.

    Raises:
        RidgelineError: (DEVICE_UNAVAILABLE) if a GPU is asked for and there is none, or fewer than processes.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    cuda = torch.cuda.is_available()
    if device not in ("auto", "cpu", "cuda"):
        raise RidgelineError(ErrorCode.BAD_JOB, f"There is no device {device!r}.", "Choose auto, cpu or cuda.")
    if device == "cuda" and not cuda:
        raise RidgelineError(
            ErrorCode.DEVICE_UNAVAILABLE, "PyTorch finds no CUDA GPU here.", "Choose cpu, or check the GPU's driver."
        )
    chosen = torch.device("cuda", local) if cuda and device != "cpu" else torch.device("cpu")
    if chosen.type == "cuda":
        if local >= torch.cuda.device_count():
            raise RidgelineError(
                ErrorCode.DEVICE_UNAVAILABLE,
                f"Process {local} has no GPU of its own: there are {torch.cuda.device_count()}.",
                "Start as many processes as there are GPUs.",
            )
        torch.cuda.set_device(chosen)
    if size > 1:
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield World(rank, size, chosen)
    finally:
        if size > 1:
            distributed.destroy_process_group()
