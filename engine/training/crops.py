"""Crops of stored scenes with augmentation that treats RGB and heights geometrically alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..terrain.symmetry import SYMMETRIES, turned, turned_channels
from .losses import UNKNOWN
from .recolour import recoloured
from .scene_store import StoredScene


@dataclass(frozen=True)
class Crop:
    """One training sample.

    Attributes:
        rgb: float32 [3, H, W], 0–255.
        channels: float32 [C, H, W], height channels.
        land_cover: int64 [H, W], class ids, 0: no label.
        roof_class: int64 [H, W], class ids, 0: no roof.
        building: float32 [H, W], 1 on buildings.
        boundary: float32 [H, W], 1 on outlines.
        roof_weight: float32 [H, W]: weight of a roof pixel, so that small buildings count beside large ones.
        known: bool [H, W]: where the rasters are. Elsewhere nothing is labelled (``building`` and ``boundary`` are
            `UNKNOWN`), the height channels are 0, and the picture is to become 0 once it is normalised.
    """

    rgb: NDArray[np.float32]
    channels: NDArray[np.float32]
    land_cover: NDArray[np.int64]
    roof_class: NDArray[np.int64]
    building: NDArray[np.float32]
    boundary: NDArray[np.float32]
    roof_weight: NDArray[np.float32]
    known: NDArray[np.bool_]


def random_crop(
    scene: StoredScene,
    size: int,
    rng: np.random.Generator,
    recolour: float = 0.0,
    rows: float = 0.0,
    recolour_ground: float = 0.5,
    islands: float = 0.0,
) -> Crop:
    """Return a crop of ``size`` pixels at a random place, turned and mirrored at random, with jittered colours.

    Args:
        scene: what is cut.
        size: side in pixels.
        rng: source of chance.
        recolour: share of the roofs that get a colour of no palette, see `recolour.recoloured`.
        rows: how often roofs that touch get one together.
        recolour_ground: how often a kind of ground gets one, as a share of how often a roof does.
        islands: how often the rasters end within the crop, with nothing known beyond.
    """
    view = _ends(scene, size, rng) if islands and rng.random() < islands else _anywhere(scene, size, rng)
    symmetry = int(rng.integers(SYMMETRIES))
    layers, channels = turned(view.layers, symmetry), turned_channels(view.channels, symmetry)
    building_id = turned(view.building[None], symmetry)[0]
    known = turned(view.known[None], symmetry)[0]
    picture = layers[:3].astype(np.float32)
    if recolour > 0:
        picture = recoloured(picture, building_id, layers[3].astype(np.int64), recolour, rng, rows, recolour_ground)
    area = np.bincount(building_id.ravel())
    return Crop(
        rgb=jittered(picture, rng),
        channels=channels,
        land_cover=layers[3].astype(np.int64),
        roof_class=layers[4].astype(np.int64),
        building=np.where(known, building_id > 0, UNKNOWN).astype(np.float32),
        boundary=np.where(known, layers[5] > 0, UNKNOWN).astype(np.float32),
        roof_weight=(1.0 / np.sqrt(np.maximum(area[building_id], 64.0))).astype(np.float32) * (building_id > 0),
        known=known,
    )


@dataclass(frozen=True)
class _View:
    """A square of a scene: uint8 [6, S, S], float32 [C, S, S], int64 [S, S] and bool [S, S]."""

    layers: NDArray[np.uint8]
    channels: NDArray[np.float32]
    building: NDArray[np.int64]
    known: NDArray[np.bool_]


def _anywhere(scene: StoredScene, size: int, rng: np.random.Generator) -> _View:
    """Return a square of ``size`` pixels that lies in the scene."""
    height, width = scene.building.shape
    row, col = int(rng.integers(height - size + 1)), int(rng.integers(width - size + 1))
    window = (slice(None), slice(row, row + size), slice(col, col + size))
    building = np.asarray(scene.building[window[1:]]).astype(np.int64)
    channels = np.asarray(scene.channels[window]).astype(np.float32)
    return _View(np.asarray(scene.bytes[window]), channels, building, np.ones((size, size), np.bool_))


def _ends(scene: StoredScene, size: int, rng: np.random.Generator) -> _View:
    """Return a square of ``size`` pixels with an island of the scene in it, and nothing beside."""
    island = scene.islands[int(rng.integers(len(scene.islands)))]
    channels = island.channels()
    own, here = [], []  # the part of the island that is seen, and where
    for side in channels.shape[1:]:
        first = round(size * rng.uniform(0.25, 0.75) - side / 2)  # its middle lies in the inner half of the square
        seen = (max(first, 0), min(first + side, size))
        here.append(slice(*seen))
        own.append(slice(seen[0] - first, seen[1] - first))
    rows, cols = (
        slice(part.start + at.start, part.stop + at.start) for part, at in zip(own, island.window, strict=True)
    )
    view = _View(
        np.zeros((len(scene.bytes), size, size), np.uint8),
        np.zeros((len(channels), size, size), np.float32),
        np.zeros((size, size), np.int64),
        np.zeros((size, size), np.bool_),
    )
    view.layers[:, here[0], here[1]] = scene.bytes[:, rows, cols]
    view.channels[:, here[0], here[1]] = channels[:, own[0], own[1]]
    view.building[here[0], here[1]] = scene.building[rows, cols]
    view.known[here[0], here[1]] = True
    return view


def jittered(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the picture [3, H, W] (0–255) with other light: gain and gamma, a cast, saturation, blur or noise."""
    picture = np.clip(rgb / 255.0, 0.0, 1.0) ** np.float32(np.exp(rng.normal(0, 0.2)))
    gain = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.06, 3)).astype(np.float32)
    picture = picture * gain[:, None, None] + np.float32(rng.normal(0, 0.03))
    grey = picture.mean(axis=0, keepdims=True)
    picture = grey + (picture - grey) * np.float32(np.exp(rng.normal(0, 0.25)))
    if rng.random() < 0.2:
        picture = ndimage.gaussian_filter(picture, (0, *[float(rng.uniform(0.3, 1.2))] * 2))
    if rng.random() < 0.3:
        picture = picture + rng.normal(0, rng.uniform(0.005, 0.03), picture.shape).astype(np.float32)
    lit: NDArray[np.float32] = np.clip(picture * 255.0, 0.0, 255.0).astype(np.float32)
    return lit
