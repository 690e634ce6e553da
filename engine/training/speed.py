"""How fast networks train on this machine, and how much of what its processor could do that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..feedback import Feedback
from ..given import given
from ..models.backbone import count_parameters
from ..models.compact import compact_config
from ..models.masked_config import MaskedImageConfig
from ..models.masked_image import MaskedImageModel, make_masks
from ..models.multitask import DenseModel
from ..models.presets import encoder_preset
from .losses import Labels, LossConfig, multitask_loss
from .optimiser import make_adamw


@dataclass(frozen=True)
class SpeedCase:
    """One measurement.

    Attributes:
        architecture: an encoder preset, for masked-image pretraining; ``compact`` is the default model with all heads.
        size: side of a chip in pixels.
        batch: samples a step.
    """

    architecture: str
    size: int
    batch: int


@dataclass(frozen=True)
class SpeedResult:
    """What was measured.

    Attributes:
        case: what ran.
        device: where.
        precision: ``bf16`` or ``fp32``.
        parameters: of the network.
        images_per_s: forward, backward and optimiser together, data already on the device (median step).
        peak_memory_mb: of the device for a GPU; of the process, libraries included, for a CPU.
        forward_gflop: of one image (two per multiply-add).
        backward_gflop: of one image.
        tflop_per_s: of both, reached.
        peak_tflop_per_s: of a large matrix product in the same precision, measured before.
        peak_share: the one over the other.
    """

    case: SpeedCase
    device: str
    precision: str
    parameters: int
    images_per_s: float
    peak_memory_mb: float
    forward_gflop: float
    backward_gflop: float
    tflop_per_s: float
    peak_tflop_per_s: float
    peak_share: float


def default_cases(device: torch.device) -> list[SpeedCase]:
    """Return what is worth measuring: the published pair at 192 and 512 pixels, and on a CPU what trains there."""
    if device.type == "cuda":
        return [
            SpeedCase("swin_base", 192, 128),
            SpeedCase("swin_base", 512, 16),
            SpeedCase("swin_tiny", 192, 256),
            SpeedCase("compact", 256, 128),
        ]
    return [SpeedCase("compact", 256, 8), SpeedCase("swin_base", 192, 2), SpeedCase("swin_base", 512, 1)]


def measure_training(
    cases: list[SpeedCase], device: torch.device, bf16: bool, steps: int, compiled: bool, feedback: Feedback
) -> list[SpeedResult]:
    """Return one result a case.

    Args:
        cases: what to run.
        device: where.
        bf16: whether matrix products run in bfloat16.
        steps: timed steps (two more warm up).
        compiled: whether networks go through ``torch.compile``.
        feedback: told of each case; may cancel.
    """
    peak = matrix_peak(device, torch.bfloat16 if bf16 else torch.float32)
    results = []
    for number, case in enumerate(cases):
        feedback.progress(number, len(cases), "networks", "measuring")
        results.append(_measure(case, device, bf16, steps, compiled, peak))
    feedback.progress(len(cases), len(cases), "networks", "measuring")
    return results


def matrix_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Return the TFLOP/s of a large matrix product, the best of several."""
    side = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    seconds = min(_seconds(lambda: a @ b, device) for _ in range(6))
    return 2 * side**3 / seconds / 1e12


def _measure(case: SpeedCase, device: torch.device, bf16: bool, steps: int, compiled: bool, peak: float) -> SpeedResult:
    torch.manual_seed(0)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    model, forward = _compact(case, device) if case.architecture == "compact" else _masked(case, device)
    model.to(device).train()
    optimiser = make_adamw(model, 1e-4)

    def loss() -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            return forward(model)

    def step() -> None:
        torch.autograd.backward(loss())
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    with FlopCounterMode(display=False) as counter:
        value = loss()
    forward_flop = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(value)
    backward_flop = counter.get_total_flops()
    if compiled:
        model.compile()
    for _ in range(2):
        step()
    with _watched_memory(device) as highest:
        seconds = sorted(_seconds(step, device) for _ in range(steps))[steps // 2]
    reached = (forward_flop + backward_flop) / seconds / 1e12
    return SpeedResult(
        case=case,
        device=torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads",
        precision="bf16" if bf16 else "fp32",
        parameters=count_parameters(model),
        images_per_s=case.batch / seconds,
        peak_memory_mb=highest[0] / 1e6,
        forward_gflop=forward_flop / case.batch / 1e9,
        backward_gflop=backward_flop / case.batch / 1e9,
        tflop_per_s=reached,
        peak_tflop_per_s=peak,
        peak_share=reached / peak,
    )


def _masked(case: SpeedCase, device: torch.device) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    # one pass over each picture: what is measured is the network, not how often it is asked
    config = MaskedImageConfig(encoder_preset(case.architecture, 1), image_size=case.size, contrast_whole=False)
    model = MaskedImageModel(config)
    rgb = torch.randn(case.batch, 3, case.size, case.size, device=device)
    dsm = torch.randn(case.batch, 1, case.size, case.size, device=device)
    hidden = make_masks(case.batch, case.size // 32, 0.6, torch.Generator().manual_seed(0)).to(device)

    def forward(network: nn.Module) -> Tensor:
        loss: Tensor = network(rgb, dsm, hidden, hidden).loss
        return loss

    return model, forward


def _compact(case: SpeedCase, device: torch.device) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    config = compact_config()
    model = DenseModel(config).to(memory_format=torch.channels_last)
    shape = (case.batch, case.size, case.size)
    rgb, dsm = (
        torch.randn(case.batch, channels, *shape[1:], device=device).to(memory_format=torch.channels_last)
        for channels in (3, given(config.encoder.dsm).channels)  # the compact model takes both
    )
    labels = Labels({task.name: torch.randint(0, max(2, task.channels), shape, device=device) for task in config.tasks})

    def forward(network: nn.Module) -> Tensor:
        outputs: Any = network(rgb, dsm)
        return multitask_loss(outputs, labels, config.tasks, LossConfig())[0]

    return model, forward


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


@contextmanager
def _watched_memory(device: torch.device) -> Iterator[list[float]]:
    """Give a list that holds the highest number of bytes in use once the block has ended."""
    highest = [0.0]
    if device.type == "cuda":
        yield highest
        highest[0] = float(torch.cuda.max_memory_allocated(device))
        return
    process, done = psutil.Process(), threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            highest[0] = max(highest[0], float(process.memory_info().rss))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield highest
    finally:
        done.set()
        watcher.join()
