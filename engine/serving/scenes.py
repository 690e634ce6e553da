"""Opened scenes: rasters and a model that requests are about, kept while they are used."""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

from ..feedback import Feedback
from ..inference.compute import Network
from ..inference.setup import Setup, network_inputs, open_rasters, prepare
from ..jobs import RasterInput, SegmentJob
from ..jobs import serve as requests
from ..models.package.library import find_model
from ..raster.aligned import AlignedRaster
from ..runtime.open import open_predictor
from ..runtime.predictor import DeviceReport, Predictor
from .byte_cache import ByteCache, CachePart
from .mosaic import Block, Mosaic
from .tiles import Tile, TileStore

TILE_BYTES, BLOCK_BYTES = 256 << 20, 64 << 20
"""What all scenes together keep: maps of tiles, which the next pan blends into, and finished blocks, which are shown.
The default model takes 20 MB a tile and 1.1 MB a block: a dozen tiles, and blocks for some five screens."""
_MOST_SCENES = _MOST_MODELS = 1
"""Each network takes 100 to 300 MB beside its weights, and to load one again takes under a second."""
_BATCH_GPU = 8


class OpenScene:
    """A scene with all that its requests need.

    Attributes:
        setup: model, grid and rasters, described.
        rasters: opened on the lattice, by kind.
        mosaic: finished pixels of any window.
        report: which device computes.
    """

    def __init__(self, setup: Setup, predictor: Predictor, tiles: ByteCache[Tile], blocks: ByteCache[Block]) -> None:
        self.setup = setup
        self.report: DeviceReport = predictor.report
        self.rasters: dict[str, AlignedRaster] = open_rasters(setup)
        self._warn: Callable[[str, str], None] = _ignore
        network = Network(predictor, setup.model, setup.plan, self._pass_on)
        seen = {kind: raster for kind, raster in self.rasters.items() if kind in setup.kinds}
        inputs = network_inputs(setup, self.rasters)
        batch = 1 if predictor.report.device == "cpu" else _BATCH_GPU
        self._kept = CachePart(tiles), CachePart(blocks)
        self.tiles = TileStore(setup.plan, seen, inputs, network, setup.frame.region_mask, self._kept[0], batch)
        self.mosaic = Mosaic(setup.plan, setup.model, self.tiles, self._kept[1])

    def tell(self, warn: Callable[[str, str], None]) -> None:
        """Send warnings of the network there from now on."""
        self._warn = warn

    def _pass_on(self, code: str, message: str) -> None:
        self._warn(code, message)

    def close(self) -> None:
        """Close the rasters, and forget what was computed."""
        self.tiles.close()
        for part in self._kept:
            part.clear()
        for raster in self.rasters.values():
            raster.close()


class Scenes:
    """Opens scenes and keeps the last, and the last model whatever the rasters."""

    def __init__(self) -> None:
        self._scenes: OrderedDict[Hashable, OpenScene] = OrderedDict()
        self._models: OrderedDict[Hashable, Predictor] = OrderedDict()
        self._retired: list[OpenScene] = []
        self._tiles: ByteCache[Tile] = ByteCache(TILE_BYTES)
        self._blocks: ByteCache[Block] = ByteCache(BLOCK_BYTES)

    def open(self, scene: requests.Scene, feedback: Feedback) -> OpenScene:
        """Return the scene, opening what is not open yet.

        A raster or model that changed on disk makes another scene.

        Raises:
            RidgelineError: as a segment job for the same rasters and model.
        """
        key = (scene, *(_version(item) for item in (scene.rgb, scene.dsm)), find_model(scene.model).fingerprint)
        found = self._scenes.get(key)
        if found is None:
            setup = prepare(_job_of(scene), feedback)
            predictor = self._predictor(scene, setup)
            if predictor.report.fallback:
                feedback.warn("device_fallback", predictor.report.fallback)
            found = OpenScene(setup, predictor, self._tiles, self._blocks)
            self._scenes[key] = found
            while len(self._scenes) > _MOST_SCENES:
                self._retired.append(self._scenes.popitem(last=False)[1])
        self._scenes.move_to_end(key)
        found.tell(feedback.warn)
        return found

    def tidy(self) -> None:
        """Close the scenes that others took the place of; nobody may be working on one."""
        if not self._retired:
            return
        while self._retired:
            self._retired.pop().close()
        # a scene and its network know each other, and the collector does not see how much memory a network holds
        gc.collect()

    def close(self) -> None:
        """Close everything."""
        self.tidy()
        while self._scenes:
            self._scenes.popitem()[1].close()
        self._models.clear()

    def _predictor(self, scene: requests.Scene, setup: Setup) -> Predictor:
        how = (scene.device, scene.runtime, scene.precision, scene.threads)
        key = (setup.package.folder, setup.package.fingerprint, setup.kinds, scene.looks, *how)
        found = self._models.get(key)
        if found is None:
            found = open_predictor(setup.package, setup.kinds, *how, looks=scene.looks)
            self._models[key] = found
            while len(self._models) > _MOST_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return found


def _job_of(scene: requests.Scene) -> SegmentJob:
    return SegmentJob(
        out="",
        rgb=scene.rgb,
        dsm=scene.dsm,
        model=scene.model,
        gsd=scene.gsd,
        device=scene.device,
        runtime=scene.runtime,
        precision=scene.precision,
        threads=scene.threads,
        looks=scene.looks,
    )


def _version(item: RasterInput | None) -> tuple[int, int] | None:
    """Return what changes when a raster's file is written anew; None for names that only GDAL understands."""
    if item is None:
        return None
    try:
        facts = os.stat(Path(item.path))
    except (OSError, ValueError):
        return None
    return facts.st_mtime_ns, facts.st_size


def _ignore(_code: str, _message: str) -> None:
    """Warnings of a scene before its first request."""
