"""Tiles around the labels: what the network sees there, and what it should say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from ...feedback import Feedback
from ...inference.normalise import normaliser_for
from ...models.package import ModelSpec
from ...raster.aligned import open_aligned
from ...raster.frame import Frame
from ...raster.grid import Grid
from ..losses import UNKNOWN
from .labels import LabelSet
from .split import Split
from .teaching import Teaching

TILE_PX = 256
MOST_TILES = 600
"""So many tiles (2.5 GB with both inputs) fit beside the network in 8 GB; of more, some are drawn."""
MARGIN_PX = 32
"""Rim of a tile that is seen but not measured, since its neighbours see it better."""


@dataclass(frozen=True)
class Seen:
    """What the rasters show of one tile.

    Attributes:
        window: where it lies.
        inputs: float32 [C, H, W] by input name, normalised.
        known: bool [H, W], pixels that any raster knows.
    """

    window: Grid
    inputs: dict[str, NDArray[np.float32]]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """One tile with labels.

    Attributes:
        window: where it lies.
        inputs: float32 [C, H, W] by input name, normalised.
        truth: int16 [H, W], index of the class, -1 where nothing is labelled.
        polygon: int32 [H, W], index of the polygon, -1 outside all.
        validates: bool [H, W], pixels that belong to validation.
    """

    window: Grid
    inputs: dict[str, NDArray[np.float32]]
    truth: NDArray[np.int16]
    polygon: NDArray[np.int32]
    validates: NDArray[np.bool_]

    @property
    def core(self) -> tuple[slice, slice]:
        """Rows and columns that are measured; the cores of all tiles cover each pixel once."""
        inner = slice(MARGIN_PX, TILE_PX - MARGIN_PX)
        return inner, inner


@dataclass(frozen=True)
class LabelMaps:
    """Labels on the lattice, window by window.

    With an area, what no polygon covers in it is background, and nothing outside it is labelled.
    """

    labels: LabelSet
    teaching: Teaching
    split: Split
    area: BaseGeometry | None

    @property
    def extent(self) -> BaseGeometry:
        """Where labels are."""
        if self.area is not None:
            return self.area
        return shapely.union_all(np.array(self.labels.polygons, dtype=object))

    def truth(self, window: Grid) -> tuple[NDArray[np.int16], NDArray[np.int32], NDArray[np.bool_]]:
        """Return truth, polygon index and validation mask [H, W]; where polygons overlap the smaller wins."""
        polygon = np.full(window.shape, -1, np.int32)
        frame = shapely.box(*window.bounds)
        shapes = np.array(self.labels.polygons, dtype=object)
        near = np.flatnonzero(shapely.intersects(shapes, frame))
        if near.size:
            by_size = near[np.argsort(-shapely.area(shapes[near]), kind="stable")]
            polygon = rasterize(
                [(shapes[i], int(i)) for i in by_size],
                out_shape=window.shape,
                transform=window.transform,
                fill=-1,
                dtype="int32",
            )
        inside = polygon >= 0
        truth = np.where(inside, self.labels.classes[np.maximum(polygon, 0)], -1).astype(np.int16)
        rows, cols = np.indices(window.shape)
        xs = (window.col0 + cols + 0.5) * window.gsd
        ys = -(window.row0 + rows + 0.5) * window.gsd
        by_block = self.split.blocks_of(xs, ys)
        background = self.teaching.background
        if self.area is not None:
            covered = (
                rasterize([(self.area, 1)], out_shape=window.shape, transform=window.transform, dtype="uint8") == 1
            )
            truth[~covered] = -1
            if background is not None:
                truth[covered & ~inside] = background
        validates = np.where(inside, self.split.validates[np.maximum(polygon, 0)], by_block)
        return truth, polygon, validates


def tiles_of(extent: BaseGeometry, grid: Grid) -> list[Grid]:
    """Return the tiles that hold labels, in reading order; their cores tile the lattice."""
    step = TILE_PX - 2 * MARGIN_PX
    shapely.prepare(extent)
    box = Grid.covering(grid.crs, grid.gsd, extent.bounds).intersection(grid)
    windows = []
    for row in range(box.row0 // step, -(-box.row1 // step)):
        for col in range(box.col0 // step, -(-box.col1 // step)):
            core = grid.window(row * step, col * step, step, step)
            if shapely.intersects(extent, shapely.box(*core.bounds)):
                windows.append(core.padded(MARGIN_PX))
    return windows


def drawn(windows: list[Grid], most: int, seed: int) -> list[Grid]:
    """Return at most so many of the windows, drawn from the seed, in their order."""
    if len(windows) <= most:
        return windows
    chosen = np.random.default_rng(seed).choice(len(windows), most, replace=False)
    return [windows[i] for i in np.sort(chosen)]


def unlabelled_tiles(extent: BaseGeometry, grid: Grid, most: int, seed: int) -> list[Grid]:
    """Return tiles drawn from the seed that hold ground without labels, or all that do if they are fewer.

    Args:
        extent: where labels are.
        grid: the lattice.
        most: so many at most.
        seed: of the draw.
    """
    step = TILE_PX - 2 * MARGIN_PX
    rows, cols = -(-grid.height // step), -(-grid.width // step)
    shapely.prepare(extent)
    windows: list[Grid] = []
    # four times as many as are wanted are looked at: labels fill a corner of most rasters
    for place in np.random.default_rng(seed).choice(rows * cols, min(4 * most, rows * cols), replace=False):
        row, col = divmod(int(place), cols)
        core = grid.window(grid.row0 + row * step, grid.col0 + col * step, step, step).intersection(grid)
        if len(windows) < most and not shapely.covers(extent, shapely.box(*core.bounds)):
            windows.append(grid.window(core.row0, core.col0, step, step).padded(MARGIN_PX))
    return windows


def read_samples(
    spec: ModelSpec, frame: Frame, maps: LabelMaps, windows: list[Grid], feedback: Feedback
) -> Iterator[Sample]:
    """Yield the tiles that hold labels over known pixels.

    Args:
        spec: what the model takes.
        frame: where the rasters lie on the grid.
        maps: the labels.
        windows: the tiles to read, see `tiles_of`.
        feedback: told of progress.

    Raises:
        RidgelineError: if a raster cannot be read.
    """
    for seen in read_tiles(spec, frame, windows, feedback):
        truth, polygon, validates = maps.truth(seen.window)
        truth[~seen.known] = -1
        if (truth >= 0).any():
            yield Sample(seen.window, seen.inputs, truth, polygon, validates)


def read_tiles(spec: ModelSpec, frame: Frame, windows: list[Grid], feedback: Feedback) -> Iterator[Seen]:
    """Yield what the rasters show of tiles.

    Args:
        spec: what the model takes.
        frame: where the rasters lie on the grid.
        windows: the tiles.
        feedback: told of progress.

    Raises:
        RidgelineError: if a raster cannot be read.
    """
    readers = []
    for source, kind in ((frame.rgb, "rgb"), (frame.dsm, "dsm")):
        item = spec.input_of_kind(kind)
        if source is not None and item is not None:
            raster = open_aligned(source, source.kind, frame.grid)
            readers.append((item.name, raster, normaliser_for(item, frame.grid.gsd, source.white)))
    for number, window in enumerate(windows):
        feedback.progress(number, len(windows), "tiles", "reading")
        inputs, known = {}, np.zeros(window.shape, bool)
        for name, raster, normaliser in readers:
            margin = normaliser.context_px
            wide = window.padded(margin)
            block = raster.read(wide)
            cut = normaliser.prepare(block.values, block.valid, wide.col0, wide.row0)
            channels = next(item.channels for item in spec.inputs if item.name == name)
            inputs[name] = np.empty((channels, *window.shape), np.float32)
            cut(0, 0, inputs[name])
            inner = slice(margin, margin + TILE_PX)
            known |= block.valid[inner, inner]
        yield Seen(window, inputs, known)
    feedback.progress(len(windows), len(windows), "tiles", "reading")


def task_labels(sample: Sample, teaching: Teaching, ids: dict[str, dict[str, int]]) -> dict[str, NDArray[np.integer]]:
    """Return the labels [H, W] of each taught task, as ``losses.Labels`` wants them.

    Args:
        sample: a tile.
        teaching: what the labels teach.
        ids: class ids (1-based channel numbers) by task and class name.
    """
    truth, background = sample.truth, teaching.background
    labelled, inside = truth >= 0, (truth >= 0) & (truth != (-2 if background is None else background))
    maps: dict[str, NDArray[np.integer]] = {}
    for task in teaching.taught:
        if task == "building":
            maps[task] = np.where(labelled, inside, UNKNOWN).astype(np.uint8)
        elif task == "boundary":
            maps[task] = np.where(labelled, _outlines(sample.polygon), UNKNOWN).astype(np.uint8)
        else:
            table = np.array([ids[task].get(name, 0) for name in teaching.names], np.int64)
            maps[task] = np.where(labelled, table[np.maximum(truth, 0)], 0)
    return maps


def _outlines(polygon: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where a polygon's pixel touches another polygon or none."""
    most, least = (
        change(polygon, size=3, mode="nearest") for change in (ndimage.maximum_filter, ndimage.minimum_filter)
    )
    outline: NDArray[np.bool_] = (polygon >= 0) & (most != least)
    return outline
