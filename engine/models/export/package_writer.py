"""Write a model package: graphs, weights, ``model.json`` and the model card."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    model: DenseModel,
    info: PackageInfo,
    folder: Path,
    *,
    alone: Mapping[str, DenseModel] | None = None,
    half: bool = True,
    feedback: Feedback | None = None,
) -> ModelSpec:
    """Write ``model`` as a package into ``folder`` (made if it is not there) and return what its ``model.json`` says.

    There is one graph for all inputs and, where every input is optional, one for each alone; all of them and
    training read ``weights.safetensors``. A network for one input alone has a file of its own for the graph of that
    input and for training with it. The graphs compute in fp32 and give maps at the decoder's stride: probabilities, but
    for those of buildings, which are logits. Outlines run where these are 0; between two values of a coarse map that
    place is nearer to the truth than the one where probabilities cross a half.

    Args:
        model: the trained network; it is not changed.
        info: what the package says; names of inputs and outputs are the network's.
        folder: where to.
        alone: networks for one input alone (`models.alone`), by the input's name.
        half: store kernels and matrices in fp16, half the size; the graphs compute with the rounded numbers.
        feedback: told about each graph.

    Raises:
        ValueError: if the outputs described are not those of the network, in its order, or one for an input alone
            gives others.
    """
    feedback = feedback or Feedback()
    tasks = model.config.tasks
    if [(item.name, item.channels) for item in info.outputs] != [(task.name, task.channels) for task in tasks]:
        raise ValueError(f"outputs described {[item.name for item in info.outputs]} are not the network's tasks")
    if any(network.config.tasks != tasks for network in (alone or {}).values()):
        raise ValueError("a network for one input alone must give what the network for all gives")
    outputs = tuple(_as_given(item, model.decoder.stride) for item in info.outputs)
    activated = tuple(task for task, item in zip(tasks, outputs) if item.activation == "none")
    folder.mkdir(parents=True, exist_ok=True)
    own = _Stored(model, info, folder / WEIGHTS_FILE, half)
    apart: dict[tuple[str, ...], _Stored] = {
        (name,): _Stored(network, info, folder / f"weights_{name}.safetensors", half)
        for name, network in (alone or {}).items()
    }
    listed: list[WeightsSpec] = []
    choices = _input_sets(info.inputs)
    for number, inputs in enumerate(choices):
        feedback.progress(number, len(choices), "graphs", "export")
        names = tuple(item.name for item in inputs)
        stored = apart.get(names, own)
        proto = export_graph(stored.network, {item.name: item.channels for item in inputs}, activated, info.tile.size)
        point_to_safetensors(proto.graph, stored.path, stored.values, PREFIX)
        path = folder / ("_".join(names) + ".onnx")
        onnx.save(proto, path)
        data = {stored.path.name: stored.digest}
        listed.append(WeightsSpec(path.name, "onnx", names, file_sha256(path), "fp32", data))
    everything = tuple(item.name for item in info.inputs)
    precision = "fp16" if half else "fp32"
    listed.append(WeightsSpec(WEIGHTS_FILE, "safetensors", everything, own.digest, precision))
    for names, stored in apart.items():
        file, config = stored.path.name, to_dict(stored.network.config)
        listed.append(WeightsSpec(file, "safetensors", names, stored.digest, precision, architecture=config))
    spec = ModelSpec(
        name=info.name,
        version=info.version,
        inputs=info.inputs,
        gsd=info.gsd,
        tile=info.tile,
        outputs=outputs,
        weights=tuple(listed),
        title=info.title,
        description=info.description,
        licence=info.licence,
        training_data=info.training_data,
        source=info.source,
        architecture=to_dict(model.config),
        metrics=info.metrics,
    )
    save_spec(spec, folder)
    (folder / "README.md").write_text(model_card(spec), encoding="utf-8")
    feedback.progress(len(choices), len(choices), "graphs", "export")
    return spec


def _as_given(output: OutputSpec, stride: int) -> OutputSpec:
    """Return what is said of an output as the graphs give it."""
    is_logit = output.role == "building" and output.kind == "probability"
    return replace(output, stride=stride, activation="sigmoid" if is_logit else "none")


class _Stored:
    """A network as its file holds it.

    Attributes:
        network: on the CPU, with the numbers as they were rounded.
        path: of the file.
        digest: SHA-256 of the file.
        values: the network's float tensors by name.
    """

    def __init__(self, model: DenseModel, info: PackageInfo, path: Path, half: bool) -> None:
        self.network, self.path = copy.deepcopy(model).cpu().float().eval(), path
        tensors = self.network.state_dict()
        stored = halve(tensors) if half else dict(tensors)
        self.network.load_state_dict({name: value.to(tensors[name].dtype) for name, value in stored.items()})
        header = {"architecture": to_dict(model.config), "name": info.name, "version": info.version}
        save_weights(path, stored, header)
        self.digest = file_sha256(path)
        kept = self.network.state_dict().items()
        self.values = {name: value.numpy() for name, value in kept if value.dtype == torch.float32}


def _input_sets(inputs: tuple[InputSpec, ...]) -> list[tuple[InputSpec, ...]]:
    """Return the sets of inputs that get a graph: all, and all without each optional one."""
    sets = [inputs]
    for absent in inputs:
        rest = tuple(item for item in inputs if item is not absent)
        if absent.optional and rest:
            sets.append(rest)
    return sets
