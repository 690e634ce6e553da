"""Networks from trained weights, computed by PyTorch: for GPUs that ONNX Runtime does not reach, and to compare."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..jobs import ErrorCode, RidgelineError
from ..models.package import ModelPackage
from .batches import Arrays, run_in_batches
from .devices import choose_device, device_sentence, has_nvidia_gpu, usable_threads
from .maps import output_map
from .predictor import DeviceReport

_RUNTIME = "PyTorch"


def torch_has_cuda() -> bool:
    """Return whether the installed PyTorch can compute on a CUDA device (ImportError without PyTorch)."""
    import torch

    return bool(torch.cuda.is_available())


class TorchPredictor:
    """A network built from a package's ``architecture`` and its safetensors weights.

    On CUDA it computes in bfloat16 (float16 where the GPU has none) with channels last; on the CPU in float32. The
    same tile gives the same bits whatever its batch: on CUDA all batches have the size of the first, because
    another size may choose another algorithm; on the CPU tiles are computed one by one.

    Args:
        package: the model.
        kinds: kinds of the rasters at hand.
        device: ``auto``, ``cpu`` or ``cuda``.
        precision: ``auto``, ``fp32``, ``fp16`` or ``bf16``.
        threads: threads on the CPU; None: all processors that this process may use.

    Raises:
        RidgelineError: (MISSING_LIBRARY) without PyTorch; (BAD_MODEL), (BAD_JOB), (DEVICE_UNAVAILABLE),
            (OUT_OF_MEMORY).
    """

    def __init__(
        self,
        package: ModelPackage,
        kinds: Collection[str],
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        try:
            import torch

            from ..models.backbone import Backbone
            from ..models.multitask import activate
            from ..models.rebuild import trainable_model
        except ImportError as fault:
            raise RidgelineError(
                ErrorCode.MISSING_LIBRARY,
                f"The runtime 'torch' needs a library that is not installed ({fault.name or fault}).",
                "Install the engine with its `train` extra, or choose --runtime onnx.",
            ) from fault
        self._torch = torch
        self._activate = activate
        self._name = package.spec.name
        available = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
        choice = choose_device(device, available, has_nvidia_gpu(), _RUNTIME)
        self._device = choice.device
        self._threads = threads or usable_threads()
        self._precision = _precision(torch, self._device, precision)
        self._inputs = [item.name for item in package.spec.inputs if item.kind in kinds]
        self._outputs = package.spec.outputs
        model = trainable_model(package, kinds).eval()
        model.enlarges = all(item.stride == 1 for item in self._outputs)
        try:
            self._model = model.to(self._device).to(memory_format=torch.channels_last)
        except torch.OutOfMemoryError as fault:
            raise _no_memory(self._name) from fault
        self._tasks = self._model.config.tasks
        self._batch: int | None = None if self._device == "cuda" else 1
        self.report = DeviceReport(
            "torch",
            self._device,
            self._precision,
            device_sentence(self._device, _RUNTIME, self._precision, self._threads),
            choice.fallback,
            any_size=not any(isinstance(part, Backbone) and part.patch_embed is not None for part in model.modules()),
        )

    def predict(self, inputs: Arrays) -> Arrays:
        """Run the network; see ``Predictor.predict``."""
        outputs = run_in_batches(inputs, self._batch, self._compute)
        if self._batch is None:
            self._batch = len(next(iter(inputs.values())))
        return outputs

    def _compute(self, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        torch = self._torch
        shape = next(iter(inputs.values())).shape
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode(), self._autocast():
                logits = self._model(**{name: self._tensor(inputs[name]) for name in self._inputs})
                found = self._finished({name: tensor.float() for name, tensor in logits.items()})
                arrays = {name: tensor.cpu().numpy() for name, tensor in found.items()}
        except torch.OutOfMemoryError as fault:
            torch.cuda.empty_cache()
            raise _no_memory(self._name) from fault
        except RuntimeError as fault:
            if "can't allocate memory" in str(fault) or "not enough memory" in str(fault):
                raise _no_memory(self._name) from fault
            raise
        finally:
            torch.set_num_threads(before)
        return {item.name: output_map(item, arrays[item.tensor or item.name], shape) for item in self._outputs}

    def _finished(self, logits: dict[str, Any]) -> dict[str, Any]:
        """Apply what the package's graphs apply themselves, so that both runtimes give the same."""
        ready = {item.tensor or item.name for item in self._outputs if item.activation == "none"}
        tasks = tuple(task for task in self._tasks if task.name in ready)
        return {**logits, **self._activate(logits, tasks)}

    def _tensor(self, array: NDArray[np.float32]) -> Any:
        torch = self._torch
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if self._device == "cuda":
            tensor = tensor.pin_memory().to("cuda", non_blocking=True)
        return tensor.contiguous(memory_format=torch.channels_last)

    def _autocast(self) -> Any:
        torch = self._torch
        kind = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(self._precision)
        return torch.autocast(self._device, dtype=kind or torch.bfloat16, enabled=kind is not None)


def _precision(torch: Any, device: str, precision: str) -> str:
    if precision == "auto":
        if device == "cpu":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if precision == "int8" or (precision == "fp16" and device == "cpu"):
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"The runtime 'torch' does not compute in {precision} on this device.",
            "Choose --precision auto.",
        )
    return precision


def _no_memory(name: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.OUT_OF_MEMORY,
        f"The model {name!r} needs more memory than is free.",
        "Close other programs, compute fewer tiles at once, or choose another device.",
    )
