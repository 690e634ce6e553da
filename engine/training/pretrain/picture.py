"""What a reconstruction looks like: input, what was hidden, and what the network made of it, for both modalities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from .config import ChipConfig

_GAP, _HEAD = 6, 16
_GREY = 128


def write_picture(
    path: Path, sample: dict[str, Tensor], rgb_rebuilt: Tensor, dsm_rebuilt: Tensor, chips: ChipConfig, rows: int = 4
) -> None:
    """Write a PNG: a row a sample, columns input, masked, reconstruction for the RGB and then for the DSM.

    The reconstruction shows what was visible as it is and what was hidden as the network rebuilt it.

    Args:
        path: file to write.
        sample: a batch as `MaskedChips` gives it.
        rgb_rebuilt: [B, 3, H, W].
        dsm_rebuilt: [B, C, H, W]; the first channel is shown.
        chips: for the RGB's mean and deviation.
        rows: at most so many samples.
    """
    count = min(rows, sample["rgb"].shape[0])
    size = sample["rgb"].shape[-1]
    sheet = Image.new("RGB", (6 * (size + _GAP) - _GAP, _HEAD + count * (size + _GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    titles = ("RGB", "RGB, masked", "RGB, rebuilt", "DSM", "DSM, masked", "DSM, rebuilt")
    for column, title in enumerate(titles):
        draw.text((column * (size + _GAP) + 2, 2), title, fill="black")
    mean, std = (np.asarray(item, np.float32)[:, None, None] for item in (chips.mean, chips.std))
    for row in range(count):
        rgb_hidden, dsm_hidden = (_pixels(sample[name][row], size) for name in ("rgb_hidden", "dsm_hidden"))
        rgb, rebuilt = (_numpy(item[row][:3]) * std + mean for item in (sample["rgb"], rgb_rebuilt))
        dsm, dsm_new = _numpy(sample["dsm"][row][0]), _numpy(dsm_rebuilt[row][0])
        low, high = (float(item) for item in np.percentile(dsm, [1, 99]))
        grey, grey_new = (np.repeat(_stretched(item, low, high)[None], 3, axis=0) for item in (dsm, dsm_new))
        cells = (
            rgb,
            np.where(rgb_hidden, _GREY, rgb),
            np.where(rgb_hidden, rebuilt, rgb),
            grey,
            np.where(dsm_hidden, _GREY, grey),
            np.where(dsm_hidden, grey_new, grey),
        )
        for column, cell in enumerate(cells):
            image = Image.fromarray(np.moveaxis(np.clip(cell, 0, 255).astype(np.uint8), 0, -1))
            sheet.paste(image, (column * (size + _GAP), _HEAD + row * (size + _GAP)))
    sheet.save(path)


def _numpy(x: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = x.detach().to(torch.float32).cpu().numpy()
    return array


def _pixels(hidden: Tensor, size: int) -> NDArray[np.bool_]:
    mask = hidden.cpu().numpy()
    factor = size // mask.shape[-1]
    return mask.repeat(factor, axis=0).repeat(factor, axis=1)[None].astype(bool)


def _stretched(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    return ((values - low) / max(high - low, 1e-6) * 255).astype(np.float32)
