"""What ``model.json`` says, as dataclasses. ``jobs.codec`` reads and writes them, strictly."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ...jobs.pixel_size import run_gsd
from ...jobs.segment import check_looks

FORMAT_VERSION = 1

_MAX_TILE = 8192

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE
)  # no file of Windows may be called so
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


def is_safe_name(name: str) -> bool:
    """Return whether a name can be a file's name on every operating system, and leads to no other folder."""
    return _NAME.fullmatch(name) is not None and _RESERVED.fullmatch(name) is None


def is_inside(place: str) -> bool:
    """Return whether a relative path with forward slashes stays in its folder, on any operating system."""
    parts = PurePosixPath(place).parts
    return bool(parts) and not any(sign in place for sign in "\\:\0") and place[0] != "/" and ".." not in parts


def _check_name(what: str, name: str) -> None:
    if not is_safe_name(name):
        raise ValueError(
            f"{what} {name!r} may hold letters, digits, dot, dash and underscore only (64 at most), must begin with a "
            "letter or digit, and must not end with a dot or be a reserved word of Windows"
        )


def _check_text(what: str, text: str, limit: int = 120, empty: bool = False) -> None:
    """Refuse texts that would break files and lists which show them: control characters, line ends, endless ones."""
    if not text.isprintable() or len(text) > limit or not (empty or text.strip()):
        raise ValueError(f"{what} {text[:40]!r} must be printable text on one line, of at most {limit} characters")


def _named(digest: str) -> str:
    return _SHA256.sub(r"sha256:\1", digest)


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
        if not all(math.isfinite(item) for item in (*self.mean, *self.std, self.full_scale)):
            raise ValueError("mean, std and full_scale must be finite numbers")
        if any(item == 0 for item in self.std):
            raise ValueError("std must not be zero")
        if self.full_scale <= 0:
            raise ValueError("full_scale must be positive")


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
        name: what the engine calls it, and the name of the network's input tensor unless ``tensor`` says otherwise.
        kind: ``rgb`` or ``dsm``.
        bands: names of the raster bands it is made from, in order.
        optional: whether some weights of the package run without it.
        mean_std: linear normalisation; exactly one of this and ``height_channels``.
        height_channels: derived channels of a surface.
        tensor: name of the network's input tensor where that is another one (any text).
    """

    name: str
    kind: str
    bands: tuple[str, ...]
    optional: bool = False
    mean_std: MeanStd | None = None
    height_channels: HeightChannels | None = None
    tensor: str | None = None

    def __post_init__(self) -> None:
        _check_name("the input's name", self.name)
        if self.kind not in ("rgb", "dsm"):
            raise ValueError(f"kind must be rgb or dsm, not {self.kind!r}")
        if (self.mean_std is None) == (self.height_channels is None):
            raise ValueError(f"input {self.name!r} needs exactly one of mean_std and height_channels")
        if self.kind == "rgb" and self.height_channels is not None:
            raise ValueError(f"input {self.name!r} is a picture and cannot have height_channels")
        if self.channels < 1:
            raise ValueError(f"input {self.name!r} needs at least one channel")
        if self.mean_std is not None and len(self.mean_std.mean) != len(self.bands):
            raise ValueError(f"input {self.name!r} has {len(self.bands)} bands but {len(self.mean_std.mean)} means")

    @property
    def channels(self) -> int:
        """Number of channels that the network takes."""
        return len(self.bands) if self.height_channels is None else len(self.height_channels.channels)


@dataclass(frozen=True)
class GsdSpec:
    """Ground sampling distances in metres per pixel.

    Attributes:
        trained: what the model was trained at; runs work at it unless told otherwise.
        min: the smallest it accepts.
        max: the largest it accepts.
        native_share: over rasters with coarse pixels, runs take this share of their size where that is more than
            ``trained``; 0: never. See `run_gsd`.
    """

    trained: float
    min: float
    max: float
    native_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.min <= self.trained <= self.max < math.inf:
            raise ValueError("must hold 0 < min <= trained <= max, in metres")
        if not 0 <= self.native_share <= 1:
            raise ValueError("native_share must lie between 0 and 1")

    def __str__(self) -> str:
        coarse = f"; over coarse rasters {self.native_share:.0%} of their pixels' size" if self.native_share else ""
        return f"{self.trained:g} m (accepts {self.min:g} to {self.max:g} m{coarse})"

    def over(self, native: float) -> float:
        """Return the metres per pixel of a run over a raster with pixels of ``native`` metres, see `run_gsd`."""
        return run_gsd(self.trained, self.max, self.native_share, native)


@dataclass(frozen=True)
class TileSpec:
    """Tiles in pixels: side length, the multiple that any side must be, and the overlap of neighbours.

    ``looks``: how often the model should look at each, turned or mirrored each time (see ``runtime.looks``).
    ``coarse_picture``: whether several looks at a picture by itself are followed by as many at half its resolution.
    """

    size: int
    multiple: int = 32
    overlap: int = 64
    looks: int = 1
    coarse_picture: bool = False

    def __post_init__(self) -> None:
        check_looks(self.looks)
        if not 1 <= self.size <= _MAX_TILE or self.multiple < 1 or self.size % self.multiple:
            raise ValueError(f"size {self.size} must be a multiple of {self.multiple}, at most {_MAX_TILE}")
        if not 0 <= self.overlap <= self.size // 2:
            raise ValueError("overlap must lie between 0 and half the size")
        if self.coarse_picture and self.size % (2 * self.multiple):
            raise ValueError(f"for coarse_picture size {self.size} must be a multiple of {2 * self.multiple}")


BACKGROUND = "background"
"""Name of the class of what is none of the others."""


@dataclass(frozen=True)
class ClassSpec:
    """One class: id from 1 (0 is nodata everywhere), name (printable, on one line), colour ``#rrggbb``."""

    id: int
    name: str
    colour: str

    def __post_init__(self) -> None:
        if not 1 <= self.id <= 255:
            raise ValueError(f"class id {self.id} must lie between 1 and 255")
        _check_text("the class name", self.name)
        if not _COLOUR.fullmatch(self.colour):
            raise ValueError(f"colour {self.colour!r} must look like #a1b2c3")

    @property
    def is_background(self) -> bool:
        """Whether it is the class of what is none of the others, which maps do not show."""
        return self.name == BACKGROUND


@dataclass(frozen=True)
class OutputSpec:
    """One output of the network, a map of the tile's size or of a part of it.

    Attributes:
        name: what the engine calls it (files are named after it), and the name of the network's output tensor unless
            ``tensor`` says otherwise.
        kind: ``classes`` (one channel a class), ``probability`` (one channel) or ``metres`` (one channel, a measure:
            metres unless ``unit`` says otherwise).
        role: what the engine does with it: ``land_cover``, ``roof_class``, ``building`` (probability that a pixel is
            building), ``boundary`` (probability of an outline, parts touching buildings), ``distance`` (to the
            outline), ``height`` or ``other`` (written under its own name).
        classes: for ``classes``: one a channel, in the channels' order.
        activation: what the engine must still apply: ``none`` (the graph gives probabilities or metres), ``softmax`` or
            ``sigmoid``.
        threshold: for ``probability``: the value from which it counts as yes.
        stride: pixels of the tile, across, that one value of the map stands for. The engine enlarges the map.
        tensor: name of the network's output tensor where that is another one (any text).
        channel: where several outputs share a tensor: which of its channels this one is, counted from 0.
        scale: the predictor multiplies the values by this.
        unit: unit of a measure that is not metres.
        least_confidence: for the role ``building``: polygons whose mean probability is smaller are more often none than
            one, and are left out unless the user wants them.
    """

    name: str
    kind: str
    role: str = "other"
    classes: tuple[ClassSpec, ...] = ()
    activation: str = "none"
    threshold: float = 0.5
    tensor: str | None = None
    channel: int | None = None
    scale: float = 1.0
    unit: str = "m"
    least_confidence: float = 0.0
    stride: int = 1

    def __post_init__(self) -> None:
        _check_name("the output's name", self.name)
        _check_text("the unit", self.unit, 20, empty=True)
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
        if self.channel is not None and (self.channel < 0 or self.kind == "classes"):
            raise ValueError(f"output {self.name!r}: a channel is a number from 0, and not for classes")
        if not math.isfinite(self.scale) or not 0 <= self.threshold <= 1:
            raise ValueError(f"output {self.name!r}: scale must be finite, and threshold lie between 0 and 1")
        if self.stride < 1:
            raise ValueError(f"output {self.name!r}: stride must be 1 or more")
        if not 0 <= self.least_confidence < 1:
            raise ValueError(f"output {self.name!r}: least_confidence must lie between 0 and 1")

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
        sha256: of the file, as ``sha256:`` and 64 hexadecimal digits (digits alone are taken, too). Without the word in
            front, tools that search packages for secrets take a hash for one.
        data: further files that it refers to (ONNX external data), each with its own hash.
        architecture: of what these weights are, where that is not the package's own network but one for some of its
            inputs alone (see ``models.alone``).

    Raises:
        ValueError: naming the value that cannot be.
    """

    file: str
    format: str
    inputs: tuple[str, ...]
    sha256: str
    precision: str = "fp32"
    data: dict[str, str] = field(default_factory=dict)
    architecture: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.format not in ("onnx", "safetensors"):
            raise ValueError(f"format must be onnx or safetensors, not {self.format!r}")
        if self.precision not in ("fp32", "fp16", "bf16", "int8"):
            raise ValueError(f"precision must be fp32, fp16, bf16 or int8, not {self.precision!r}")
        for name, digest in {self.file: self.sha256, **self.data}.items():
            if not is_inside(name):
                raise ValueError(f"the file {name!r} lies outside the model's folder")
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"the SHA-256 of {name!r} must be 64 hexadecimal digits")
        object.__setattr__(self, "sha256", _named(self.sha256))
        object.__setattr__(self, "data", {name: _named(digest) for name, digest in self.data.items()})


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
        _check_name("the model's name", self.name)
        _check_text("the version", self.version, 40)
        _check_text("the title", self.title, 200, empty=True)
        _check_text("the licence", self.licence, 400, empty=True)
        for what, items in (("inputs", self.inputs), ("outputs", self.outputs), ("weights", self.weights)):
            if not items:
                raise ValueError(f"{what} must not be empty")
        names = [item.name for item in self.inputs] + [item.name for item in self.outputs]
        if len({name.lower() for name in names}) != len(names):
            raise ValueError("inputs and outputs need different names, not only in capitals")
        uneven = next((item for item in self.outputs if self.tile.multiple % item.stride), None)
        if uneven is not None:
            raise ValueError(f"output {uneven.name!r}: its stride {uneven.stride} must divide the tile's multiple")
        known = {item.name for item in self.inputs}
        for weights in self.weights:
            strange = sorted(set(weights.inputs) - known)
            if not weights.inputs or len(set(weights.inputs)) != len(weights.inputs):
                raise ValueError(f"weights {weights.file!r} must name the inputs that they take, each once")
            if strange:
                raise ValueError(f"weights {weights.file!r} name an input {strange[0]!r} that is not described")

    def input_of_kind(self, kind: str) -> InputSpec | None:
        """Return the first input of that kind (``rgb`` or ``dsm``), or None."""
        return next((item for item in self.inputs if item.kind == kind), None)

    def output_of_role(self, role: str) -> OutputSpec | None:
        """Return the first output of that role, or None."""
        return next((item for item in self.outputs if item.role == role), None)
