"""Networks as ONNX graphs, computed by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ..jobs import ErrorCode, RidgelineError
from ..models.package import ModelPackage, WeightsSpec
from ..models.package.onnx_file import check_external_data, data_files_beside
from .batches import Arrays, run_in_batches
from .devices import (
    PROVIDERS,
    DeviceChoice,
    choose_device,
    device_sentence,
    has_nvidia_gpu,
    onnx_devices,
    unavailable,
    usable_threads,
)
from .maps import output_map
from .predictor import DeviceReport

TENSOR_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_MIXES_THE_BATCH = frozenset({"DynamicQuantizeLinear", "com.microsoft::DynamicQuantizeMatMul"})
"""Operators that take one scale from all tiles of a batch: such a network is given one tile at a time."""
_NO_MEMORY = ("out of memory", "failed to allocate", "bad allocation", "bad_alloc", "cublas_status_alloc_failed")


class OnnxPredictor:
    """A graph in ONNX Runtime.

    The same tile gives the same bits whatever its batch. The CPU's kernels cut a batch into pieces for their threads
    whose ends are rounded differently (seen in ``Exp``: one unit in the last place), so there tiles are computed
    one by one, all threads on each. A GPU library may choose another algorithm for another batch size, so there all
    batches have the size of the first.

    Args:
        package: the model.
        weights: which of its ONNX files; hashes and external data are checked here, before the file is opened.
        device: ``auto`` or a key of ``devices.PROVIDERS``.
        threads: threads in all; None: all processors that this process may use.
        at_once: calls of ``predict`` under way at the same time: on a CPU, each gets its share of the threads. Threads
            that work on tiles of their own need not wait for each other after every operator.

    Raises:
        RidgelineError: (BAD_MODEL) the file was changed, reads what it must not, or is no network that runs;
            (DEVICE_UNAVAILABLE) the device that was asked for cannot be used; (OUT_OF_MEMORY).
    """

    def __init__(
        self,
        package: ModelPackage,
        weights: WeightsSpec,
        device: str = "auto",
        threads: int | None = None,
        at_once: int = 1,
    ) -> None:
        package.verify(weights)
        path = package.path_of(weights.file)
        facts = check_external_data(path, data_files_beside(weights))
        self._name = package.spec.name
        self._threads = threads or usable_threads()
        choice = choose_device(device, onnx_devices(ort.get_available_providers()), has_nvidia_gpu(), "ONNX Runtime")
        at_once = min(at_once, self._threads) if choice.device == "cpu" else 1
        self._session, active, fallback = _open(str(path), choice, self._threads // at_once, self._name)
        self.report = DeviceReport(
            "onnx",
            active,
            weights.precision,
            device_sentence(active, "ONNX Runtime", weights.precision, self._threads),
            fallback,
            at_once,
            _takes_any_size(self._session.get_inputs()),
        )
        self._types = {item.name: TENSOR_TYPES.get(item.type) for item in self._session.get_inputs()}
        self._tensors = {item.name: item.tensor or item.name for item in package.spec.inputs}
        self._outputs = package.spec.outputs
        self._results = sorted({item.tensor or item.name for item in self._outputs})
        self._check_names(weights)
        self._fixed_batch = _fixed_batch(self._session.get_inputs())
        if self._fixed_batch is None and (active == "cpu" or facts.operators & _MIXES_THE_BATCH):
            self._fixed_batch = 1
        self._keep_first_batch = self._fixed_batch is None

    def predict(self, inputs: Arrays) -> Arrays:
        """Run the network; see ``Predictor.predict``."""
        outputs = run_in_batches(inputs, self._fixed_batch, self._compute)
        if self._keep_first_batch:
            self._fixed_batch = len(next(iter(inputs.values())))
            self._keep_first_batch = False
        return outputs

    def _compute(self, inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        named = {self._tensors[name]: array for name, array in inputs.items()}
        feed = {name: np.ascontiguousarray(array, dtype=self._types[name]) for name, array in named.items()}
        try:
            found = dict(zip(self._results, self._session.run(self._results, feed)))
        except Exception as fault:  # ONNX Runtime's exceptions share no base but Exception
            raise _fault_of(fault, self._name) from fault
        shape = next(iter(feed.values())).shape
        return {item.name: output_map(item, found[item.tensor or item.name], shape) for item in self._outputs}

    def _check_names(self, weights: WeightsSpec) -> None:
        there = {item.name for item in self._session.get_outputs()}
        missing = [name for name in self._results if name not in there]
        if missing:
            raise self._bad(f"promises an output {missing[0]!r} that its network does not have")
        named = sorted(self._tensors[name] for name in weights.inputs)
        if set(self._types) != set(named):
            raise self._bad(
                f"names the inputs {', '.join(named)}, but its network takes {', '.join(sorted(self._types))}"
            )
        strange = [name for name, kind in self._types.items() if kind is None]
        if strange:
            raise self._bad(f"takes an input {strange[0]!r} that is no image")

    def _bad(self, what: str) -> RidgelineError:
        return RidgelineError(
            ErrorCode.BAD_MODEL, f"The model {self._name!r} {what}.", "Import or download the model again."
        )


def _open(path: str, choice: DeviceChoice, threads: int, name: str) -> tuple[ort.InferenceSession, str, str | None]:
    """Open a session; return it, the device that it really uses, and why this is not a better one."""
    wanted = PROVIDERS[choice.device]
    if choice.device == "cpu":
        return _session(path, ["CPUExecutionProvider"], threads, name), "cpu", choice.fallback
    why = ""
    if choice.device == "cuda" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds CUDA and cuDNN where pip put them (ONNX Runtime 1.21 and newer)
    try:
        session = _session(path, [_with_options(choice.device), "CPUExecutionProvider"], threads, name)
        if wanted in session.get_providers():  # ONNX Runtime drops in silence what it cannot load
            return session, choice.device, None
        why = "its libraries could not be loaded"
    except RidgelineError as fault:
        if fault.code is ErrorCode.OUT_OF_MEMORY:
            raise
        why = fault.message.rstrip(".")
    if choice.asked:
        raise unavailable(choice.device, why, has_nvidia_gpu(), onnx_devices(ort.get_available_providers()))
    session = _session(path, ["CPUExecutionProvider"], threads, name)
    return session, "cpu", f"The device {choice.device!r} could not be used ({why}), so the CPU is used."


def _session(path: str, providers: Sequence[Any], threads: int, name: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_mem_pattern = PROVIDERS["directml"] not in providers  # DirectML asks for this
    # threads that wait by spinning would take the processors from those that read and write; waiting costs no time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised, and said in our own words
    try:
        return ort.InferenceSession(path, sess_options=options, providers=list(providers))
    except Exception as fault:  # ONNX Runtime's exceptions share no base but Exception
        raise _fault_of(fault, name) from fault


def _with_options(device: str) -> Any:
    """Return the provider with its options: the same algorithm each time, memory that grows by what is asked for."""
    if device == "cuda":
        options = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        return PROVIDERS[device], options
    return PROVIDERS[device]


def _fault_of(fault: Exception, name: str) -> RidgelineError:
    text = " ".join(str(fault).split())
    if isinstance(fault, MemoryError) or any(sign in text.lower() for sign in _NO_MEMORY):
        return RidgelineError(
            ErrorCode.OUT_OF_MEMORY,
            f"The model {name!r} needs more memory than is free.",
            "Close other programs, compute fewer tiles at once, or choose another device.",
        )
    return RidgelineError(
        ErrorCode.BAD_MODEL,
        f"The network of the model {name!r} cannot be run: {_shortened(text)}.",
        "Export it for an opset and with operators that ONNX Runtime " + ort.__version__ + " knows.",
    )


def _shortened(text: str) -> str:
    text = text.split(" : ", 1)[-1].strip().rstrip(".")
    return text if len(text) <= 300 else text[:297] + "…"


def _takes_any_size(inputs: Sequence[Any]) -> bool:
    return not any(isinstance(side, int) for item in inputs for side in item.shape[2:])


def _fixed_batch(inputs: Sequence[Any]) -> int | None:
    sizes = {item.shape[0] for item in inputs if item.shape and isinstance(item.shape[0], int)}
    return max(sizes) if sizes else None
