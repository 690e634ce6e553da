"""Which device computes: what the installed runtimes offer, what was asked for, and the sentence that says so."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..jobs import ErrorCode, RidgelineError

PROVIDERS: dict[str, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "migraphx": "MIGraphXExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "webgpu": "WebGpuExecutionProvider",
}
"""ONNX Runtime's name of each device that can be asked for."""

_AUTOMATIC = ("cuda", "migraphx", "rocm", "directml")
"""Devices that ``auto`` tries, best first. The others round to half precision or compile long: on request only."""

_TITLES = {
    "cpu": "the CPU",
    "cuda": "the NVIDIA GPU (CUDA)",
    "migraphx": "the AMD GPU (MIGraphX)",
    "rocm": "the AMD GPU (ROCm)",
    "directml": "the GPU (DirectML)",
    "coreml": "Apple's CoreML",
    "openvino": "Intel's OpenVINO",
    "webgpu": "the GPU (WebGPU)",
}


@dataclass(frozen=True)
class DeviceChoice:
    """The device to try first.

    Attributes:
        device: a key of ``PROVIDERS``.
        asked: whether the user named it, so that falling back would go against the user's wish.
        fallback: None, or the one sentence why a better device is not used.
    """

    device: str
    asked: bool
    fallback: str | None = None


def choose_device(device: str, available: Sequence[str], nvidia: bool, runtime: str) -> DeviceChoice:
    """Choose a device.

    Args:
        device: ``auto`` or a key of ``PROVIDERS``.
        available: devices that the installed runtime offers.
        nvidia: whether the machine has an NVIDIA GPU with a driver.
        runtime: name of the runtime for people, such as ``ONNX Runtime``.

    Raises:
        RidgelineError: (BAD_JOB) if there is no such device, (DEVICE_UNAVAILABLE) if the device that was asked for is
            not offered.
    """
    if device == "auto":
        for candidate in _AUTOMATIC:
            if candidate in available:
                return DeviceChoice(candidate, asked=False)
        missed = (
            f"This computer has an NVIDIA GPU, but the installed {runtime} is the CPU build, so the CPU is used."
            if nvidia
            else None
        )
        return DeviceChoice("cpu", asked=False, fallback=missed)
    if device not in PROVIDERS:
        known = ", ".join(["auto", *PROVIDERS])
        raise RidgelineError(ErrorCode.BAD_JOB, f"There is no device {device!r}.", f"Choose one of: {known}.")
    if device not in available:
        raise unavailable(device, f"the installed {runtime} does not offer it", nvidia, available)
    return DeviceChoice(device, asked=True)


def unavailable(device: str, why: str, nvidia: bool, available: Sequence[str]) -> RidgelineError:
    """Return the fault that the device which was asked for cannot be used."""
    if device == "cuda" and not nvidia:
        hint = "No NVIDIA driver was found on this computer; compute on the processor (--device auto or cpu)."
    elif device == "cuda":
        hint = (
            "Set the engine up with support for graphics cards (its `gpu` extra, onnxruntime-gpu), or compute on the "
            "processor (--device auto)."
        )
    else:
        hint = f"Choose --device auto, or one of: {', '.join(available)}."
    return RidgelineError(ErrorCode.DEVICE_UNAVAILABLE, f"The device {device!r} cannot be used: {why}.", hint)


def device_sentence(device: str, runtime: str, precision: str, threads: int | None = None) -> str:
    """Return the sentence that says what computes, such as *Computing on the CPU (2 threads) …*."""
    detail = f" ({threads} thread{'s' if threads != 1 else ''})" if device == "cpu" and threads else ""
    return f"Computing on {_TITLES.get(device, device)}{detail} with {runtime}, {precision}."


def onnx_devices(providers: Sequence[str]) -> list[str]:
    """Return the devices behind ONNX Runtime's provider names."""
    return [device for device, provider in PROVIDERS.items() if provider in providers]


def has_nvidia_gpu() -> bool:
    """Return whether an NVIDIA driver with at least one GPU is there; looks at files only and loads nothing."""
    if sys.platform == "win32":
        return (Path(os.environ.get("SystemRoot", r"C:\Windows")) / "System32" / "nvcuda.dll").is_file()
    gpus = Path("/proc/driver/nvidia/gpus")
    if gpus.is_dir():
        return any(gpus.iterdir())
    return platform.system() == "Linux" and Path("/dev/nvidia0").exists() and shutil.which("nvidia-smi") is not None


def usable_threads() -> int:
    """Return how many processors this process may use: fewer than the machine has in a container or a job queue."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such limit here
        pass
    return count
