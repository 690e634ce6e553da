"""One timm backbone as a source of feature maps [B, C, H, W] at known strides."""

from __future__ import annotations

from typing import Any

import timm
from timm.layers.norm import LayerNorm2d
from torch import Tensor, nn

from .config import BackboneConfig

STRIDES = (4, 8, 16, 32)


class Backbone(nn.Module):
    """Wraps a timm network that gives features at strides 4, 8, 16 and 32, and 2 where asked for.

    Swin and its kin (``image_size`` is set) take any multiple of 32 whatever size they were built for: each stage is
    padded to whole windows, and the masks of shifted windows are made for the size at hand (``strict_img_size=False``).
    The window stays, and with it the table of relative positions: timm's ``set_input_size`` would scale both and put a
    new parameter in the table's place, which an optimiser does not notice. The features of each stage get a LayerNorm,
    as in the published detection and segmentation networks; the last one is the network's own final norm.

    Args:
        config: which backbone.

    Attributes:
        channels: of the features, from fine to coarse.
        strides: of the same.

    Raises:
        ValueError: if it does not give features at these strides.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        args: dict[str, Any] = dict(config.args)
        for key, value in args.items():  # JSON knows lists only, timm asks for tuples
            if isinstance(value, list):
                args[key] = tuple(value)
        if config.image_size is not None:
            args |= {"img_size": config.image_size, "strict_img_size": False, "feature_cls": "getter"}
        net: Any = timm.create_model(config.name, features_only=True, in_chans=config.channels, **args)
        wanted = ((2,) if config.skip else ()) + STRIDES
        strides = [int(stride) for stride in net.feature_info.reduction()]
        missing = [stride for stride in wanted if stride not in strides]
        if missing:
            raise ValueError(f"backbone {config.name!r} gives no features at stride {missing[0]} (only at {strides})")
        self.net: Any = net
        self._picks = [strides.index(stride) for stride in wanted]
        self.channels = [int(net.feature_info.channels()[pick]) for pick in self._picks]
        self.strides = list(wanted)
        normed = self.channels if config.image_size is not None else []
        self.norms = nn.ModuleList([LayerNorm2d(channels, eps=1e-5) for channels in normed])

    @property
    def patch_embed(self) -> nn.Module | None:
        """The layer that turns pixels into tokens [B, H / 4, W / 4, C], or None for a convolutional network."""
        layer = getattr(getattr(self.net, "model", None), "patch_embed", None)
        return layer if isinstance(layer, nn.Module) else None

    def fix_size(self, height: int, width: int) -> None:
        """Keep the masks of shifted windows as constants for pictures of this size, and take no other from now on.

        For export: the exporter would otherwise write down how each mask is made, which takes it minutes.
        The result stays the same.
        """
        stages = getattr(getattr(self.net, "model", None), "layers", ()) if len(self.norms) else ()
        for stage, stride in zip(stages, STRIDES):
            for block in stage.blocks:
                block.input_resolution = (height // stride, width // stride)
                block.register_buffer("attn_mask", block.get_attn_mask(), persistent=False)
                block.dynamic_mask = False

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features [B, C, H / stride, W / stride] from fine to coarse.

        Args:
            image: [B, channels, H, W], H and W multiples of 32.
        """
        features = self.net(image)
        picked: list[Tensor] = [features[pick] for pick in self._picks]
        if len(self.norms):
            picked = [norm(feature) for norm, feature in zip(self.norms, picked)]
        return picked


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in module.parameters())
