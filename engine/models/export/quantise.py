"""int8 graphs beside fp32 ones; `compare` measures what they gain and what they lose."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
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


def add_int8(package: ModelPackage, samples: Sequence[Inputs], how: str = "static") -> ModelSpec:
    """Add to a package an int8 graph for every fp32 graph that it has, and return its new description.

    Kernels and matrices are in int8 by channel. ``static``: what flows between convolutions is in uint8, with ranges
    from the samples; what comes after the last convolution (upsampling, softmax) stays in fp32. ``dynamic``: ranges are
    taken anew from each tile, at its cost in time. The graphs carry their own weights. They are listed after the fp32
    graphs: who asks for ``auto`` gets fp32.

    Args:
        package: with fp32 graphs.
        samples: all normalised inputs [B, C, H, W] by name that look like what the model will see; some tens are
            enough. ``dynamic`` needs none.
        how: ``static`` or ``dynamic``.

    Raises:
        RidgelineError: (BAD_MODEL) if the package has no fp32 graph, or there are no samples and they are needed.
        ValueError: if ``how`` is neither.
    """
    if how not in ("static", "dynamic"):
        raise ValueError(f"how must be static or dynamic, not {how!r}")
    if how == "static" and not samples:
        raise RidgelineError(ErrorCode.BAD_MODEL, "There is nothing to calibrate with.", "Give some tiles.")
    exact = [item for item in package.spec.weights if item.format == "onnx" and item.precision == "fp32"]
    if not exact:
        raise RidgelineError(
            ErrorCode.BAD_MODEL, f"The model {package.spec.name!r} has no fp32 graph.", "Export it again."
        )
    added = []
    for weights in exact:
        target = package.folder / f"{Path(weights.file).stem}.int8.onnx"
        with tempfile.TemporaryDirectory() as scratch:
            folded = Path(scratch) / "folded.onnx"
            _fold(package.path_of(weights.file), folded)
            if how == "static":
                _static(folded, target, [{name: sample[name] for name in weights.inputs} for sample in samples])
            else:
                quantize_dynamic(folded, target, per_channel=True, weight_type=QuantType.QInt8)
        added.append(WeightsSpec(target.name, "onnx", weights.inputs, file_sha256(target), "int8"))
    names = {item.file for item in added}
    kept = [item for item in package.spec.weights if item.file not in names]
    spec = dataclasses.replace(package.spec, weights=(*kept, *added))
    save_spec(spec, package.folder)
    return spec


def _static(folded: Path, target: Path, samples: Sequence[Inputs]) -> None:
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


def _fold(source: Path, target: Path) -> None:
    """Write a graph with its weights inside and all constants computed: the quantiser sees plain kernels."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    plain = target.with_name("plain.onnx")
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quant_pre_process(onnx.load(plain), target, skip_symbolic_shape=True, skip_optimization=True)
