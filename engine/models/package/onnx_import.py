"""Make a model package of a bare ONNX file, with the help of a short form and of running it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from ...jobs import ErrorCode, RidgelineError
from ...jobs.models import NetworkForm, NetworkInput, NetworkOutput
from .colours import class_colours
from .deepness import check_kind, deepness_form, is_deepness
from .load import file_sha256, save_spec
from .onnx_file import OnnxFacts, read_onnx_facts
from .probe import NetworkShape, TensorShape, probe_network
from .spec import (
    ClassSpec,
    GsdSpec,
    InputSpec,
    MeanStd,
    ModelSpec,
    OutputSpec,
    TileSpec,
    WeightsSpec,
    is_inside,
    is_safe_name,
)

_WEIGHTS = "network.onnx"
_TILE = 512
_MARGIN_SHARE = 8  # the tile plan leaves an eighth of the overlap unused on every side (inference.plan)
_BANDS = {1: ("grey",), 2: ("grey", "alpha"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "near_infrared")}


def build_package(source: Path, folder: Path, name: str, form: NetworkForm) -> None:
    """Write a package for the network ``source`` into the empty ``folder``.

    Args:
        source: an ONNX file.
        folder: where the package is written.
        name: the model's name.
        form: what the user said; the rest is read from the file's entries or found by running the network.

    Raises:
        RidgelineError: (BAD_MODEL) if the file is no network of pictures; (BAD_JOB) if the form does not fit it or
            leaves out what cannot be found.
    """
    facts = read_onnx_facts(source)
    data = _copy_network(source, folder, facts)
    if is_deepness(facts.metadata):
        check_kind(facts.metadata, source.name)
    stated = {item.tensor: len(item.bands) for item in form.inputs if item.bands}
    shape = probe_network(folder / _WEIGHTS, source.name, stated)
    if is_deepness(facts.metadata):
        form = deepness_form(facts.metadata, shape, form, source.name)
    inputs = tuple(_input_spec(item, shape, source.name) for item in _inputs(form, shape, source.name))
    tile = _tile_spec(form, shape)
    spec = ModelSpec(
        name=name,
        version="1",
        title=_plain(form.title or source.stem)[:200],
        description=form.description,
        licence=_plain(form.licence)[:400],
        source=form.source or f"imported from {source.name}",
        inputs=inputs,
        gsd=_gsd_spec(form, source.name),
        tile=tile,
        outputs=_output_specs(form, shape, source.name),
        weights=(
            WeightsSpec(
                _WEIGHTS,
                "onnx",
                tuple(item.name for item in inputs),
                file_sha256(folder / _WEIGHTS),
                data={file: file_sha256(folder / file) for file in data},
            ),
        ),
    )
    save_spec(spec, folder)
    (folder / "README.md").write_text(_card(spec, facts), encoding="utf-8")


def _copy_network(source: Path, folder: Path, facts: OnnxFacts) -> list[str]:
    shutil.copyfile(source, folder / _WEIGHTS)
    places = sorted(facts.external)
    for place in places:
        beside = source.parent / place
        if not is_inside(place) or not beside.resolve().is_relative_to(source.parent.resolve()):
            raise _bad_model(source.name, f"wants to read the file {place!r} outside its folder", "Do not use it.")
        if not beside.is_file() or beside.is_symlink():
            raise _bad_model(
                source.name, f"keeps its weights in {place!r}, which does not lie beside it", "Put both in one folder."
            )
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(beside, folder / place)
    return places


def _inputs(form: NetworkForm, shape: NetworkShape, file: str) -> list[NetworkInput]:
    """Return the inputs in the network's order: as the form says, else three channels RGB, one channel DSM."""
    stated = {item.tensor: item for item in form.inputs}
    strange = sorted(set(stated) - {item.name for item in shape.inputs})
    if strange:
        known = ", ".join(item.name for item in shape.inputs)
        raise _bad_form(f"The network {file!r} has no input {strange[0]!r}.", f"Its inputs: {known}.")
    found = []
    for item in shape.inputs:
        guess = "dsm" if item.channels == 1 and len(shape.inputs) == 2 else "rgb" if item.channels in (3, 4) else None
        if item.name in stated:
            found.append(stated[item.name])
        elif guess is not None:
            found.append(NetworkInput(item.name, guess))
        else:
            raise _bad_form(
                f"It is not clear if the input {item.name!r} of {file!r} ({item.channels} channels) is RGB or DSM.",
                f"Say it, for example with --input {item.name}=dsm.",
            )
    kinds = [item.kind for item in found]
    if len(set(kinds)) != len(kinds):
        raise _bad_form(
            f"Both inputs of {file!r} are {kinds[0]}; there can be one of each kind.", "Say which is the DSM."
        )
    return found


def _input_spec(item: NetworkInput, shape: NetworkShape, file: str) -> InputSpec:
    tensor = next(found for found in shape.inputs if found.name == item.tensor)
    channels = tensor.channels
    bands = item.bands or (("height",) if item.kind == "dsm" else _BANDS.get(channels, _numbered("band", channels)))
    mean = item.mean or (0.0,) * channels
    std = item.std or ((255.0,) if item.kind == "rgb" and not tensor.bytes else (1.0,)) * channels
    for what, values in (("bands", bands), ("means", mean), ("standard deviations", std)):
        if len(values) != channels:
            raise _bad_form(
                f"The input {item.tensor!r} of {file!r} has {channels} channels, but {len(values)} {what} are given.",
                "Give one a channel.",
            )
    return InputSpec(item.kind, item.kind, tuple(bands), mean_std=_mean_std(mean, std), tensor=item.tensor)


def _mean_std(mean: tuple[float, ...], std: tuple[float, ...]) -> MeanStd:
    try:
        return MeanStd(tuple(mean), tuple(std))
    except ValueError as fault:
        raise _bad_form(f"The normalisation cannot be used: {fault}.", "Correct the numbers.") from fault


def _numbered(word: str, count: int) -> tuple[str, ...]:
    return tuple(f"{word}_{index + 1}" for index in range(count))


def _gsd_spec(form: NetworkForm, file: str) -> GsdSpec:
    if not form.gsd:
        raise _bad_form(
            f"The network {file!r} does not say how much ground a pixel of its pictures shows.",
            "Give it in metres per pixel, for example with --gsd 0.25.",
        )
    low, high = form.gsd_range or (form.gsd / 2, form.gsd * 2)
    try:
        return GsdSpec(form.gsd, low, high)
    except ValueError as fault:
        raise _bad_form(f"The size of a pixel on the ground {fault}.", "Correct the numbers.") from fault


def _tile_spec(form: NetworkForm, shape: NetworkShape) -> TileSpec:
    side = shape.inputs[0].side
    size = side if shape.fixed else form.tile or max(_TILE // shape.multiple, 1) * shape.multiple
    if size % shape.multiple or (shape.fixed and form.tile not in (None, side)):
        raise _bad_form(
            f"A tile of {form.tile} pixels does not fit the network.",
            f"It takes tiles of {side} pixels only." if shape.fixed else f"Choose a multiple of {shape.multiple}.",
        )
    margin = max((item.side_missing(side) for item in shape.outputs), default=0)
    overlap = max(form.overlap if form.overlap is not None else size // 8, margin * _MARGIN_SHARE)
    if overlap > size // 2:
        raise _bad_form(
            f"The network answers only for the middle of its tile: {margin} pixels on each side are missing.",
            "Choose a network whose output is as large as its input.",
        )
    return TileSpec(size, shape.multiple, overlap)


def _output_specs(form: NetworkForm, shape: NetworkShape, file: str) -> tuple[OutputSpec, ...]:
    shapes = {item.name: item for item in shape.outputs}
    stated = form.outputs or tuple(NetworkOutput(item.name) for item in shape.outputs)
    taken: set[str] = set()
    specs: list[OutputSpec] = []
    for item in stated:
        if item.tensor not in shapes:
            raise _bad_form(
                f"The network {file!r} has no map {item.tensor!r}.", f"Its maps: {', '.join(sorted(shapes))}."
            )
        spec = _output_spec(item, shapes[item.tensor], {known.role for known in specs})
        specs.append(replace(spec, name=_unique(spec.name, taken)))
    return tuple(specs)


def _output_spec(item: NetworkOutput, shape: TensorShape, roles: set[str]) -> OutputSpec:
    kind = item.kind or ("classes" if shape.channels > 1 and item.channel is None else "probability")
    classes: tuple[ClassSpec, ...] = ()
    if kind == "classes":
        names = [_plain(given.name) for given in item.classes] or list(_numbered("class", shape.channels))
        if len(names) != shape.channels:
            raise _bad_form(
                f"The output {item.tensor!r} has {shape.channels} channels, but {len(names)} classes are named.",
                "Name one class a channel, in their order.",
            )
        chosen = class_colours(names)
        given = [named.colour for named in item.classes] or [None] * len(names)
        classes = tuple(
            ClassSpec(index + 1, name, stated or colour)
            for index, (name, stated, colour) in enumerate(zip(names, given, chosen))
        )
    elif shape.channels > 1 and item.channel is None:
        raise _bad_form(f"The output {item.tensor!r} has {shape.channels} channels.", "Say which one is meant.")
    role = item.role or ("land_cover" if kind == "classes" and "land_cover" not in roles else "other")
    name = item.name or (role if role != "other" else item.tensor)
    try:
        return OutputSpec(
            _safe(name),
            kind,
            role,
            classes,
            item.activation or _activation(kind, shape),
            item.threshold,
            item.tensor,
            item.channel,
            item.scale,
            item.unit,
        )
    except ValueError as fault:
        raise _bad_form(f"The output {item.tensor!r} cannot be used: {fault}.", "Correct the form.") from fault


def _activation(kind: str, shape: TensorShape) -> str:
    """Return what still makes probabilities of what the network gave in the trials."""
    if kind == "classes":
        return "none" if shape.sums_to_one else "softmax"
    if kind == "probability":
        return "none" if shape.low >= 0 and shape.high <= 1 else "sigmoid"
    return "none"


def _safe(text: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text.strip().lower()).strip("._-")[:48].rstrip("._-")
    return name if name and is_safe_name(name) else f"output_{name}".rstrip("_")


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken or candidate in ("rgb", "dsm"):
        candidate, number = f"{name}_{number}", number + 1
    taken.add(candidate)
    return candidate


def _card(spec: ModelSpec, facts: OnnxFacts) -> str:
    lines = [f"# {_plain(spec.title)}", ""]
    if spec.description:
        lines += [_plain(spec.description), ""]
    lines += [
        f"- Source: {_plain(spec.source)}",
        f"- Licence: {_plain(spec.licence) or 'not stated'}",
        f"- Pixel size on the ground: {spec.gsd}",
        f"- Inputs: {', '.join(f'{item.name} ({len(item.bands)} bands)' for item in spec.inputs)}",
        f"- Outputs: {', '.join(item.name for item in spec.outputs)}",
    ]
    if "seg_thresh" in facts.metadata and any(item.kind == "classes" for item in spec.outputs):
        lines.append(
            "- The file asks for a confidence threshold. Ridgeline gives every pixel its most likely class and writes "
            "the confidence beside it."
        )
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Return a text on one line, without control characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _bad_form(message: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_JOB, message, hint)


def _bad_model(file: str, what: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_MODEL, f"The network {file!r} {what}.", hint)
