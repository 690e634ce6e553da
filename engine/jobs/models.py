"""What can be asked of the model library: import, with a short form for networks that do not describe themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

INPUT_KINDS = ("rgb", "dsm")


@dataclass(frozen=True)
class NetworkInput:
    """One image input of a bare ONNX network."""

    tensor: str
    """Name of the input tensor."""
    kind: str
    """``rgb`` or ``dsm``."""
    mean: Tuple[float, ...] = ()
    """Subtracted by band, in the raster's own units (0 to 255 for pictures, metres for heights). Empty: nothing."""
    std: Tuple[float, ...] = ()
    """Divided by, by band. Empty: 255 for pictures, 1 for heights."""
    bands: Tuple[str, ...] = ()
    """Names of the bands. Empty: red, green, blue (and near infrared) or height."""

    def __post_init__(self) -> None:
        if self.kind not in INPUT_KINDS:
            raise ValueError(f"kind must be rgb or dsm, not {self.kind!r}")


@dataclass(frozen=True)
class NetworkClass:
    """One class of a network's output."""

    name: str
    colour: Optional[str] = None
    """``#rrggbb``; None: one is chosen."""


@dataclass(frozen=True)
class NetworkOutput:
    """One output of a bare ONNX network."""

    tensor: str
    """Name of the output tensor."""
    name: Optional[str] = None
    """What the result is called; None: made from the tensor's name."""
    kind: Optional[str] = None
    """``classes``, ``probability`` or ``metres``. None: classes for several channels, probability for one."""
    role: Optional[str] = None
    """``land_cover``, ``roof_class``, ``building``, ``boundary``, ``distance``, ``height``, ``other``. None: guess."""
    classes: Tuple[NetworkClass, ...] = ()
    """In the order of the channels; empty: numbered."""
    activation: Optional[str] = None
    """``none``, ``softmax`` or ``sigmoid``. None: whatever makes probabilities of what the network gave in a trial."""
    threshold: float = 0.5
    """For a probability: the value from which it counts as yes."""
    channel: Optional[int] = None
    """Which channel of the tensor, where it holds several measures."""
    scale: float = 1.0
    """Factor for the values."""
    unit: str = "m"
    """Unit of a measure."""


@dataclass(frozen=True)
class NetworkForm:
    """What a bare ONNX file does not say of itself. What is left out is found by running the network."""

    gsd: Optional[float] = None
    """Metres per pixel that the network was trained at; needed unless the file says it."""
    gsd_range: Optional[Tuple[float, float]] = None
    """The smallest and largest GSD that it accepts; None: half and twice the one it was trained at."""
    inputs: Tuple[NetworkInput, ...] = ()
    outputs: Tuple[NetworkOutput, ...] = ()
    tile: Optional[int] = None
    """Side of a tile in pixels; None: what the network is fixed to, else 512."""
    overlap: Optional[int] = None
    """Pixels that neighbouring tiles share; None: an eighth of the tile."""
    title: str = ""
    description: str = ""
    licence: str = ""
    source: str = ""


@dataclass(frozen=True)
class ImportModelJob:
    """Bring a model into the user's library."""

    path: str
    """A model's folder, a zip of one, an ``.onnx`` file or a checkpoint in ``.safetensors``."""
    name: Optional[str] = None
    """Name in the library; None: the model's own, else the file's."""
    replace: bool = False
    """Take the place of a model of that name."""
    sha256: Optional[str] = None
    """The SHA-256 that the file must have; None: any."""
    form: NetworkForm = field(default_factory=NetworkForm)
    """For a bare ONNX file."""
