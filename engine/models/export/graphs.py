"""Torch network → ONNX graph by torch's current exporter, for one set of inputs."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence

import onnx
import torch
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

    The batch is dynamic; height and width are the tile's (fixed sizes let a Swin's masks be constants).

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
    return proto


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
