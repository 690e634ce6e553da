"""Read from an ONNX file what must be known before any runtime opens it, without the onnx package.

An ONNX file is a protocol-buffer message. Only the wire format is walked here (protobuf.dev, "Encoding"), along the
fields of ``onnx.proto`` that can lead to tensors and operators; payloads are skipped, so that a file of a gigabyte
costs no more than its number of nodes. What the walk does not understand is refused, never guessed.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...jobs import ErrorCode, RidgelineError
from .spec import WeightsSpec, is_inside

MAX_FIELDS = 20_000_000
"""More fields than any real network has: a file of nothing but empty fields would otherwise keep us for hours."""
_MAX_DEPTH = 40

# Fields that hold further messages, by message: field number -> message (onnx.proto, IR version 13).
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 14: "entry", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
}


@dataclass
class OnnxFacts:
    """What an ONNX file says of itself.

    Attributes:
        external: places of tensors that live in other files, as the file writes them.
        operators: operators used, ``domain::Name`` outside the standard domain.
        metadata: the free entries that tools add (``metadata_props``).
        opset: version of the standard operators; 0 if the file does not say.
    """

    external: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    opset: int = 0
    graphs: int = 0
    fields: int = 0


class _MalformedError(ValueError):
    """The bytes are no such message."""


def read_onnx_facts(path: Path) -> OnnxFacts:
    """Walk through an ONNX file.

    Raises:
        RidgelineError: (BAD_MODEL) if the file is no ONNX file.
    """
    facts = OnnxFacts()
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
            _walk(view, 0, len(view), "model", facts, 0)
        if facts.graphs == 0:
            raise _MalformedError("it holds no graph")
    except (OSError, ValueError) as fault:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The file {path.name!r} is no ONNX network ({fault}).",
            "Export the network again, or choose another file.",
        ) from fault
    return facts


def check_external_data(path: Path, allowed: frozenset[str]) -> OnnxFacts:
    """Make sure that an ONNX file reads no file but those that its package names.

    Args:
        path: the ONNX file, inside its package.
        allowed: files that it may read, relative to its own folder, with forward slashes.

    Returns:
        What the file says of itself.

    Raises:
        RidgelineError: (BAD_MODEL) naming the first place that is not allowed.
    """
    facts = read_onnx_facts(path)
    for place in sorted(facts.external):
        if place not in allowed or not is_inside(place):
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The network {path.name!r} wants to read the file {place!r}, which its package does not hold.",
                "Do not use this model, unless whoever made it explains what the file is for.",
            )
        if (path.parent / place).is_symlink():
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The network {path.name!r} keeps its data in {place!r}, which is a link to another place.",
                "Replace the link by the file itself.",
            )
    if any(name.endswith("EPContext") for name in facts.operators):  # names files of its own in an attribute
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The network {path.name!r} is compiled for one device and refers to files of that device.",
            "Use the network as it was before it was compiled.",
        )
    return facts


def data_files_beside(weights: WeightsSpec) -> frozenset[str]:
    """Return the data files of an ONNX file as seen from its own folder, which is how the graph names them."""
    folder = weights.file.rpartition("/")[0]
    prefix = folder + "/" if folder else ""
    return frozenset(name[len(prefix) :] for name in weights.data if name.startswith(prefix))


def _walk(data: mmap.mmap, start: int, end: int, message: str, facts: OnnxFacts, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _MalformedError("its graphs are nested too deeply")
    if message == "graph":
        facts.graphs += depth == 1
    children = _MESSAGES.get(message, {})
    name = domain = ""
    for number, first, last in _fields(data, start, end, facts):
        child = children.get(number)
        if child == "external":
            key, value = _entry(data, first, last, facts)
            if key == "location":
                facts.external.add(value)
        elif child == "entry":
            key, value = _entry(data, first, last, facts)
            facts.metadata[key] = value
        elif child == "opset":
            facts.opset = max(facts.opset, _opset(data, first, last, facts))
        elif child is not None:
            _walk(data, first, last, child, facts, depth + 1)
        elif message == "node" and number == 4:
            name = _text(data, first, last)
        elif message == "node" and number == 7:
            domain = _text(data, first, last)
    if message == "node":
        facts.operators.add(f"{domain}::{name}" if domain not in ("", "ai.onnx") else name)


def _fields(data: mmap.mmap, start: int, end: int, facts: OnnxFacts) -> Iterator[tuple[int, int, int]]:
    """Yield (number, first byte, byte behind the last) of each field; numbers have their value as first byte."""
    at = start
    while at < end:
        facts.fields += 1
        if facts.fields > MAX_FIELDS:
            raise _MalformedError("it has too many parts")
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise _MalformedError("it has a field without a number")
        if wire == 0:
            value, at = _varint(data, at, end)
            yield -number, value, 0
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            if at > end:
                raise _MalformedError("it is cut off")
        elif wire == 2:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise _MalformedError("it is cut off")
            yield number, at, at + size
            at += size
        else:
            raise _MalformedError("it is written in another format")


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _MalformedError("it is cut off")


def _entry(data: mmap.mmap, start: int, end: int, facts: OnnxFacts) -> tuple[str, str]:
    key = value = ""
    for number, first, last in _fields(data, start, end, facts):
        if number == 1:
            key = _text(data, first, last)
        elif number == 2:
            value = _text(data, first, last)
    return key, value


def _opset(data: mmap.mmap, start: int, end: int, facts: OnnxFacts) -> int:
    domain, version = "", 0
    for number, first, last in _fields(data, start, end, facts):
        if number == 1:
            domain = _text(data, first, last)
        elif number == -2:
            version = first
    return version if domain in ("", "ai.onnx") else 0


def _text(data: mmap.mmap, start: int, end: int) -> str:
    return data[start:end].decode("utf-8", errors="replace")
