"""A small branch that sees the picture itself: colours and textures that the decoder no longer tells apart.

The default model learnt that a roof may have any colour, so what its decoder says hardly holds colours. Classes that
a user adds are often told by just these: a solar panel, a pool, a sports ground.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .colour_statistics import ColourStatistics

_CONVOLUTIONS = 3


class PictureDetail(nn.Module):
    """Adds to the logits of one task what the picture shows within a few metres, beside what the decoder says.

    It begins as nothing: its last weights are 0. The norm is BatchNorm because ONNX Runtime folds it into the
    convolution before it; `measure` gives it its statistics.

    Args:
        bands: of the picture.
        decoded: channels of the decoder's map.
        channels: of the task.
        width: channels within.
        stride: of the decoder's map: 1, 2, 4 or 8.
        colours: whether it is also given the picture's `ColourStatistics`, and reads them directly as well.
    """

    def __init__(self, bands: int, decoded: int, channels: int, width: int, stride: int, colours: bool = False) -> None:
        super().__init__()
        self.colours: nn.Sequential | None = None
        self.direct: nn.Conv2d | None = None
        seen = decoded + width
        if colours:
            statistics = ColourStatistics(bands, stride)
            self.colours = nn.Sequential(statistics, nn.BatchNorm2d(statistics.channels, affine=False))
            self.direct = nn.Conv2d(statistics.channels, channels, 1, bias=False)
            nn.init.zeros_(self.direct.weight)
            seen += statistics.channels
        layers: list[nn.Module] = []
        for number in range(_CONVOLUTIONS):
            step = 2 if stride >= 2 ** (number + 1) else 1
            inputs = width if number else bands
            layers += [nn.Conv2d(inputs, width, 3, step, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*layers)
        last = nn.Conv2d(width, channels, 1)
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)
        self.mix = nn.Sequential(nn.Conv2d(seen, width, 1), nn.ReLU(inplace=True), last)

    def forward(self, picture: Tensor, decoded: Tensor) -> Tensor:
        """Return what is added to the logits, [B, channels, H / stride, W / stride].

        Args:
            picture: [B, bands, H, W], normalised.
            decoded: [B, decoded, H / stride, W / stride].
        """
        seen = [decoded, self.stem(picture)]
        if self.colours is None or self.direct is None:
            added: Tensor = self.mix(torch.cat(seen, dim=1))
            return added
        statistics = self.colours(picture)
        added = self.mix(torch.cat([*seen, statistics], dim=1)) + self.direct(statistics)
        return added

    @torch.no_grad()
    def measure(self, pictures: Iterable[Tensor]) -> None:
        """Give the norms the statistics of some pictures [B, bands, H, W]; they keep them from then on."""
        seeing = [self.stem, *([self.colours] if self.colours is not None else [])]
        norms = [part for stem in seeing for part in stem if isinstance(part, nn.BatchNorm2d)]
        usual = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all pictures
        for stem in seeing:
            stem.train()
        for picture in pictures:
            for stem in seeing:
                stem(picture)
        for stem in seeing:
            stem.eval()
        for norm, momentum in zip(norms, usual):
            norm.momentum = momentum
