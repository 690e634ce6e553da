"""Read published weights of a backbone, whatever names their authors gave them, and never half of them.

Known are: timm; the official Swin repository; SimMIM (``encoder.*`` beside a decoder); GFM (``encoder.*`` beside
teacher, decoder and projector); and OpenMMLab's Swin, whose patch merging stacks its four neighbours in another order
(that of ``nn.Unfold``: a checkpoint loaded without reordering fits and gives wrong features).
"""

from __future__ import annotations

import pickle  # nosec B403: for the name of its error alone, nothing is unpickled here
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table
from timm.models._manipulate import adapt_input_conv
from torch import Tensor

from ..jobs import ErrorCode, RidgelineError
from .backbone import Backbone
from .checkpoint import load_weights
from .config import BackboneConfig

Tensors = dict[str, Tensor]

_BUFFERS = ("relative_position_index", "attn_mask", "relative_coords_table")
_CLASSIFIER = re.compile(r"^(head|fc|classifier)\.")
_OTHER_BRANCHES = ("decoder.", "teacher.", "projector.")


@dataclass(frozen=True)
class ImportedWeights:
    """Weights under the names of `Backbone`.

    Attributes:
        tensors: all that a backbone of the configuration holds.
        style: whose names the file had: ``timm``, ``swin``, ``simmim``, ``gfm`` or ``openmmlab``.
        mask_token: SimMIM's token [1, 1, 1, C], if the file has one.
        notes: what was left out, resized or kept as it was, in sentences.
    """

    tensors: Tensors
    style: str
    mask_token: Tensor | None
    notes: tuple[str, ...]


def import_weights(path: Path, config: BackboneConfig) -> ImportedWeights:
    """Return the weights of ``path`` for a backbone of this configuration.

    Position tables of another window are resized, a first layer of other channels is adapted (summed for one channel,
    repeated and scaled for more). Norms of the first three stages, which pretraining does not have, stay at identity.

    Args:
        path: safetensors, or a PyTorch file that holds nothing but tensors and plain values.
        config: the backbone.

    Raises:
        RidgelineError: (INPUT_MISSING, BAD_MODEL) if the file cannot be read safely, or if anything is missing, left
            over or of another shape: the message lists the names.
    """
    found, style, notes = _backbone_branch(read_tensors(path))
    if any(name.startswith("stages.") and ".attn.w_msa." in name for name in found):
        found, style = _from_openmmlab(found), "openmmlab"
    elif "layers.0.downsample.reduction.weight" in found:
        style = "swin" if style == "timm" else style
        found = {_downsample_at_start(name): value for name, value in found.items()}
    token = found.pop("mask_token", None)
    own = Backbone(config).state_dict()
    tensors, kept_notes = _fit(found, own, path.name)
    return ImportedWeights(tensors, style, None if token is None else token.reshape(1, 1, 1, -1), (*notes, *kept_notes))


def read_tensors(path: Path) -> Tensors:
    """Return the tensors of a safetensors or PyTorch file; nothing in it is executed.

    Raises:
        RidgelineError: (INPUT_MISSING, BAD_MODEL) if it does not exist, or holds more than tensors and plain values.
    """
    if path.suffix == ".safetensors":
        return load_weights(path)[0]
    if not path.is_file():
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"The weights {str(path)!r} do not exist.", "Check the path.")
    try:
        data: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as fault:
        reason = " ".join(str(fault).split())[:160]
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The weights {path.name!r} hold more than tensors, which could run code when loaded ({reason}).",
            'Convert them where you trust the file: python -c "import torch, safetensors.torch as s; '
            f"d = torch.load('{path.name}', map_location='cpu', weights_only=False); d = d.get('model', d); "
            f"s.save_file({{k: v.contiguous() for k, v in d.items()}}, '{path.stem}.safetensors')\"",
        ) from fault
    for key in ("model", "state_dict"):
        if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
            data = data[key]
    if not isinstance(data, Mapping) or not data or not all(isinstance(value, Tensor) for value in data.values()):
        raise RidgelineError(
            ErrorCode.BAD_MODEL, f"The weights {path.name!r} are no table of tensors.", "Choose a checkpoint's file."
        )
    return dict(data)


def _backbone_branch(tensors: Tensors) -> tuple[Tensors, str, tuple[str, ...]]:
    """Return the encoder's tensors without its prefix, the style, and what was left out."""
    if any(name.startswith("encoder.") for name in tensors):
        known = ("encoder.", *_OTHER_BRANCHES)
        strange = sorted(name for name in tensors if not name.startswith(known))
        if strange:
            raise _misfit("encoder branch", {"left over": strange})
        branches = sorted({name.split(".")[0] for name in tensors} - {"encoder"})
        style = "gfm" if "teacher" in branches else "simmim"
        encoder = {
            name.removeprefix("encoder."): value for name, value in tensors.items() if name.startswith("encoder.")
        }
        note = f"Left out: the branches {', '.join(branches)}." if branches else ""
    elif any(name.startswith("backbone.") for name in tensors):
        encoder = {n.removeprefix("backbone."): v for n, v in tensors.items() if n.startswith("backbone.")}
        style, note = "timm", "Left out: all that is not the backbone."
    else:
        encoder, style, note = dict(tensors), "timm", ""
    plain = {name: value for name, value in encoder.items() if not name.endswith(_BUFFERS)}
    heads = sorted(name for name in plain if _CLASSIFIER.match(name))
    notes = [note] if note else []
    if heads:
        notes.append(f"Left out: the classifier ({', '.join(heads)}).")
    return {name: value for name, value in plain.items() if name not in heads}, style, tuple(notes)


def _downsample_at_start(name: str) -> str:
    """Return timm's name: the official Swin merges patches at a stage's end, timm at the next one's start."""
    return re.sub(r"^layers\.(\d+)\.downsample\.", lambda m: f"layers.{int(m[1]) + 1}.downsample.", name)


def _from_openmmlab(tensors: Tensors) -> Tensors:
    """Return OpenMMLab's Swin under timm's names and with timm's order of merged patches."""
    renamed = {}
    for name, value in tensors.items():
        if name.endswith("downsample.reduction.weight"):
            value = value.reshape(len(value), -1, 4)[:, :, [0, 2, 1, 3]].transpose(1, 2).reshape(len(value), -1)  # noqa: PLW2901
        elif ".downsample.norm." in name:
            value = value.reshape(-1, 4)[:, [0, 2, 1, 3]].T.reshape(-1)  # noqa: PLW2901
        for theirs, ours in (
            ("stages.", "layers."),
            (".attn.w_msa.", ".attn."),
            (".ffn.layers.0.0.", ".mlp.fc1."),
            (".ffn.layers.1.", ".mlp.fc2."),
            ("patch_embed.projection.", "patch_embed.proj."),
        ):
            name = name.replace(theirs, ours)  # noqa: PLW2901
        renamed[_downsample_at_start(name)] = value
    return renamed


def _fit(found: Tensors, own: Tensors, what: str) -> tuple[Tensors, list[str]]:
    """Return tensors for every name of ``own``, adapted where that is sound.

    Raises:
        RidgelineError: (BAD_MODEL) listing what does not fit.
    """
    targets = {_canonical(name): name for name in own}
    tensors: Tensors = {}
    notes: list[str] = []
    extra, misshapen = [], []
    for name, value in found.items():
        target = targets.get(_canonical(_our_norm(name, own)))
        if target is None:
            extra.append(name)
            continue
        fitted = _adapt(name, value.float(), own[target], notes)
        if fitted.shape != own[target].shape:
            misshapen.append(f"{name} {tuple(value.shape)} for {tuple(own[target].shape)}")
        tensors[target] = fitted
    missing = sorted(set(own) - set(tensors))
    identity = [name for name in missing if re.match(r"^norms\.[012]\.", name)]
    counters = [name for name in missing if name.endswith("num_batches_tracked")]
    if identity:
        notes.append("Kept at identity: the norms of the first three stages.")
    tensors |= {name: own[name] for name in (*identity, *counters)}
    faults = {
        "missing": [name for name in missing if name not in tensors],
        "left over": sorted(extra),
        "of another shape": misshapen,
    }
    if any(faults.values()):
        raise _misfit(what, faults)
    return tensors, notes


def _our_norm(name: str, own: Tensors) -> str:
    """Return the name of a stage's norm in `Backbone`: ``norm`` is the last's, ``norm0`` to ``norm3`` each one's."""
    if not any(key.startswith("norms.") for key in own):
        return name
    if name in ("norm.weight", "norm.bias"):
        return f"norms.3.{name.split('.')[1]}"
    return re.sub(r"^norm([0-3])\.", r"norms.\1.", name)


def _canonical(name: str) -> str:
    """Return a name without what timm's wrappers change: ``net.model.`` before it, ``stages_0`` for ``stages.0``."""
    return re.sub(r"^net\.(model\.)?", "", name).replace(".", "_")


def _adapt(name: str, value: Tensor, own: Tensor, notes: list[str]) -> Tensor:
    if name.endswith("relative_position_bias_table") and value.shape[0] != own.shape[0]:
        window = (round(own.shape[0] ** 0.5) + 1) // 2
        if "Resized: position tables." not in notes:
            notes.append("Resized: position tables.")
        resized: Tensor = resize_rel_pos_bias_table(value, new_window_size=(window, window), new_bias_shape=own.shape)
        return resized
    first = value.ndim == 4 and own.ndim == 4 and value.shape[1] == 3 and value.shape[1] != own.shape[1]
    if first and value.shape[0] == own.shape[0] and value.shape[2:] == own.shape[2:]:
        notes.append(f"Adapted: {name} from 3 to {own.shape[1]} channels.")
        adapted: Tensor = adapt_input_conv(own.shape[1], value)
        return adapted
    return value


def _misfit(what: str, faults: Mapping[str, list[str]]) -> RidgelineError:
    told = "; ".join(f"{len(names)} {kind}: {', '.join(names)}" for kind, names in faults.items() if names)
    return RidgelineError(
        ErrorCode.BAD_MODEL,
        f"The weights {what!r} do not fit the backbone ({told}).",
        "Choose the backbone that they were trained with; nothing was loaded.",
    )
