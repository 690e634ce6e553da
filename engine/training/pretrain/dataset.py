"""Samples of pretraining: a chip, cropped and flipped alike in both rasters, and what of it is hidden.

Sample n depends on the seed and on n alone: processes and workers share the numbers out among themselves, so no two see
the same chip or the same mask, and a run that is resumed goes on as if it had never stopped.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from ...models.masked_image import make_masks
from .config import PretrainConfig
from .sources import ChipSource
from .surface_norm import SURFACE_NORMS

_CHIPS, _MASKS = 1, 2


class MaskedChips(Dataset[dict[str, Tensor]]):
    """Samples ``{"rgb", "dsm", "rgb_valid", "dsm_valid", "rgb_hidden", "dsm_hidden"}`` by number.

    Args:
        source: where chips come from.
        config: settings.
        length: samples in the whole run.
    """

    def __init__(self, source: ChipSource, config: PretrainConfig, length: int) -> None:
        self._source, self._config, self._length = source, config, length

    def __len__(self) -> int:
        """Samples in the whole run."""
        return self._length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return sample number ``index``."""
        config, model = self._config, self._config.model
        rng = np.random.default_rng((config.seed, _CHIPS, index))
        chip = self._source.chip(rng)
        mean = np.asarray(config.chips.mean, np.float32)[:, None, None]
        std = np.asarray(config.chips.std, np.float32)[:, None, None]
        rgb = np.where(chip.rgb_valid, (chip.rgb - mean) / std, 0.0).astype(np.float32)
        channels = rgb.shape[0]
        box = crop_box(rng, rgb.shape[-2:], config.chips.area, config.chips.ratio)
        flip = bool(rng.random() < config.chips.flip)
        picture = cut(np.concatenate([rgb, chip.dsm]), box, model.image_size, flip, "bilinear")
        if flip:
            for channel in SURFACE_NORMS[config.chips.surface_norm].mirrored:
                picture[channels + channel].neg_()
        valid = cut(
            np.stack([chip.rgb_valid, chip.dsm_valid]).astype(np.float32), box, model.image_size, flip, "nearest"
        )
        seed = int(np.random.default_rng((config.seed, _MASKS, index)).integers(2**62))
        generator = torch.Generator().manual_seed(seed)
        rgb_hidden = make_masks(1, model.cells, model.mask_ratio, generator)[0]
        dsm_hidden = rgb_hidden if model.shared_mask else make_masks(1, model.cells, model.mask_ratio, generator)[0]
        return {
            "rgb": picture[:channels],
            "dsm": picture[channels:],
            "rgb_valid": valid[:1] > 0.5,
            "dsm_valid": valid[1:] > 0.5,
            "rgb_hidden": rgb_hidden,
            "dsm_hidden": dsm_hidden,
        }


def crop_box(
    rng: np.random.Generator, shape: tuple[int, ...], area: tuple[float, float], ratio: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Return top, left, height and width of a random crop, as torchvision's ``RandomResizedCrop`` draws it.

    Args:
        rng: decides.
        shape: height and width of the chip.
        area: range of the share of its area.
        ratio: range of width over height.
    """
    rows, columns = shape[-2:]
    for _ in range(10):
        pixels = rows * columns * rng.uniform(*area)
        aspect = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        width, height = round(math.sqrt(pixels * aspect)), round(math.sqrt(pixels / aspect))
        if 0 < width <= columns and 0 < height <= rows:
            top, left = int(rng.integers(rows - height + 1)), int(rng.integers(columns - width + 1))
            return top, left, height, width
    return 0, 0, rows, columns


def cut(
    values: np.ndarray[Any, np.dtype[np.float32]], box: tuple[int, int, int, int], size: int, flip: bool, mode: str
) -> Tensor:
    """Return the crop of [C, H, W] brought to [C, size, size], flipped from left to right if asked."""
    top, left, height, width = box
    part = torch.from_numpy(np.ascontiguousarray(values[:, top : top + height, left : left + width]))[None]
    if mode == "bilinear":
        part = F.interpolate(part, size=(size, size), mode=mode, align_corners=False, antialias=True)
    else:
        part = F.interpolate(part, size=(size, size), mode=mode)
    return (part.flip(-1) if flip else part)[0]
