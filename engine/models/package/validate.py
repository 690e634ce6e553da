"""Explain every fault of a model package by field, before anything of it is loaded."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from ...jobs import RidgelineError, from_dict
from .load import MAX_JSON_BYTES, ModelPackage, file_digest, load_package, read_json
from .onnx_file import check_external_data, data_files_beside
from .spec import ModelSpec, WeightsSpec

_HARMLESS = {
    ".json",
    ".md",
    ".txt",
    ".rst",
    ".png",
    ".jpg",
    ".jpeg",
    ".csv",
    ".yaml",
    ".yml",
    ".qml",
    ".pdf",
    ".geojson",
}
_HARMLESS_NAMES = {"readme", "licence", "license", "notice", "copying"}
_MAX_HEADER = 100 * 1024 * 1024


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a package: the field or file, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def faults_of_package(folder: Path) -> list[Fault]:
    """Return all that is wrong with the package in ``folder``: none means that it may be loaded.

    Fields of ``model.json``, files that are missing, changed, foreign or links, weights that are no such files, graphs
    that read other files. Nothing is run (see ``probe.probe_package``).
    """
    faults = faults_of_json(folder / "model.json")
    faults += _faults_of_files(folder)
    if faults:
        return faults
    package = load_package(folder)
    for index, weights in enumerate(package.spec.weights):
        faults += _faults_of_weights(package, weights, f"model.json.weights[{index}]")
    faults += _foreign_files(package)
    faults += _unknown_recipes(package.spec)
    return faults


def faults_of_json(path: Path) -> list[Fault]:
    """Return all that is wrong with the fields of a ``model.json``."""
    if not path.is_file():
        return [Fault("model.json", "is missing")]
    if path.stat().st_size > MAX_JSON_BYTES:
        return [Fault("model.json", "is too large")]
    try:
        data = read_json(path)
    except (OSError, ValueError, RecursionError) as fault:
        return [Fault("model.json", f"cannot be read ({fault})")]
    return _faults_of_fields(ModelSpec, data, "model.json")


def _faults_of_fields(kind: Any, data: Any, where: str) -> list[Fault]:
    """Decode a dataclass field by field, so that one fault does not hide the next."""
    first = _fault_of_decoding(kind, data, where)
    if first is None:
        return []
    if not isinstance(data, Mapping):
        return [first]
    hints = _hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    found = [Fault(f"{where}.{key}", "is not known") for key in sorted(map(str, data)) if key not in fields]
    for name, item in fields.items():
        if name in data:
            found += _faults_of_value(kind, name, hints[name], data[name], f"{where}.{name}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            found.append(Fault(f"{where}.{name}", "is missing"))
    return found or [first]


def _faults_of_value(kind: Any, name: str, hint: Any, value: Any, where: str) -> list[Fault]:
    inner = next((arg for arg in (hint, *get_args(hint)) if dataclasses.is_dataclass(arg)), None)
    if inner is not None and get_origin(hint) is tuple and isinstance(value, list):
        return [fault for i, item in enumerate(value) for fault in _faults_of_fields(inner, item, f"{where}[{i}]")]
    if inner is not None and isinstance(value, Mapping):
        return _faults_of_fields(inner, value, where)
    fault = _fault_of_decoding(_lone_field(kind, name), {name: value}, where.rpartition(".")[0])
    return [] if fault is None else [fault]


def _fault_of_decoding(kind: Any, data: Any, where: str) -> Fault | None:
    try:
        from_dict(kind, data, where)
    except RidgelineError as fault:
        place, _, what = fault.message.removeprefix("The field ").partition(" ")
        return Fault(place, what.rstrip("."))
    return None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _lone_field(kind: Any, name: str) -> Any:
    return dataclasses.make_dataclass(kind.__name__, [(name, _hints(kind)[name])])


def _faults_of_files(folder: Path) -> list[Fault]:
    links = [item for item in sorted(folder.rglob("*")) if item.is_symlink()]
    return [Fault(item.relative_to(folder).as_posix(), "is a link; a model holds files only") for item in links]


def _faults_of_weights(package: ModelPackage, weights: WeightsSpec, where: str) -> list[Fault]:
    faults = []
    for file, digest in {weights.file: weights.sha256, **weights.data}.items():
        try:
            if file_digest(package.path_of(file)) != digest:
                faults.append(Fault(where, f"the file {file!r} has another SHA-256 than model.json says"))
        except RidgelineError as fault:
            faults.append(Fault(where, fault.message))
    if faults:
        return faults
    path = package.path_of(weights.file)
    expected = ".onnx" if weights.format == "onnx" else ".safetensors"
    if path.suffix.lower() != expected:
        return [Fault(f"{where}.file", f"{weights.file!r} should end with {expected}")]
    try:
        if weights.format == "onnx":
            check_external_data(path, data_files_beside(weights))
        else:
            read_safetensors_header(path)
            if package.spec.architecture is None:
                faults.append(Fault("model.json.architecture", f"is needed to build the network of {weights.file!r}"))
    except RidgelineError as fault:
        faults.append(Fault(where, fault.message))
    except ValueError as fault:
        faults.append(Fault(where, f"the file {weights.file!r} is no safetensors file ({fault})"))
    return faults


def read_safetensors_header(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file: tensors by name, and ``__metadata__``.

    Raises:
        ValueError: if the file is not laid out as the format asks (huggingface.co/docs/safetensors).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        if len(start) < 8:
            raise ValueError("it is too short")
        (length,) = struct.unpack("<Q", start)
        if length > min(_MAX_HEADER, size - 8):
            raise ValueError("its header is longer than the file")
        try:
            header = json.loads(stream.read(length))
        except (ValueError, RecursionError) as fault:
            raise ValueError("its header is no JSON") from fault
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    for name, item in header.items():
        if name == "__metadata__":
            continue
        offsets = item.get("data_offsets") if isinstance(item, dict) else None
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(type(value) is int for value in offsets):
            raise ValueError(f"the tensor {name!r} has no place in the file")
        if not 0 <= offsets[0] <= offsets[1] <= size - 8 - length:
            raise ValueError(f"the tensor {name!r} lies outside the file")
    return header


def _foreign_files(package: ModelPackage) -> list[Fault]:
    named = {file for weights in package.spec.weights for file in (weights.file, *weights.data)}
    faults = []
    for item in sorted(package.folder.rglob("*")):
        name = item.relative_to(package.folder).as_posix()
        harmless = item.suffix.lower() in _HARMLESS or item.stem.lower() in _HARMLESS_NAMES
        if item.is_file() and name not in named and not harmless:
            faults.append(Fault(name, "is neither weights that model.json names nor a text or picture"))
    return faults


def _unknown_recipes(spec: ModelSpec) -> list[Fault]:
    from ...terrain.height_channels import CHANNELS, RECIPE_VERSION

    faults = []
    for index, item in enumerate(spec.inputs):
        recipe = item.height_channels
        if recipe is None:
            continue
        where = f"model.json.inputs[{index}].height_channels"
        if recipe.version != RECIPE_VERSION:
            faults.append(
                Fault(f"{where}.version", f"is {recipe.version}, but this version computes recipe {RECIPE_VERSION}")
            )
        strange = [name for name in recipe.channels if name not in CHANNELS]
        if strange:
            faults.append(Fault(f"{where}.channels", f"{strange[0]!r} is not known; known are: {', '.join(CHANNELS)}"))
    return faults
