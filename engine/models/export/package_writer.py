"""Write a model package: graphs, weights, ``model.json`` and the model card."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx
import torch

from ...feedback import Feedback
from ...jobs import to_dict
from ..checkpoint import halve, save_weights
from ..multitask import DenseModel
from ..package import GsdSpec, InputSpec, ModelSpec, OutputSpec, TileSpec, WeightsSpec, save_spec
from ..package.load import file_sha256
from .card import model_card
from .graphs import PREFIX, export_graph
from .shared_weights import point_to_safetensors

WEIGHTS_FILE = "weights.safetensors"


@dataclass(frozen=True)
class PackageInfo:
    """What a package says about itself beside its weights; fields as in `ModelSpec`."""

    name: str
    version: str
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    gsd: GsdSpec
    tile: TileSpec
    title: str = ""
    description: str = ""
    licence: str = ""
    training_data: str = ""
    source: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)


def export_package(
    model: DenseModel, info: PackageInfo, folder: Path, *, half: bool = True, feedback: Feedback | None = None
) -> ModelSpec:
    """Write ``model`` as a package into ``folder`` (made if it is not there) and return what its ``model.json`` says.

    There is one graph for all inputs and, where every input is optional, one for each alone; all of them and
    training read ``weights.safetensors``. The graphs apply softmax and sigmoid and compute in fp32.

    Args:
        model: the trained network; it is not changed.
        info: what the package says; names of inputs and outputs are the network's.
        folder: where to.
        half: store kernels and matrices in fp16, half the size; the graphs compute with the rounded numbers.
        feedback: told about each graph.

    Raises:
        ValueError: if the outputs described are not those of the network, in its order.
    """
    feedback = feedback or Feedback()
    tasks = model.config.tasks
    if [(item.name, item.channels) for item in info.outputs] != [(task.name, task.channels) for task in tasks]:
        raise ValueError(f"outputs described {[item.name for item in info.outputs]} are not the network's tasks")
    folder.mkdir(parents=True, exist_ok=True)
    network = copy.deepcopy(model).cpu().float().eval()
    tensors = network.state_dict()
    stored = halve(tensors) if half else dict(tensors)
    network.load_state_dict({name: value.to(tensors[name].dtype) for name, value in stored.items()})
    architecture = to_dict(model.config)
    weights_path = folder / WEIGHTS_FILE
    save_weights(weights_path, stored, {"architecture": architecture, "name": info.name, "version": info.version})
    values = {name: value.numpy() for name, value in network.state_dict().items() if value.dtype == torch.float32}
    weights_hash = file_sha256(weights_path)

    listed: list[WeightsSpec] = []
    choices = _input_sets(info.inputs)
    for number, inputs in enumerate(choices):
        feedback.progress(number, len(choices), "graphs", "export")
        proto = export_graph(network, {item.name: item.channels for item in inputs}, tasks, info.tile.size)
        point_to_safetensors(proto.graph, weights_path, values, PREFIX)
        names = tuple(item.name for item in inputs)
        path = folder / ("_".join(names) + ".onnx")
        onnx.save(proto, path)
        listed.append(WeightsSpec(path.name, "onnx", names, file_sha256(path), "fp32", {WEIGHTS_FILE: weights_hash}))
    everything = tuple(item.name for item in info.inputs)
    precision = "fp16" if half else "fp32"
    listed.append(WeightsSpec(WEIGHTS_FILE, "safetensors", everything, weights_hash, precision))
    spec = ModelSpec(
        name=info.name,
        version=info.version,
        inputs=info.inputs,
        gsd=info.gsd,
        tile=info.tile,
        outputs=info.outputs,
        weights=tuple(listed),
        title=info.title,
        description=info.description,
        licence=info.licence,
        training_data=info.training_data,
        source=info.source,
        architecture=architecture,
        metrics=info.metrics,
    )
    save_spec(spec, folder)
    (folder / "README.md").write_text(model_card(spec), encoding="utf-8")
    feedback.progress(len(choices), len(choices), "graphs", "export")
    return spec


def _input_sets(inputs: tuple[InputSpec, ...]) -> list[tuple[InputSpec, ...]]:
    """Return the sets of inputs that get a graph: all, and all without each optional one."""
    sets = [inputs]
    for absent in inputs:
        rest = tuple(item for item in inputs if item is not absent)
        if absent.optional and rest:
            sets.append(rest)
    return sets
