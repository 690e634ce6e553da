"""From a lone checkpoint of a whole network to a model package that can be run and taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..classes import LAND_COVER, ROOF_CLASSES
from ..jobs import ErrorCode, RidgelineError, from_dict
from ..jobs.models import NetworkForm
from .checkpoint import load_into, load_weights
from .compact import compact_inputs
from .config import DenseConfig, TaskConfig
from .export import PackageInfo, export_package
from .multitask import DenseModel
from .package import ClassSpec, GsdSpec, InputSpec, OutputSpec, TileSpec
from .package.colours import class_colours

_ROLES = ("land_cover", "roof_class", "building", "boundary", "distance", "height")
_KNOWN = {"land_cover": LAND_COVER, "roof_class": ROOF_CLASSES}
_TILE = 512


def package_from_checkpoint(source: Path, folder: Path, name: str, form: NetworkForm) -> None:
    """Write a package for the network of a checkpoint into ``folder``.

    A checkpoint of Ridgeline says in its header of what its network is made (``architecture``); what its rasters and
    outputs mean is that of Ridgeline's own models, with the form's GSD, tile and class names in its place.

    Args:
        source: safetensors file with all weights of a `DenseModel` and its architecture in the header.
        folder: where the package is written.
        name: the model's name.
        form: ``gsd`` is needed; ``tile``, ``outputs`` (class names), texts as wanted.

    Raises:
        RidgelineError: (BAD_MODEL) if the file holds another kind of weights; (BAD_JOB) if the form does not fit.
    """
    tensors, sidecar = load_weights(source)
    architecture = sidecar.get("architecture") if isinstance(sidecar, dict) else None
    if not isinstance(architecture, dict):
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The checkpoint {source.name!r} does not say of what its network is made.",
            "Import the whole model package, or export the network as ONNX.",
        )
    try:
        config = from_dict(DenseConfig, architecture, "architecture")
        model = DenseModel(config)
    except (RidgelineError, ValueError, RuntimeError) as fault:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The checkpoint {source.name!r} is of a network that cannot be built ({str(fault).rstrip('.')}).",
            "Update Ridgeline, or import the whole model package.",
        ) from fault
    load_into(model, tensors, source.name)
    if not form.gsd:
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"The checkpoint {source.name!r} does not say how much ground a pixel of its pictures showed.",
            "Give it in metres per pixel, for example with --gsd 0.25.",
        )
    size = form.tile or _TILE
    low, high = form.gsd_range or (form.gsd / 2, form.gsd * 2)
    try:
        info = PackageInfo(
            name=name,
            version=str(sidecar.get("version") or "1"),
            inputs=_inputs(config, source.name),
            outputs=tuple(_output(task, form) for task in config.tasks),
            gsd=GsdSpec(form.gsd, low, high),
            tile=TileSpec(size, 32, form.overlap if form.overlap is not None else size // 8),
            title=form.title or source.stem,
            description=form.description,
            licence=form.licence,
            source=form.source or f"imported from {source.name}",
        )
        export_package(model.eval(), info, folder)
    except ValueError as fault:
        raise RidgelineError(ErrorCode.BAD_JOB, f"The form does not fit: {fault}.", "Correct it.") from fault


def _inputs(config: DenseConfig, file: str) -> tuple[InputSpec, ...]:
    """Return the inputs that the network's backbones take, normalised as for Ridgeline's own models."""
    backbones: dict[str, Any] = {"rgb": config.encoder.rgb, "dsm": config.encoder.dsm}
    inputs = tuple(item for item in compact_inputs() if backbones[item.kind] is not None)
    for item in inputs:
        if backbones[item.kind].channels != item.channels:
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The network of {file!r} takes {backbones[item.kind].channels} channels of {item.kind}, but rasters "
                f"give {item.channels}.",
                "Import the whole model package, which says how its inputs are made.",
            )
    return inputs


def _output(task: TaskConfig, form: NetworkForm) -> OutputSpec:
    role = task.name if task.name in _ROLES else "other"
    stated = next((item for item in form.outputs if item.tensor == task.name), None)
    if task.kind != "classes":
        return OutputSpec(task.name, task.kind, role, threshold=stated.threshold if stated else 0.5)
    known = _KNOWN.get(task.name, ())
    if stated is not None and stated.classes:
        names = [item.name for item in stated.classes]
        colours = [item.colour or chosen for item, chosen in zip(stated.classes, class_colours(names))]
    elif len(known) == task.channels:
        names, colours = [item.name for item in known], [item.hex_colour for item in known]
    else:
        names = [f"class_{index + 1}" for index in range(task.channels)]
        colours = class_colours(names)
    if len(names) != task.channels:
        raise ValueError(f"the output {task.name!r} has {task.channels} classes, but {len(names)} are named")
    specs = tuple(ClassSpec(index + 1, item, colour) for index, (item, colour) in enumerate(zip(names, colours)))
    return OutputSpec(task.name, task.kind, role, specs)
