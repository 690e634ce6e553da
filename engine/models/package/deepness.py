"""Networks made for the QGIS plugin Deepness: what the entries in their ONNX files mean.

Facts from its documentation ("Adding metadata to ONNX model", "Model classes and requirements",
qgis-plugin-deepness.readthedocs.io) and its source (PUTvision/qgis-plugin-deepness 0.6.5):

- each entry is JSON text; class names may also be a Python literal with whole numbers as keys;
- ``model_type``: Segmentor, Regressor, Detector, Recognition, Superresolution;
- ``class_names`` (older: ``names``): one object {index: name} or, for several outputs, a list of them; a network with
  one sigmoid channel may name only that class, or background and class;
- ``resolution`` is in centimetres per pixel; ``tiles_size`` (the plugin itself reads ``tile_size``) in pixels;
  ``tiles_overlap`` in percent of a tile;
- pictures are 8-bit, divided by 255, then ``standardization_mean`` and ``standardization_std`` are applied;
- segmentation networks end in a sigmoid (one channel, or no channel axis) or a softmax, within the graph;
  ``seg_thresh`` is the confidence from which a class counts;
- regression networks: each channel of an output is a measure, times ``reg_output_scaling``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...jobs import ErrorCode, RidgelineError
from ...jobs.models import NetworkClass, NetworkForm, NetworkInput, NetworkOutput
from .probe import NetworkShape, TensorShape

_KINDS = ("segmentor", "regressor")
_OTHER_KINDS = ("detector", "recognition", "superresolution")
_WHITE = 255.0
_BUILDING_WORDS = ("building", "roof", "house", "footprint")


def is_deepness(metadata: Mapping[str, str]) -> bool:
    """Return whether the entries of an ONNX file are those of the Deepness plugin."""
    return "model_type" in metadata


def check_kind(metadata: Mapping[str, str], file: str) -> str:
    """Return ``segmentor`` or ``regressor``.

    Raises:
        RidgelineError: (BAD_MODEL) if the network is of another kind, or of none that Deepness knows.
    """
    kind = str(_value(metadata, "model_type", file)).lower()
    if kind not in _KINDS + _OTHER_KINDS:
        raise _damaged(file, "model_type", f"says {kind[:40]!r}, which is no kind of network that Deepness knows")
    if kind not in _KINDS:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The network {file!r} is a {kind.capitalize()} of Deepness; Ridgeline runs its Segmentor and Regressor.",
            "Choose a network for segmentation or regression.",
        )
    return kind


def deepness_form(metadata: Mapping[str, str], shape: NetworkShape, given: NetworkForm, file: str) -> NetworkForm:
    """Return the form that a Deepness file fills in by itself; what the user filled in goes before.

    Args:
        metadata: entries of the ONNX file.
        shape: what the network takes and gives.
        given: what the user filled in.
        file: name of the file, for messages.

    Raises:
        RidgelineError: (BAD_MODEL) if the network is of a kind that cannot be run, or an entry is damaged.
    """
    kind = check_kind(metadata, file)
    if len(shape.inputs) != 1:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The network {file!r} takes {len(shape.inputs)} inputs, which networks for Deepness never do.",
            "Remove the entry model_type from the file and import it with a form of its own.",
        )
    outputs = (
        _measures(metadata, shape.outputs, file)
        if kind == "regressor"
        else _segmentations(metadata, shape.outputs, file)
    )
    resolution = _number(metadata, "resolution", file)
    side = _number(metadata, "tiles_size", file) or _number(metadata, "tile_size", file)
    overlap = _number(metadata, "tiles_overlap", file)
    tile = given.tile or (shape.inputs[0].side if shape.fixed or side is None else int(side))
    return replace(
        given,
        gsd=given.gsd or (resolution / 100 if resolution else None),
        inputs=given.inputs or (_input(metadata, shape.inputs[0], file),),
        outputs=given.outputs or outputs,
        tile=tile,
        overlap=given.overlap if given.overlap is not None else _overlap_px(overlap, tile),
        source=given.source or "made for the QGIS plugin Deepness",
    )


def _overlap_px(percent: float | None, tile: int) -> int | None:
    return None if percent is None else min(round(tile * percent / 100), tile // 2)


def _input(metadata: Mapping[str, str], shape: TensorShape, file: str) -> NetworkInput:
    mean = _numbers(metadata, "standardization_mean", shape.channels, file) or [0.0] * shape.channels
    std = _numbers(metadata, "standardization_std", shape.channels, file) or [1.0] * shape.channels
    if not ("standardization_mean" in metadata and "standardization_std" in metadata):
        mean, std = [0.0] * shape.channels, [1.0] * shape.channels  # Deepness, too, wants both or none
    return NetworkInput(
        shape.name, "rgb", tuple(value * _WHITE for value in mean), tuple(value * _WHITE for value in std)
    )


def _segmentations(
    metadata: Mapping[str, str], shapes: tuple[TensorShape, ...], file: str
) -> tuple[NetworkOutput, ...]:
    names = _class_names(metadata, file)
    threshold = _number(metadata, "seg_thresh", file)
    outputs = []
    for index, shape in enumerate(shapes):
        listed = names[index] if index < len(names) else []
        if shape.channels == 1:
            title = listed[-1] if listed else ""
            building = any(word in title.lower() for word in _BUILDING_WORDS)
            outputs.append(
                NetworkOutput(
                    shape.name,
                    name=title or None,
                    kind="probability",
                    role="building" if building else "other",
                    activation="none",
                    threshold=0.5 if threshold is None else min(max(threshold, 0.0), 1.0),
                )
            )
        else:
            if listed and len(listed) != shape.channels:
                raise _damaged(file, "class_names", f"names {len(listed)} classes for {shape.channels} channels")
            classes = tuple(NetworkClass(name) for name in listed)
            outputs.append(NetworkOutput(shape.name, kind="classes", classes=classes, activation="none"))
    return tuple(outputs)


def _measures(metadata: Mapping[str, str], shapes: tuple[TensorShape, ...], file: str) -> tuple[NetworkOutput, ...]:
    names = _class_names(metadata, file)
    scale = _number(metadata, "reg_output_scaling", file)
    outputs = []
    for index, shape in enumerate(shapes):
        listed = names[index] if index < len(names) else []
        for channel in range(shape.channels):
            outputs.append(
                NetworkOutput(
                    shape.name,
                    name=listed[channel] if channel < len(listed) else None,
                    kind="metres",
                    role="other",
                    activation="none",
                    channel=channel if shape.channels > 1 else None,
                    scale=1.0 if scale is None else scale,
                    unit="",
                )
            )
    return tuple(outputs)


def _class_names(metadata: Mapping[str, str], file: str) -> list[list[str]]:
    """Return the class names of each output, in the order of its channels."""
    key = "class_names" if "class_names" in metadata else "names"
    if key not in metadata:
        return []
    found = _value(metadata, key, file)
    listed = []
    for names in [found] if isinstance(found, dict) else found if isinstance(found, list) else [None]:
        if not isinstance(names, dict):
            raise _damaged(file, key, "is no object of names by index")
        try:
            by_index = {int(index): str(name) for index, name in names.items()}
        except (ValueError, TypeError) as fault:
            raise _damaged(file, key, "has an index that is no number") from fault
        if sorted(by_index) != list(range(len(by_index))):
            raise _damaged(file, key, "leaves out an index")
        listed.append([by_index[index] for index in range(len(by_index))])
    return listed


def _value(metadata: Mapping[str, str], key: str, file: str) -> Any:
    text = metadata[key]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)  # numbers, texts, lists and objects only: nothing is run
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text  # a bare word, as some tools write model_type


def _number(metadata: Mapping[str, str], key: str, file: str) -> float | None:
    if key not in metadata:
        return None
    value = _value(metadata, key, file)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as fault:
        raise _damaged(file, key, "is no number") from fault
    if number - number != 0 or number < 0:
        raise _damaged(file, key, "is no number that makes sense")
    return number


def _numbers(metadata: Mapping[str, str], key: str, count: int, file: str) -> list[float] | None:
    if key not in metadata:
        return None
    value = _value(metadata, key, file)
    try:
        numbers = [float(item) for item in value]
    except (TypeError, ValueError, OverflowError) as fault:
        raise _damaged(file, key, "is no list of numbers") from fault
    if len(numbers) != count:
        raise _damaged(file, key, f"has {len(numbers)} numbers for {count} channels")
    return numbers


def _damaged(file: str, key: str, what: str) -> RidgelineError:
    return RidgelineError(
        ErrorCode.BAD_MODEL,
        f"The entry {key!r} of the network {file!r} {what}.",
        "Correct the entry in the ONNX file, or remove it and fill in the form yourself.",
    )
