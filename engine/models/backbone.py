"""One timm backbone as a source of feature maps [B, C, H, W] at known strides."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from .config import BackboneConfig

STRIDES = (4, 8, 16, 32)


class Backbone(nn.Module):
    """Wraps ``timm.create_model(..., features_only=True)``.

    Windows of a Swin: the network is built for ``image_size`` and follows any other size that is a multiple of 32 by
    timm's own ``set_input_size`` with the window size unchanged. timm pads a stage whose side is no multiple of the
    window and masks what it shifted around. Relative position biases belong to the window, so no weight is resized
    when the picture's size changes (they are when the *window* changes: ``weights_import``).

    Args:
        config: which backbone; it must give features at strides 4, 8, 16 and 32.

    Raises:
        ValueError: if it does not.
    """

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        args: dict[str, Any] = dict(config.args)
        if config.image_size is not None:
            args["img_size"] = config.image_size
        for key, value in args.items():  # JSON knows lists only, timm asks for tuples
            if isinstance(value, list):
                args[key] = tuple(value)
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
        self._channels_last = getattr(net, "output_fmt", "NCHW") == "NHWC"
        self._size = (config.image_size, config.image_size) if config.image_size is not None else None

    def set_input_size(self, height: int, width: int) -> None:
        """Prepare a backbone of fixed size for pictures of this height and width in pixels; cheap if unchanged."""
        if self._size is not None and (height, width) != self._size:
            self.net.set_input_size(img_size=(height, width))
            self._size = (height, width)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features [B, C, H / stride, W / stride] from fine to coarse.

        Args:
            image: [B, channels, H, W], H and W multiples of 32.
        """
        self.set_input_size(int(image.shape[-2]), int(image.shape[-1]))
        features = self.net(image)
        picked: list[Tensor] = [features[pick] for pick in self._picks]
        if self._channels_last:
            picked = [feature.permute(0, 3, 1, 2) for feature in picked]
        return picked
