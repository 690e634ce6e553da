"""What a network is made of, as frozen dataclasses that ``jobs.codec`` writes into ``model.json`` and reads back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

STACK = "stack"
FUSIONS = ("concat", "ssma", "cmx", STACK)
DECODERS = ("fpn", "upernet")
TASK_KINDS = ("classes", "probability", "metres")


@dataclass(frozen=True)
class BackboneConfig:
    """One timm backbone.

    Attributes:
        name: timm's name of it; any that supports ``features_only``.
        channels: bands (or derived channels) that it takes.
        args: further arguments of ``timm.create_model`` (``channels``, ``window_size``, ``drop_path_rate``, …).
        image_size: side in pixels that a backbone with a fixed size (Swin) is built for; None for the others.
        skip: whether its features at stride 2 (if it has them) are used too.
    """

    name: str
    channels: int
    args: dict[str, Any] = field(default_factory=dict)
    image_size: int | None = None
    skip: bool = False

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise ValueError(f"a backbone needs at least one channel, not {self.channels}")
        if self.image_size is not None and (self.image_size < 32 or self.image_size % 32):
            raise ValueError(f"image_size {self.image_size} must be a multiple of 32")


@dataclass(frozen=True)
class EncoderConfig:
    """Two backbones and how their features are fused; None where a model is made for one modality only.

    Attributes:
        rgb: backbone of the picture.
        dsm: backbone of the surface model.
        fusion: of the features, stage by stage: ``concat``, ``ssma`` or ``cmx``; or ``stack``: of the inputs. Then
            one backbone sees all channels, and both sides must name the same one.
    """

    rgb: BackboneConfig | None = None
    dsm: BackboneConfig | None = None
    fusion: str = "concat"

    def __post_init__(self) -> None:
        if self.rgb is None and self.dsm is None:
            raise ValueError("an encoder needs a backbone for rgb, for dsm, or for both")
        if self.fusion not in FUSIONS:
            raise ValueError(f"fusion {self.fusion!r} is not known; known are: {', '.join(FUSIONS)}")
        if self.fusion == STACK and (
            self.rgb is None or self.dsm is None or replace(self.rgb, channels=1) != replace(self.dsm, channels=1)
        ):
            raise ValueError("the fusion 'stack' needs rgb and dsm of one and the same backbone")


@dataclass(frozen=True)
class DecoderConfig:
    """What turns the fused pyramid into one map.

    Attributes:
        name: ``fpn`` (light, for the compact model) or ``upernet`` (pyramid pooling, GroupNorm).
        width: channels of the map. 256 for ``upernet``: 512 would cost 42 % of all compute of a Swin-B pair.
        skip_width: channels at stride 2, where the backbones give features there.
        dropout: of whole channels before the heads, in training.
        auxiliary: whether a small head on the stage at stride 16 helps training along (``upernet``).
    """

    name: str = "fpn"
    width: int = 64
    skip_width: int = 32
    dropout: float = 0.0
    auxiliary: bool = False

    def __post_init__(self) -> None:
        if self.name not in DECODERS:
            raise ValueError(f"decoder {self.name!r} is not known; known are: {', '.join(DECODERS)}")


@dataclass(frozen=True)
class TaskConfig:
    """One map that the network gives.

    Attributes:
        name: name of the output.
        kind: ``classes`` (one channel a class), ``probability`` (one channel) or ``metres`` (one channel).
        channels: number of channels.
        detail: width of a branch of its own that sees the picture (`PictureDetail`); 0: none.
        colours: whether that branch is given the picture's `ColourStatistics`, too.
    """

    name: str
    kind: str
    channels: int = 1
    detail: int = 0
    colours: bool = False

    def __post_init__(self) -> None:
        if self.kind not in TASK_KINDS:
            raise ValueError(f"kind {self.kind!r} is not known; known are: {', '.join(TASK_KINDS)}")
        if self.detail < 0:
            raise ValueError(f"detail of task {self.name!r} cannot be {self.detail}")
        if self.colours and not self.detail:
            raise ValueError(f"task {self.name!r} has no detail that could be given colours")
        if self.channels < 1 or (self.kind != "classes" and self.channels != 1):
            raise ValueError(f"task {self.name!r} of kind {self.kind!r} cannot have {self.channels} channels")


@dataclass(frozen=True)
class DenseConfig:
    """A network whose outputs are maps of the input's size: segmentation and height, several tasks at once."""

    encoder: EncoderConfig
    decoder: DecoderConfig
    tasks: tuple[TaskConfig, ...]

    def __post_init__(self) -> None:
        if self.encoder.rgb is None and any(task.detail for task in self.tasks):
            raise ValueError("a network that sees no picture has no details of it")
        names = [task.name for task in self.tasks]
        if not names or len(set(names)) != len(names):
            raise ValueError("a network needs tasks, each with a name of its own")
