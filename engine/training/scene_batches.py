"""Endless batches of augmented crops from a store of scenes, with modality dropout; the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from ..models.package import MeanStd
from ..scenes.spectra import false_colour, grey
from .crops import Crop, random_crop
from .default_config import DefaultTraining
from .losses import Labels
from .mix import mixed
from .scene_store import SceneStore


@dataclass(frozen=True)
class Batch:
    """Inputs and truth of one step.

    Attributes:
        rgb: float32 [B, 3, H, W], normalised.
        natural: the same pictures in natural colours, where ``rgb`` shows some in false colour or grey.
        dsm: float32 [B, C, H, W], height channels.
        present: bool [B, 2]: whether a sample shows its RGB and its DSM.
        labels: truth by task.
    """

    rgb: Tensor
    natural: Tensor
    dsm: Tensor
    present: Tensor
    labels: Labels


class _Batches(IterableDataset[Batch]):
    def __init__(self, store: SceneStore, config: DefaultTraining, norm: MeanStd, first_step: int) -> None:
        self._store, self._config, self._norm, self._first = store, config, norm, first_step

    def __iter__(self) -> Iterator[Batch]:
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        for step in range(self._first, self._config.steps):
            if step % workers == worker:
                yield make_batch(self._store, self._config, self._norm, step)


def batches(store: SceneStore, config: DefaultTraining, norm: MeanStd, first_step: int = 0) -> Iterator[Batch]:
    """Yield the batches of steps ``first_step`` to the end; each depends on the seed and its step alone."""
    source = _Batches(store, config, norm, first_step)
    yield from DataLoader(
        source, batch_size=None, num_workers=config.workers, prefetch_factor=4 if config.workers else None
    )


def make_batch(store: SceneStore, config: DefaultTraining, norm: MeanStd, step: int) -> Batch:
    """Return the batch of a step."""
    rng = np.random.default_rng((config.seed, 7, step))
    crops, present = [], []
    both_share, picture_share = config.shares
    for _ in range(config.batch):
        crop = _crop(store, config, rng)
        kind = rng.random()
        both, picture = kind < both_share, kind < both_share + picture_share
        present.append((picture, both or not picture))
        if config.mix and picture and not both and rng.random() < config.mix:
            crop = mixed(crop, _crop(store, config, rng), rng)
        pictures = _pictures(crop, config, rng)
        # a picture alone defines where its labels lie; beside heights it may lie a little off
        crops.append((shifted(pictures, config.shift_px, rng) if both else pictures, crop))
    mean = np.asarray(norm.mean, np.float32)[:, None, None]
    std = np.asarray(norm.std, np.float32)[:, None, None]

    def normalised(bands: slice) -> Tensor:
        shown = [np.where(crop.known, (item[bands] - mean) / std, np.float32(0)) for item, crop in crops]
        return torch.from_numpy(np.stack(shown))

    rgb = normalised(slice(0, 3))
    return Batch(
        rgb=rgb,
        natural=normalised(slice(-3, None)) if config.false_colour or config.grey else rgb,
        dsm=_stacked([crop.channels for _, crop in crops]),
        present=torch.tensor(present),
        labels=labels_of([crop for _, crop in crops]),
    )


def _crop(store: SceneStore, config: DefaultTraining, rng: np.random.Generator) -> Crop:
    scene = store[int(rng.integers(len(store)))]
    colours = (config.recolour, config.rows, config.recolour_ground)
    return random_crop(scene, config.crop_px, rng, *colours, config.islands)


def _pictures(crop: Crop, config: DefaultTraining, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return what the network sees of a crop and, where other cameras are asked for, the crop's own picture after it.

    Returns:
        float32 [3, H, W] or [6, H, W].
    """
    if not (config.false_colour or config.grey):
        return crop.rgb
    camera = rng.random()
    if camera < config.false_colour:
        seen = false_colour(crop.rgb, crop.land_cover, rng)
    elif camera < config.false_colour + config.grey:
        seen = grey(crop.rgb, rng)
    else:
        seen = crop.rgb
    return np.concatenate([seen, crop.rgb])


def seen_of(batch: Batch, alone: str, device: str, natural: bool = False) -> dict[str, Tensor]:
    """Return what a network is given of a batch: both and what to see of them, or only what it is made for alone.

    Args:
        batch: of a step.
        alone: ``rgb`` or ``dsm`` for a network of that modality alone; empty: one for both.
        device: where the network is.
        natural: show all pictures in natural colours.

    Returns:
        float32 [B, C, H, W] by the inputs' names, in channels-last order, and ``present``, bool [B, 2], for both.
    """
    inputs = {
        name: value.to(device).contiguous(memory_format=torch.channels_last)
        for name, value in (("rgb", batch.natural if natural else batch.rgb), ("dsm", batch.dsm))
        if alone in ("", name)
    }
    return inputs if alone else {**inputs, "present": batch.present.to(device)}


def labels_of(crops: list[Crop]) -> Labels:
    """Return the labels of crops, stacked."""
    known_roof = [np.where(crop.roof_class > 0, crop.roof_weight, 0.0).astype(np.float32) for crop in crops]
    return Labels(
        maps={
            "land_cover": _stacked([crop.land_cover for crop in crops]),
            "roof_class": _stacked([crop.roof_class for crop in crops]),
            "building": _stacked([crop.building for crop in crops]),
            "boundary": _stacked([crop.boundary for crop in crops]),
        },
        weights={"roof_class": _stacked(known_roof)},
    )


def shifted(rgb: NDArray[np.float32], reach: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the picture [C, H, W] moved by up to ``reach`` pixels in a random direction, mostly by little."""
    offset = reach * rng.random() ** 2
    angle = 2 * np.pi * rng.random()
    move = (0.0, offset * float(np.sin(angle)), offset * float(np.cos(angle)))
    moved: NDArray[np.float32] = ndimage.shift(rgb, move, order=1, mode="nearest")
    return moved


def _stacked(arrays: list[NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.stack(arrays))
