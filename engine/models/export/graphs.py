"""Torch network → ONNX graph by torch's current exporter, for one set of inputs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...given import given
from ..backbone import Backbone
from ..config import TaskConfig
from ..multitask import DenseModel, activate

OPSET = 20


class _Graph(nn.Module):
    """Positional inputs in, probabilities (or logits, or metres) in the order of the network's tasks out."""

    def __init__(self, model: DenseModel, inputs: Sequence[str], activated: tuple[TaskConfig, ...]) -> None:
        super().__init__()
        self.model, self.inputs, self.activated = model, list(inputs), activated

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        logits = self.model(**dict(zip(self.inputs, tensors)))
        return tuple((logits | activate(logits, self.activated)).values())


PREFIX = "model."
"""What the names of weights begin with in the graph, before their names in the network."""


def export_graph(
    model: DenseModel, channels: dict[str, int], activated: tuple[TaskConfig, ...], tile: int
) -> onnx.ModelProto:
    """Return the graph that takes these inputs, with its weights in it.

    The batch is dynamic. So are height and width where the graph computes other tiles as the network does; else they
    are the tile's: a Swin's masks are constants, and so is what stands in for an encoder whose raster is absent.

    Args:
        model: the network; put into eval mode, its backbones fixed to the tile's size, and its maps left as they are
            at the decoder's stride.
        channels: channels by input name, in order: only these inputs are computed.
        activated: tasks whose activations the graph applies.
        tile: side of a tile in pixels.
    """
    for part in model.modules():
        if isinstance(part, Backbone):
            part.fix_size(tile, tile)
    model.enlarges = False
    wrapper = _Graph(model, list(channels), activated).eval()
    # a batch of 2: the exporter takes a batch of 1 for a constant
    examples = tuple(torch.zeros(2, count, tile, tile) for count in channels.values())
    batch = torch.export.Dim("batch")
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            wrapper,
            examples,
            dynamo=True,
            opset_version=OPSET,
            input_names=list(channels),
            output_names=[task.name for task in model.config.tasks],
            dynamic_shapes={"tensors": tuple({0: batch} for _ in channels)},
            optimize=True,
            verbose=False,
        )
    proto: onnx.ModelProto = given(program).model_proto
    _strip_debug(proto)
    return _with_free_sides(proto, wrapper, channels, tile)


def _with_free_sides(proto: onnx.ModelProto, network: _Graph, channels: dict[str, int], tile: int) -> onnx.ModelProto:
    """Return the graph with height and width left open, if that changes nothing; else as it is."""
    backbones = [part for part in network.modules() if isinstance(part, Backbone)]
    if any(part.patch_embed is not None for part in backbones):
        return proto
    free = onnx.ModelProto()
    free.CopyFrom(proto)
    for items, of in ((free.graph.input, ""), (free.graph.output, "map_")):
        for dims in (item.type.tensor_type.shape.dim for item in items):
            dims[2].dim_param, dims[3].dim_param = f"{of}height", f"{of}width"
    random = np.random.default_rng(0)
    other = tile + max(stride for part in backbones for stride in part.strides)
    tensors = {name: random.normal(size=(1, count, other, tile)).astype(np.float32) for name, count in channels.items()}
    with torch.no_grad():
        wanted = network(*(torch.from_numpy(array) for array in tensors.values()))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(free.SerializeToString(), options, providers=["CPUExecutionProvider"])
        found = session.run(None, tensors)
    except Exception:  # ONNX Runtime's exceptions share no base but Exception; whatever it is, sides stay fixed
        return proto
    return free if all(_alike(got, map_.numpy()) for got, map_ in zip(found, wanted)) else proto


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Return whether two maps differ by no more than two runtimes do."""
    return one.shape == other.shape and bool(np.allclose(one, other, atol=1e-3 * max(1.0, float(np.abs(other).max()))))


def _strip_debug(proto: onnx.ModelProto) -> None:
    """Remove names of source files and other notes of the exporter: half a megabyte, and nobody's business."""
    proto.doc_string = ""
    proto.graph.doc_string = ""
    del proto.metadata_props[:]
    del proto.graph.metadata_props[:]
    del proto.graph.value_info[:]
    for node in proto.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for info in (*proto.graph.input, *proto.graph.output):
        del info.metadata_props[:]
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Silence the exporter's progress lines; faults still raise."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
