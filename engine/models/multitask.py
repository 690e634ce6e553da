"""Several maps at once from one pyramid: land cover, roof class, building, boundary, height."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..given import given
from .config import DenseConfig, TaskConfig
from .decoders import DECODER_MODULES
from .encoders import make_encoder
from .layers import ConvNormAct
from .picture_detail import PictureDetail

AUXILIARY = "auxiliary/"
"""Prefix of the names of the auxiliary head's outputs."""


class DenseModel(nn.Module):
    """Encoder, decoder, and one 1×1 convolution for all tasks together; some tasks look at the picture once more.

    Args:
        config: what it is made of.
    """

    def __init__(self, config: DenseConfig) -> None:
        super().__init__()
        self.config = config
        self.enlarges = True
        """Whether the maps are brought to the size of the inputs; if not, they stay at the decoder's stride."""
        self.encoder = make_encoder(config.encoder)
        self.decoder = DECODER_MODULES[config.decoder.name](config.decoder, self.encoder.channels, self.encoder.strides)
        self.dropout = nn.Dropout2d(config.decoder.dropout)
        outputs = sum(task.channels for task in config.tasks)
        self.heads: nn.Conv2d = nn.Conv2d(self.decoder.out_channels, outputs, kernel_size=1)
        nn.init.normal_(self.heads.weight, std=0.01)
        # what a network says of one modality alone is calibrated apart: row 0 without DSM, row 1 without RGB
        self.register_buffer("absent_bias", torch.zeros(2, outputs))
        self._middle = self.encoder.strides.index(16)
        self.absent_bias: Tensor
        rgb, decoded, stride = config.encoder.rgb, self.decoder.out_channels, self.decoder.stride
        self.details = nn.ModuleDict(
            {
                task.name: PictureDetail(given(rgb).channels, decoded, task.channels, task.detail, stride, task.colours)
                for task in config.tasks
                if task.detail
            }
        )
        self.auxiliary: nn.Module | None = None
        if config.decoder.auxiliary:
            width = config.decoder.width
            middle = ConvNormAct(self.encoder.channels[self._middle], width, 3, "group")
            self.auxiliary = nn.Sequential(middle, nn.Conv2d(width, outputs, 1))

    def forward(
        self, rgb: Tensor | None = None, dsm: Tensor | None = None, present: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return logits (or metres) [B, channels, H, W] by task; unless it `enlarges`, at the decoder's stride.

        In training the auxiliary head's maps are there too, at stride 16, named ``auxiliary/<task>``.

        Args:
            rgb: [B, channels, H, W], normalised, or None.
            dsm: [B, channels, H, W], normalised, or None.
            present: bool [B, 2], see `FusedEncoder.forward`.

        Raises:
            ValueError: if ``present`` is given and a task has a detail, which would see what is to be absent.
        """
        if present is not None and self.details:
            raise ValueError("tasks with a detail of the picture cannot learn with modality dropout")
        pyramid = self.encoder(rgb, dsm, present)
        alone = len(self.encoder.modalities) == 2 and (rgb is None or dsm is None)
        return self.decode(pyramid, self.absent_bias[0 if dsm is None else 1] if alone else None, rgb)

    def decode(self, pyramid: list[Tensor], bias: Tensor | None = None, rgb: Tensor | None = None) -> dict[str, Tensor]:
        """Return what `forward` returns from the fused features, for training over features that are kept.

        Args:
            pyramid: [B, C, H / stride, W / stride] from fine to coarse, as the encoder gives it.
            bias: [outputs], added to the logits; see `settle`.
            rgb: the picture, for tasks with a detail of it; without it they do without.
        """
        decoded = self.dropout(self.decoder(pyramid))
        maps = self.heads(decoded)
        if self.details and rgb is not None:
            parts = self._split(maps, "")
            added = {name: parts[name] + detail(rgb, decoded) for name, detail in self.details.items()}
            maps = torch.cat(list((parts | added).values()), dim=1)
        if bias is not None:
            maps = maps + bias.view(1, -1, 1, 1)
        if self.enlarges:
            maps = F.interpolate(maps, scale_factor=float(self.decoder.stride), mode="bilinear", align_corners=False)
        outputs = self._split(maps, "")
        if self.auxiliary is not None and self.training:
            outputs |= self._split(self.auxiliary(pyramid[self._middle]), AUXILIARY)
        return outputs

    def calibrate(self, task: str, without_dsm: float, without_rgb: float) -> None:
        """Set what is added to a task's logits when a modality is absent.

        Raises:
            ValueError: if there is no such task.
        """
        part = self._part(task)
        self.absent_bias[0, part], self.absent_bias[1, part] = without_dsm, without_rgb

    @torch.no_grad()
    def shift(self, task: str, by: float | Tensor) -> None:
        """Add ``by``, one number or float [channels], to a task's logits, whatever is seen.

        Raises:
            ValueError: if there is no such task.
        """
        given(self.heads.bias)[self._part(task)] += torch.as_tensor(by).to(given(self.heads.bias))

    def _part(self, task: str) -> slice:
        start = 0
        for item in self.config.tasks:
            if item.name == task:
                return slice(start, start + item.channels)
            start += item.channels
        raise ValueError(f"the network gives no {task!r}")

    @torch.no_grad()
    def settle(self, rgb: bool, dsm: bool) -> None:
        """Move the calibration for these modalities into the heads' own bias: from now on it sees nothing else."""
        if len(self.encoder.modalities) == 2 and rgb != dsm:
            given(self.heads.bias).add_(self.absent_bias[0 if rgb else 1])
        self.absent_bias.zero_()

    def _split(self, maps: Tensor, prefix: str) -> dict[str, Tensor]:
        parts = torch.split(maps, [task.channels for task in self.config.tasks], dim=1)
        return {prefix + task.name: part for task, part in zip(self.config.tasks, parts)}


def activate(logits: dict[str, Tensor], tasks: tuple[TaskConfig, ...]) -> dict[str, Tensor]:
    """Return probabilities (and metres as they are) [B, channels, H, W] from the logits of these tasks."""
    return {task.name: _activate(logits[task.name], task.kind) for task in tasks}


def _activate(logits: Tensor, kind: str) -> Tensor:
    if kind == "classes":
        # softmax over dimension 1, written out: ONNX Runtime's own transposes the map twice, which costs
        # half of the compact model's time
        powers = torch.exp(logits - logits.amax(dim=1, keepdim=True))
        return powers / powers.sum(dim=1, keepdim=True)
    return logits.sigmoid() if kind == "probability" else logits
