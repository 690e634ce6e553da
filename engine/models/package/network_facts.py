"""What a bare ONNX file takes and gives, for whoever fills in the short form of an import."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ...jobs import ErrorCode, RidgelineError
from .deepness import check_kind, is_deepness
from .onnx_file import read_onnx_facts
from .onnx_import import _WEIGHTS, _copy_network
from .probe import probe_network


def describe_network(source: Path) -> dict[str, Any]:
    """Return what a bare ONNX file takes and gives, found by running a copy of it: the basis of a short form.

    Returns:
        ``deepness`` (whether it describes itself, so that no form is needed), ``inputs`` (each with ``tensor``,
        ``channels`` and ``kind``, the kind that is guessed), ``outputs`` (each with ``tensor`` and ``channels``),
        ``fixed`` (whether it takes one size of tile only) and ``side`` (of the tile in the trial, in pixels).

    Raises:
        RidgelineError: (INPUT_MISSING), (BAD_MODEL) if the file is no network of pictures, or one of a kind of the
            Deepness plugin that Ridgeline does not run.
    """
    if not source.is_file():
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"There is no file {str(source)!r}.", "Check the path.")
    facts = read_onnx_facts(source)
    if is_deepness(facts.metadata):
        check_kind(facts.metadata, source.name)
    with tempfile.TemporaryDirectory(prefix="ridgeline-network-") as folder:
        _copy_network(source, Path(folder), facts)
        shape = probe_network(Path(folder) / _WEIGHTS, source.name)
    return {
        "deepness": is_deepness(facts.metadata),
        "inputs": [
            {"tensor": item.name, "channels": item.channels, "kind": "dsm" if item.channels == 1 else "rgb"}
            for item in shape.inputs
        ],
        "outputs": [{"tensor": item.name, "channels": item.channels} for item in shape.outputs],
        "fixed": shape.fixed,
        "side": shape.inputs[0].side,
    }
