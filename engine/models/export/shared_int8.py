"""Make an int8 graph read its kernels from the weights that the fp32 graph reads, and not carry them a second time.

A kernel in int8 is the stored one, scaled and rounded. The graph then says so (what the fp32 graph computes the kernel
from, then QuantizeLinear), and ONNX Runtime folds all of it when it loads. So an int8 graph weighs little more than its
scales.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_QUANTISED, _SCALE, _ZERO = "_quantized", "_scale", "_zero_point"
"""What ONNX Runtime's quantiser appends to a weight's name."""


def share_kernels(
    quantised: onnx.GraphProto, exact: onnx.GraphProto, values: Mapping[str, NDArray[np.float32]]
) -> None:
    """Replace int8 kernels by what computes them from external data.

    A kernel whose numbers would come out otherwise, or that the fp32 graph does not read from outside, stays.

    Args:
        quantised: QDQ graph; changed in place.
        exact: the fp32 graph, its external data not loaded.
        values: the kernels as the fp32 graph computes them, float32 [O, I, H, W] or [O, I], by name.
    """
    held = {tensor.name: tensor for tensor in quantised.initializer}
    outside = {tensor.name: tensor for tensor in exact.initializer}
    makers = {node.output[0]: node for node in exact.node}
    axes = {node.input[0]: _axis_of(node) for node in quantised.node if node.op_type == "DequantizeLinear"}
    nodes: list[onnx.NodeProto] = []
    for name, tensor in list(held.items()):
        base = name.removesuffix(_QUANTISED)
        if base == name or base not in values or tensor.data_type != TensorProto.INT8:
            continue
        parts = _makers_of(base, makers, outside)
        scale, zero = held.get(base + _SCALE), held.get(base + _ZERO)
        if parts is None or scale is None or zero is None:
            continue
        axis = axes.get(name, 0)
        if not _same(values[base], numpy_helper.to_array(scale), axis, numpy_helper.to_array(tensor)):
            continue
        chain, weights = parts
        plain = base + ".plain"  # the quantiser gives the kernel's own name to another tensor where it likes
        for node in chain:
            nodes.append(_renamed(node, base, plain))
        nodes.append(helper.make_node("QuantizeLinear", [plain, scale.name, zero.name], [name], axis=axis))
        del held[name]
        held.update((item.name, item) for item in weights)
    nodes += quantised.node
    del quantised.initializer[:]
    quantised.initializer.extend(held.values())
    del quantised.node[:]
    quantised.node.extend(nodes)


def shorten_names(graph: onnx.GraphProto) -> None:
    """Number tensors and nodes in place of the quantiser's long names, which weigh a third of such a graph."""
    short = {item.name: item.name for item in (*graph.input, *graph.output)}
    for name in [tensor.name for tensor in graph.initializer] + [out for node in graph.node for out in node.output]:
        short.setdefault(name, f"t{len(short)}" if name else "")
    for tensor in graph.initializer:
        tensor.name = short[tensor.name]
    for node in graph.node:
        node.name = ""
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short[name] for name in node.output]
    del graph.value_info[:]


def _makers_of(
    name: str, makers: Mapping[str, onnx.NodeProto], outside: Mapping[str, TensorProto]
) -> tuple[list[onnx.NodeProto], list[TensorProto]] | None:
    """Return the nodes that compute a weight, in their order, and what they read; None unless some lies outside."""
    nodes: list[onnx.NodeProto] = []
    weights: list[TensorProto] = []
    wanted = [name]
    while wanted:
        at = wanted.pop()
        if at in outside:
            weights.append(outside[at])
        elif at in makers:
            nodes.insert(0, makers[at])
            wanted += makers[at].input
        else:
            return None
    if not any(tensor.data_location == TensorProto.EXTERNAL for tensor in weights):
        return None
    return nodes, weights


def _renamed(node: onnx.NodeProto, old: str, new: str) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.output[0] = new if node.output[0] == old else node.output[0]
    return copy


def _same(value: NDArray[np.float32], scale: NDArray[np.float32], axis: int, kept: NDArray[np.int8]) -> bool:
    """Return whether QuantizeLinear (to int8, zero at zero) gives just these numbers."""
    shape = [1] * value.ndim
    if scale.ndim:
        shape[axis] = -1
    rounded = np.clip(np.rint(value / scale.reshape(shape)), -128, 127).astype(np.int8)
    return bool(np.array_equal(rounded, kept))


def _axis_of(node: onnx.NodeProto) -> int:
    return next((item.i for item in node.attribute if item.name == "axis"), 1)
