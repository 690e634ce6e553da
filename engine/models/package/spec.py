"""What ``model.json`` says, as dataclasses. ``jobs.codec`` reads and writes them, strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

FORMAT_VERSION = 1

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
_COLOUR = re.compile(r"^#[0-9a-fA-F]{6}$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class MeanStd:
    """``(value - mean) / std`` by band, in the raster's own units (0–255 for 8-bit pictures).

    Attributes:
        mean: one number a band.
        std: one number a band, not zero.
        full_scale: the value of white in the data the model was trained on (255). Pictures of another type are brought
            to it by their type's range (uint16: 65535 unless the file states its bit depth), never by their content.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    full_scale: float = 255.0

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ValueError("mean and std need one number for each band")
        if any(item == 0 for item in self.std):
            raise ValueError("std must not be zero")


@dataclass(frozen=True)
class HeightChannels:
    """Channels that ``terrain.height_channels`` derives from a surface in metres.

    Attributes:
        version: version of the recipe; another version gives other numbers, so it is refused.
        channels: names of the channels in the order the network takes them.
    """

    version: int
    channels: tuple[str, ...]


@dataclass(frozen=True)
class InputSpec:
    """One image input of the network.

    Attributes:
        name: name of the network's input tensor.
        kind: ``rgb`` or ``dsm``.
        bands: names of the raster bands it is made from, in order.
        optional: whether some weights of the package run without it.
        mean_std: linear normalisation; exactly one of this and ``height_channels``.
        height_channels: derived channels of a surface.
    """

    name: str
    kind: str
    bands: tuple[str, ...]
    optional: bool = False
    mean_std: MeanStd | None = None
    height_channels: HeightChannels | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("rgb", "dsm"):
            raise ValueError(f"kind must be rgb or dsm, not {self.kind!r}")
        if (self.mean_std is None) == (self.height_channels is None):
            raise ValueError(f"input {self.name!r} needs exactly one of mean_std and height_channels")
        if self.mean_std is not None and len(self.mean_std.mean) != len(self.bands):
            raise ValueError(f"input {self.name!r} has {len(self.bands)} bands but {len(self.mean_std.mean)} means")

    @property
    def channels(self) -> int:
        """Number of channels that the network takes."""
        return len(self.bands) if self.height_channels is None else len(self.height_channels.channels)


@dataclass(frozen=True)
class GsdSpec:
    """Ground sampling distances in metres per pixel: trained at, and accepted."""

    trained: float
    min: float
    max: float

    def __post_init__(self) -> None:
        if not 0 < self.min <= self.trained <= self.max:
            raise ValueError("must hold 0 < min <= trained <= max")


@dataclass(frozen=True)
class TileSpec:
    """Tiles in pixels: side length, the multiple that any side must be, and the overlap of neighbours."""

    size: int
    multiple: int = 32
    overlap: int = 64

    def __post_init__(self) -> None:
        if self.size < 1 or self.multiple < 1 or self.size % self.multiple:
            raise ValueError(f"size {self.size} must be a positive multiple of {self.multiple}")
        if not 0 <= self.overlap <= self.size // 2:
            raise ValueError("overlap must lie between 0 and half the size")


@dataclass(frozen=True)
class ClassSpec:
    """One class: id from 1 (0 is nodata everywhere), name, colour ``#rrggbb``."""

    id: int
    name: str
    colour: str

    def __post_init__(self) -> None:
        if not 1 <= self.id <= 255:
            raise ValueError(f"class id {self.id} must lie between 1 and 255")
        if not _COLOUR.match(self.colour):
            raise ValueError(f"colour {self.colour!r} must look like #a1b2c3")


@dataclass(frozen=True)
class OutputSpec:
    """One output of the network, a map of the tile's size.

    Attributes:
        name: name of the network's output tensor.
        kind: ``classes`` (one channel a class), ``probability`` (one channel) or ``metres`` (one channel).
        role: what the engine does with it: ``land_cover``, ``roof_class``, ``building`` (probability that a pixel is
            building), ``boundary`` (probability of an outline, parts touching buildings), ``distance`` (to the
            outline), ``height`` or ``other`` (written under its own name).
        classes: for ``classes``: one a channel, in the channels' order.
        activation: what the engine must still apply: ``none`` (the graph gives probabilities or metres), ``softmax`` or
            ``sigmoid``.
        threshold: for ``probability``: the value from which it counts as yes.
    """

    name: str
    kind: str
    role: str = "other"
    classes: tuple[ClassSpec, ...] = ()
    activation: str = "none"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in ("classes", "probability", "metres"):
            raise ValueError(f"kind must be classes, probability or metres, not {self.kind!r}")
        if self.role not in ("land_cover", "roof_class", "building", "boundary", "distance", "height", "other"):
            raise ValueError(f"role {self.role!r} is not known")
        if self.activation not in ("none", "softmax", "sigmoid"):
            raise ValueError(f"activation must be none, softmax or sigmoid, not {self.activation!r}")
        if (self.kind == "classes") != bool(self.classes):
            raise ValueError(f"output {self.name!r}: classes belong to the kind 'classes' and are needed there")
        ids = [item.id for item in self.classes]
        if len(set(ids)) != len(ids):
            raise ValueError(f"output {self.name!r} names a class id twice")

    @property
    def channels(self) -> int:
        """Number of channels of the output tensor."""
        return len(self.classes) or 1


@dataclass(frozen=True)
class WeightsSpec:
    """One file of weights.

    Attributes:
        file: its path inside the package, with forward slashes.
        format: ``onnx`` (a graph) or ``safetensors`` (trainable weights; ``architecture`` says of what).
        inputs: names of the inputs it takes; inference picks the file whose inputs are those at hand.
        precision: ``fp32``, ``fp16``, ``bf16`` or ``int8``.
        sha256: of the file.
        data: further files that it refers to (ONNX external data), each with its own hash.
    """

    file: str
    format: str
    inputs: tuple[str, ...]
    sha256: str
    precision: str = "fp32"
    data: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.format not in ("onnx", "safetensors"):
            raise ValueError(f"format must be onnx or safetensors, not {self.format!r}")
        if self.precision not in ("fp32", "fp16", "bf16", "int8"):
            raise ValueError(f"precision must be fp32, fp16, bf16 or int8, not {self.precision!r}")
        for name, digest in {self.file: self.sha256, **self.data}.items():
            if not _SHA256.match(digest):
                raise ValueError(f"the SHA-256 of {name!r} must be 64 hexadecimal digits")


@dataclass(frozen=True)
class ModelSpec:
    """All that ``model.json`` says.

    Attributes:
        name: short name for the command and the file system.
        version: the model's version.
        title: name for people.
        description: what the model is for, in a sentence or two.
        architecture: configuration from which ``engine.models`` rebuilds the network for training; None: not trainable.
        metrics: what was measured, as nested names and numbers.
        source: where the model came from.
    """

    name: str
    version: str
    inputs: tuple[InputSpec, ...]
    gsd: GsdSpec
    tile: TileSpec
    outputs: tuple[OutputSpec, ...]
    weights: tuple[WeightsSpec, ...]
    format: int = FORMAT_VERSION
    title: str = ""
    description: str = ""
    licence: str = ""
    training_data: str = ""
    source: str = ""
    architecture: dict[str, Any] | None = None
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.format != FORMAT_VERSION:
            raise ValueError(f"format {self.format} is not known (this version reads {FORMAT_VERSION})")
        if not _NAME.match(self.name):
            raise ValueError(f"name {self.name!r} may hold letters, digits, dot, dash and underscore only")
        for what, items in (("inputs", self.inputs), ("outputs", self.outputs), ("weights", self.weights)):
            if not items:
                raise ValueError(f"{what} must not be empty")
        names = [item.name for item in self.inputs] + [item.name for item in self.outputs]
        if len(set(names)) != len(names):
            raise ValueError("inputs and outputs need different names")
        known = {item.name for item in self.inputs}
        for weights in self.weights:
            strange = sorted(set(weights.inputs) - known)
            if strange:
                raise ValueError(f"weights {weights.file!r} name an input {strange[0]!r} that is not described")

    def input_of_kind(self, kind: str) -> InputSpec | None:
        """Return the first input of that kind (``rgb`` or ``dsm``), or None."""
        return next((item for item in self.inputs if item.kind == kind), None)

    def output_of_role(self, role: str) -> OutputSpec | None:
        """Return the first output of that role, or None."""
        return next((item for item in self.outputs if item.role == role), None)
