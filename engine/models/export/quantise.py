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
from .shared_int8 import share_kernels, shorten_names

Inputs = Mapping[str, NDArray[np.float32]]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands calibration inputs to the quantiser one by one."""

    def __init__(self, samples: Iterable[Inputs]) -> None:
        self._samples: Iterator[Inputs] = iter(samples)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        sample = next(self._samples, None)
        return None if sample is None else dict(sample)


def add_int8(package: ModelPackage, samples: Sequence[Inputs], how: str = "static", first: bool = False) -> ModelSpec:
    """Add to a package an int8 graph for every fp32 graph that it has, and return its new description.

    Kernels and matrices are in int8 by channel. ``static``: what flows between convolutions is in uint8, with ranges
    from the samples; what comes after the last convolution (upsampling, softmax) stays in fp32. ``dynamic``: ranges are
    taken anew from each tile, at its cost in time. Static graphs read the weights that the fp32 graphs read, so that
    they weigh next to nothing; dynamic ones carry their own.

    Static kernels use 7 of their 8 bits: processors without VNNI add pairs of products in 16 bits, which then cannot
    overflow, so that a model gives the same answers on all.

    Args:
        package: with fp32 graphs.
        samples: all normalised inputs [B, C, H, W] by name that look like what the model will see; some tens are
            enough. ``dynamic`` needs none.
        how: ``static`` or ``dynamic``.
        first: list the int8 graphs before the fp32 ones: who asks for ``auto`` on a CPU gets int8.

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
                whole = Path(scratch) / "whole.onnx"
                _static(folded, whole, [{name: sample[name] for name in weights.inputs} for sample in samples])
                data = _write_sharing(whole, folded, package.path_of(weights.file), target, weights.data)
            else:
                quantize_dynamic(folded, target, per_channel=True, weight_type=QuantType.QInt8)
                data = {}
        added.append(WeightsSpec(target.name, "onnx", weights.inputs, file_sha256(target), "int8", data))
    names = {item.file for item in added}
    kept = [item for item in package.spec.weights if item.file not in names]
    spec = dataclasses.replace(package.spec, weights=(*added, *kept) if first else (*kept, *added))
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
        reduce_range=True,
    )


def _write_sharing(whole: Path, folded: Path, exact: Path, target: Path, data: Mapping[str, str]) -> dict[str, str]:
    """Write a static int8 graph that reads the fp32 graph's external data, and return which files those are."""
    graph = onnx.load(whole)
    values = {item.name: onnx.numpy_helper.to_array(item) for item in onnx.load(folded).graph.initializer}
    share_kernels(graph.graph, onnx.load(exact, load_external_data=False).graph, values)
    shorten_names(graph.graph)
    # ONNX Runtime names all that it knows itself; another version may not know it
    used = [item for item in graph.opset_import if item.domain in {node.domain for node in graph.graph.node}]
    del graph.opset_import[:]
    graph.opset_import.extend(used)
    onnx.save(graph, target)
    return dict(data)


def _fold(source: Path, target: Path) -> None:
    """Write a graph with its weights inside and all constants computed: the quantiser sees plain kernels."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    plain = target.with_name("plain.onnx")
    options.optimized_model_filepath = str(plain)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quant_pre_process(onnx.load(plain), target, skip_symbolic_shape=True, skip_optimization=True)
