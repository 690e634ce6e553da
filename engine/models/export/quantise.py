"""int8 graphs beside fp32 ones: faster on CPUs, and the loss of accuracy is measured, not hoped for."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from ...jobs import ErrorCode, RidgelineError
from ..package import ModelPackage, ModelSpec, WeightsSpec, save_spec
from ..package.load import file_sha256

Inputs = Mapping[str, NDArray[np.float32]]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands calibration inputs to the quantiser one by one."""

    def __init__(self, samples: Iterable[Inputs]) -> None:
        self._samples: Iterator[Inputs] = iter(samples)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        sample = next(self._samples, None)
        return None if sample is None else dict(sample)


def add_int8(package: ModelPackage, samples: Sequence[Inputs]) -> ModelSpec:
    """Add to a package an int8 graph for the inputs of ``samples`` and return its new description.

    Static quantisation: convolutions and matrix products in int8, their weights by channel, the ranges of what flows
    between them from the samples. What comes after the last convolution (upsampling, softmax) stays in fp32. The graph
    carries its own weights. It is listed after the fp32 graphs: who asks for ``auto`` gets fp32.

    Args:
        package: with an fp32 graph for these inputs.
        samples: normalised inputs [B, C, H, W] by name that look like what the model will see; some tens are enough.

    Raises:
        RidgelineError: (BAD_MODEL) if the package has no fp32 graph for these inputs, or there are no samples.
    """
    if not samples:
        raise RidgelineError(ErrorCode.BAD_MODEL, "There is nothing to calibrate with.", "Give some tiles.")
    names = tuple(samples[0])
    kinds = frozenset(item.kind for item in package.spec.inputs if item.name in names)
    weights = package.weights_for(kinds, "onnx", "fp32")
    if weights is None:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {package.spec.name!r} has no fp32 graph for {' + '.join(names)}.",
            "Export it again.",
        )
    target = package.folder / f"{Path(weights.file).stem}.int8.onnx"
    with tempfile.TemporaryDirectory() as scratch:
        folded = Path(scratch) / "folded.onnx"
        _fold(package.path_of(weights.file), folded)
        quantize_static(
            folded,
            target,
            _Reader(samples),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm", "Add", "Concat", "MaxPool", "AveragePool", "Relu"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    added = WeightsSpec(target.name, "onnx", weights.inputs, file_sha256(target), "int8")
    kept = tuple(item for item in package.spec.weights if item.file != target.name)
    spec = dataclasses.replace(package.spec, weights=(*kept, added))
    save_spec(spec, package.folder)
    return spec


def agreement(
    package: ModelPackage, first: WeightsSpec, second: WeightsSpec, samples: Sequence[Inputs]
) -> dict[str, dict[str, float]]:
    """Return by output how well two graphs of a package agree.

    Args:
        package: of both.
        first: a graph, usually fp32.
        second: another for the same inputs, usually int8.
        samples: inputs neither was made with.

    Returns:
        ``same`` (share of pixels of the same class, or on the same side of the threshold; absent for metres) and
        ``gap`` (mean absolute difference of probabilities or metres), by output name.
    """
    sessions = [
        onnxruntime.InferenceSession(package.path_of(item.file), providers=["CPUExecutionProvider"])
        for item in (first, second)
    ]
    sums: dict[str, dict[str, list[float]]] = {}
    for sample in samples:
        a, b = (_outputs(session, sample) for session in sessions)
        for output in package.spec.outputs:
            mine, theirs = a[output.name], b[output.name]
            scores = {"gap": float(np.abs(mine - theirs).mean())}
            if output.kind == "classes":
                scores["same"] = float((mine.argmax(axis=1) == theirs.argmax(axis=1)).mean())
            elif output.kind == "probability":
                scores["same"] = float(((mine >= output.threshold) == (theirs >= output.threshold)).mean())
            for name, value in scores.items():
                sums.setdefault(output.name, {}).setdefault(name, []).append(value)
    return {name: {key: float(np.mean(values)) for key, values in item.items()} for name, item in sums.items()}


def _outputs(session: Any, sample: Inputs) -> dict[str, NDArray[np.float32]]:
    names = [item.name for item in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(sample))))


def _fold(source: Path, target: Path) -> None:
    """Write a graph with its weights inside and all constants computed: the quantiser sees plain kernels."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    plain = target.with_name("plain.onnx")
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quant_pre_process(onnx.load(plain), target, skip_symbolic_shape=True, skip_optimization=True)
