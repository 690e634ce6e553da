"""Make several ONNX graphs read their weights from one safetensors file.

The trainable weights and the graphs would otherwise hold the same numbers several times. A safetensors file is a
header and then plain arrays, which is just what ONNX calls external data (file, offset, length). The exporter folds
BatchNorm into the convolution before it, so a kernel in the graph is the trained one times a factor per output
channel: the graph then says so (Cast, Mul), and ONNX Runtime folds both away when it loads.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_ONNX_TYPES = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
_INLINE_BYTES = 4096
"""Smaller weights stay in the graph: a graph refers to dozens of biases, which together weigh next to nothing."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in a safetensors file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def stored_tensors(path: Path) -> dict[str, StoredTensor]:
    """Return where the tensors of a safetensors file lie, by name."""
    with path.open("rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
    return {
        name: StoredTensor(
            entry["dtype"],
            tuple(entry["shape"]),
            8 + size + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


def point_to_safetensors(
    graph: onnx.GraphProto, weights: Path, values: Mapping[str, NDArray[np.float32]], prefix: str
) -> None:
    """Replace the graph's large weights by references into ``weights``.

    Weights that are neither a stored tensor, nor one turned over, nor one times a factor per output channel stay in
    the graph.

    Args:
        graph: changed in place; its weights are named ``prefix`` + name in the file, if they are the network's.
        weights: safetensors file, in the folder that the graph will be written to.
        values: what the file holds, as float32 in its shape, by name.
        prefix: see ``graph``.
    """
    places = {name: place for name, place in stored_tensors(weights).items() if place.dtype in _ONNX_TYPES}
    # the exporter turns a matrix over and gives it a name of its own: such weights are known by their values
    turned = {_digest(values[name].T): name for name, place in places.items() if len(place.shape) == 2}
    kept: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        value = numpy_helper.to_array(tensor)
        name = tensor.name.removeprefix(prefix)
        found = None
        if value.dtype == np.float32 and value.nbytes > _INLINE_BYTES:
            if name in places and places[name].shape == value.shape:
                found = _scaled(tensor.name, value, values[name], places[name], weights.name)
            elif value.ndim == 2 and (twin := turned.get(_digest(value))) is not None:
                found = _transposed(tensor.name, places[twin], weights.name)
        kept += found[0] if found else [tensor]
        nodes += found[1] if found else []
    nodes += graph.node
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.node[:]
    graph.node.extend(nodes)


_Parts = tuple[list[TensorProto], list[onnx.NodeProto]]


def _scaled(
    name: str, value: NDArray[np.float32], stored: NDArray[np.float32], place: StoredTensor, file: str
) -> _Parts | None:
    """Return what computes ``value`` from the stored tensor and a factor per output channel, or None."""
    factor = _channel_factor(value, stored)
    if factor is None:
        return None
    weights = [_external(name + ".stored", place, file)]
    if bool(np.all(factor == 1)):
        return weights, [helper.make_node("Cast", [name + ".stored"], [name], to=TensorProto.FLOAT)]
    shape = (-1,) + (1,) * (value.ndim - 1)
    weights.append(numpy_helper.from_array(factor.reshape(shape), name + ".factor"))
    cast = helper.make_node("Cast", [name + ".stored"], [name + ".cast"], to=TensorProto.FLOAT)
    return weights, [cast, helper.make_node("Mul", [name + ".cast", name + ".factor"], [name])]


def _transposed(name: str, place: StoredTensor, file: str) -> _Parts:
    cast = helper.make_node("Cast", [name + ".stored"], [name + ".cast"], to=TensorProto.FLOAT)
    turn = helper.make_node("Transpose", [name + ".cast"], [name], perm=[1, 0])
    return [_external(name + ".stored", place, file)], [cast, turn]


def _digest(value: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(repr(value.shape).encode() + np.ascontiguousarray(value).tobytes()).digest()


def _channel_factor(value: NDArray[np.float32], stored: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return f [out] with value = stored * f (first axis), or None if there is none."""
    if np.array_equal(value, stored):
        return np.ones(len(value), np.float32)
    flat, base = value.reshape(len(value), -1).astype(np.float64), stored.reshape(len(stored), -1).astype(np.float64)
    power = (base * base).sum(axis=1)
    factor = np.divide((flat * base).sum(axis=1), power, out=np.zeros(len(base)), where=power > 0)
    gap = np.abs(flat - base * factor[:, None]).max()
    return factor.astype(np.float32) if gap <= 1e-6 * max(1e-6, np.abs(flat).max()) else None


def _external(name: str, place: StoredTensor, location: str) -> TensorProto:
    tensor = TensorProto(name=name, data_type=_ONNX_TYPES[place.dtype], dims=place.shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", place.offset), ("length", place.length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor
