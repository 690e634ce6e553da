"""Weights as safetensors: tensors and text only, nothing in them is ever executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..jobs import ErrorCode, RidgelineError

_CONFIG_KEY = "ridgeline"


def save_weights(path: Path, tensors: Mapping[str, Tensor], sidecar: Mapping[str, Any] | None = None) -> None:
    """Write tensors to ``path`` (atomically), with a JSON object beside them in the file's header.

    Args:
        path: file to write.
        tensors: by name, of any shape; tensors that share memory are copied apart.
        sidecar: what a reader must know to use them: configuration, class names, step, …
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    part = path.with_name(path.name + ".part")
    save_file(plain, part, metadata={_CONFIG_KEY: json.dumps(dict(sidecar or {}))})
    part.replace(path)


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a safetensors file by name, in their shapes, and the JSON object in its header.

    Raises:
        RidgelineError: (INPUT_MISSING, BAD_MODEL) if there is no such file, or it is no safetensors file.
    """
    if not path.is_file():
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"The weights {str(path)!r} do not exist.", "Check the path.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError, ValueError) as fault:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {path.name!r} are no readable safetensors file ({fault}).",
            "Download or export them again.",
        ) from fault
    return tensors, json.loads(metadata.get(_CONFIG_KEY, "{}"))


def load_into(model: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    """Put weights into a network; every tensor must find its place and every place its tensor.

    Args:
        model: network to fill; weights are cast to its own types.
        tensors: by name.
        what: name of the weights for the error message.

    Raises:
        RidgelineError: (BAD_MODEL) listing what is missing, left over, or of another shape.
    """
    own = model.state_dict()
    missing = sorted(set(own) - set(tensors))
    extra = sorted(set(tensors) - set(own))
    other = sorted(
        f"{name} {tuple(tensors[name].shape)} for {tuple(own[name].shape)}"
        for name in set(own) & set(tensors)
        if tensors[name].shape != own[name].shape
    )
    faults = [("missing", missing), ("left over", extra), ("of another shape", other)]
    if any(names for _, names in faults):
        told = "; ".join(f"{len(names)} {kind}: {_some(names)}" for kind, names in faults if names)
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {what!r} do not fit the network ({told}).",
            "Choose the architecture that they were trained with.",
        )
    model.load_state_dict({name: tensors[name].to(own[name].dtype) for name in own})


def halve(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors, in their shapes, with matrices and kernels in fp16; vectors (norms, biases …) keep their type.

    Raises:
        ValueError: naming a tensor whose values fp16 cannot hold.
    """
    halved = {}
    for name, tensor in tensors.items():
        large = tensor.dtype == torch.float32 and tensor.ndim > 1
        halved[name] = tensor.half() if large else tensor
        if large and not bool(torch.isfinite(halved[name]).all()):
            raise ValueError(f"{name!r} has values that fp16 cannot hold")
    return halved


def _some(names: list[str], limit: int = 12) -> str:
    more = f", … {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
