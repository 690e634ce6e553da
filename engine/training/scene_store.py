"""Synthetic scenes on disk, ready to train from: generated once from a seed, cropped at random ever after.

A scene is made, its height channels are computed over the whole of it with nothing known around it (crops near its rim
therefore see as little ground as real rasters show at theirs), and all that training reads is written as plain arrays
that are memory-mapped. Some windows of each scene, its *islands*, have height channels of their own, computed as if the
raster ended at their rim: many rasters are no larger, and all end somewhere. A scene's file appears under its name only
when it is complete, so a store can be filled by several processes, killed and continued.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..scenes.chip import SceneChip
from ..terrain.height_channels import RECIPE_VERSION, context_px, height_channels

BYTES = ("red", "green", "blue", "land_cover", "roof_class", "boundary")
"""Layers of a scene's uint8 array."""


ISLANDS = 3
_ISLAND_SIDE = (0.2, 0.6)


@dataclass(frozen=True)
class Island:
    """A window of a scene that is seen as a raster by itself.

    Attributes:
        window: its rows and columns in the scene.
        file: of its height channels.
    """

    window: tuple[slice, slice]
    file: Path

    def channels(self) -> NDArray[np.float16]:
        """Return its height channels, float16 [C, h, w], memory-mapped: they know nothing of what lies around."""
        channels: NDArray[np.float16] = np.load(self.file, mmap_mode="r")
        return channels


@dataclass(frozen=True)
class StoredScene:
    """Memory-mapped arrays of one scene.

    Attributes:
        bytes: uint8 [6, H, W], layers as in `BYTES`.
        channels: float16 [C, H, W], as in ``terrain.height_channels.CHANNELS``.
        building: uint16 [H, W], building ids, 0 for none.
        islands: windows with height channels of their own.
    """

    bytes: NDArray[np.uint8]
    channels: NDArray[np.float16]
    building: NDArray[np.uint16]
    islands: tuple[Island, ...] = ()


class SceneStore:
    """A folder of scenes.

    Args:
        folder: where the scenes lie; made if missing.
        make: makes the scene of an index; the same index must always give the same scene.
        count: number of scenes in a full store.
        recipe: what the scenes depend on (seed, configuration); a store of another recipe is refused.

    Raises:
        ValueError: if the folder holds scenes of another recipe.
    """

    def __init__(self, folder: Path, make: Callable[[int], SceneChip], count: int, recipe: dict[str, object]) -> None:
        self.folder = folder
        self.count = count
        self._make = make
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / "recipe.json"
        wanted = json.dumps({**recipe, "height_channels": RECIPE_VERSION, "islands": ISLANDS}, sort_keys=True, indent=1)
        if not note.exists():
            part = note.with_name(f"recipe.{os.getpid()}.part")
            part.write_text(wanted, encoding="utf-8")
            part.replace(note)
        elif note.read_text(encoding="utf-8") != wanted:
            raise ValueError(f"{folder} holds scenes of another recipe; choose another folder or remove it")

    def fill(self, first: int = 0, step: int = 1) -> Iterator[int]:
        """Make the missing scenes ``first``, ``first + step`` …, giving each index when it is on disk."""
        for index in range(first, self.count, step):
            if not self._path(index, "done").exists():
                self._write(index)
            yield index

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> StoredScene:
        """Return scene ``index``, making it if it is missing."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        if not self._path(index, "done").exists():
            self._write(index)
        layers, channels, building = (np.load(self._path(index, kind), mmap_mode="r") for kind in _KINDS)
        islands = tuple(
            Island(window, self._path(index, _island(number)))
            for number, window in enumerate(island_windows(index, building.shape))
        )
        return StoredScene(layers, channels, building, islands)

    def _write(self, index: int) -> None:
        chip = self._make(index)
        height, width = chip.surface.shape
        layers = np.empty((len(BYTES), height, width), np.uint8)
        layers[:3], layers[3], layers[4], layers[5] = chip.rgb, chip.land_cover, chip.roof_class, chip.boundary
        # any absolute place will do: the lattice's phase is drawn with the scene, as real rasters lie anywhere
        phase = int(np.random.default_rng(index).integers(64))
        channels = _as_if_alone(chip.surface, chip.gsd, phase, 2 * phase)
        _, building = np.unique(chip.building_id, return_inverse=True)
        building = (
            building.reshape(height, width) if chip.building_id.min() == 0 else building.reshape(height, width) + 1
        )
        arrays: dict[str, NDArray[Any]] = dict(zip(_KINDS, (layers, channels, building.astype(np.uint16))))
        for number, window in enumerate(island_windows(index, building.shape)):
            at = (phase + window[1].start, 2 * phase + window[0].start)
            arrays[_island(number)] = _as_if_alone(chip.surface[window], chip.gsd, *at)
        for kind, array in arrays.items():
            part = self._path(index, f"{kind}.{os.getpid()}.part")
            with part.open("wb") as stream:
                np.save(stream, array)
            part.replace(self._path(index, kind))
        self._path(index, "done").touch()

    def _path(self, index: int, kind: str) -> Path:
        return self.folder / f"{index:06d}.{kind}"


def island_windows(index: int, shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return the rows and columns of the islands of scene ``index``, whose pixels have the ``shape`` (H, W)."""
    rng = np.random.default_rng((index, 11))
    windows = []
    for _ in range(ISLANDS):
        sides = [max(round(size * rng.uniform(*_ISLAND_SIDE)), 1) for size in shape]
        starts = [int(rng.integers(size - side + 1)) for size, side in zip(shape, sides)]
        rows, cols = (slice(start, start + side) for start, side in zip(starts, sides))
        windows.append((rows, cols))
    return windows


def _as_if_alone(surface: NDArray[np.float32], gsd: float, col0: int, row0: int) -> NDArray[np.float16]:
    """Return the height channels float16 [C, H, W] of a surface with nothing known around it."""
    margin = context_px(gsd)
    padded = np.pad(surface, margin, constant_values=np.nan)
    channels = height_channels(padded, np.isfinite(padded), gsd, col0 - margin, row0 - margin, margin)
    return channels.astype(np.float16)


def _island(number: int) -> str:
    return f"island{number}.npy"


_KINDS = ("bytes.npy", "channels.npy", "building.npy")
