"""Finished pixels of any window of the lattice: the same bits as a whole run gives, block by block, and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..inference.feed import Piece
from ..inference.finish import PlaneSpec
from ..inference.plan import TilePlan
from ..inference.strips import Strip, StripMaker
from ..models.package import ModelSpec
from ..raster.grid import Grid
from .byte_cache import CachePart
from .tiles import Floats, Place, Tile, TileStore

Planes = dict[str, NDArray[Any]]

_MANY, _FEW = 2, 0.25
"""With more missing blocks than this, and less than this share of all known, one block is made before the others, so
that there is something to see soon. After a pan most of the view shows what is known: there it would only cost time."""

Part = Callable[[Planes], None]


@dataclass(frozen=True)
class Block:
    """What is finished of one block.

    Attributes:
        window: the part of the block that is finished.
        planes: its rasters [H, W] by name.
    """

    window: Grid
    planes: Planes

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return sum(array.nbytes for array in self.planes.values())


class Mosaic:
    """Blocks of one scene: a block is what is final once its tile is stitched (see ``inference.stitch``).

    Of a block at the rim of a view only the part in the view is made: the rest may depend on tiles that the view does
    not need.

    Args:
        plan: any plan of the scene's lattice; its grid plays no part.
        model: what the model's outputs mean.
        tiles: where tiles come from.
        kept: where finished blocks are kept.
    """

    def __init__(self, plan: TilePlan, model: ModelSpec, tiles: TileStore, kept: CachePart[Block]) -> None:
        self._plan = plan
        self._model = model
        self._tiles = tiles
        self._kept = kept
        self.planes: tuple[PlaneSpec, ...] = StripMaker(self._over(plan.grid.window(0, 0, 1, 1)), model).planes
        """The rasters that come out."""

    def tiles_needed(self, window: Grid) -> int:
        """Return how many tiles the pixels of a window depend on, kept or not."""
        plan = self._over(window)
        return len(plan.bands) * len(plan.columns)

    def read(
        self,
        window: Grid,
        step: Callable[[int, int], None] = lambda _done, _total: None,
        part: Part | None = None,
    ) -> Planes:
        """Return the rasters [H, W] of a window by name; 0 or NaN where there is no data.

        Args:
            window: of the scene's lattice.
            step: told after each batch how many of how many tiles are computed; may raise to stop.
            part: where most is missing: told what is known once the block in the middle is made.
        """
        rows, cols = self._blocks(window.row0, window.row1), self._blocks(window.col0, window.col1)
        wanted = [(i, j) for i in rows for j in cols]
        found = {place: block for place in wanted if (block := self._known(place, window)) is not None}
        missing = [place for place in wanted if place not in found]
        if part is not None and len(missing) > _MANY and len(found) < _FEW * len(wanted):
            middle = missing[len(missing) // 2]
            found |= self._make([middle], window, step)
            missing.remove(middle)
            part(self._put_together(window, found))
        for rectangle in _rectangles(missing):
            found |= self._make(rectangle, window, step)
        return self._put_together(window, found)

    def _known(self, place: Place, window: Grid) -> Block | None:
        """Return the block if all of it that the window shows is kept."""
        block = self._kept.get(place)
        if block is None:
            return None
        shown = self._area(place, place).intersection(window)
        return block if block.window.intersection(shown) == shown else None

    def _put_together(self, window: Grid, found: dict[Place, Block]) -> Planes:
        out = {plane.name: np.full(window.shape, _blank(plane), plane.dtype) for plane in self.planes}
        for block in found.values():
            common = block.window.intersection(window)
            here, there = _slices(common, window), _slices(common, block.window)
            for name, plane in block.planes.items():
                out[name][here] = plane[there]
        return out

    def _make(self, places: list[Place], window: Grid, step: Callable[[int, int], None]) -> dict[Place, Block]:
        """Stitch what the window shows of a rectangle of blocks."""
        area = self._area(places[0], places[-1]).intersection(window)
        plan = self._over(area)
        bands = self._tiles.bands([(i, j) for i in plan.bands for j in plan.columns], step)
        made: dict[Place, Block] = {}

        def finished(band: int, strip: Strip) -> None:
            top, bottom = plan.rows_of(band)
            for j in plan.columns:
                left, right = plan.columns_of(j)
                if bottom <= top or right <= left:  # tiles that are only blended into their neighbours' blocks
                    continue
                columns = slice(left - area.col0, right - area.col0)
                planes = {name: rows[:, columns].copy() for name, rows in strip.items()}
                block = Block(area.window(top, left, bottom - top, right - left), planes)
                made[band, j] = block
                self._kept.put((band, j), block, block.size_bytes)

        StripMaker(plan, self._model).take(self._pieces(plan, bands), finished)
        return made

    def _area(self, first: Place, last: Place) -> Grid:
        """Return the rectangle of blocks from the first to the last."""
        stride, trim = self._plan.stride, self._plan.trim
        (i0, j0), (i1, j1) = first, last
        return self._plan.grid.window(
            i0 * stride + trim, j0 * stride + trim, (i1 - i0 + 1) * stride, (j1 - j0 + 1) * stride
        )

    def _pieces(
        self, plan: TilePlan, bands: Iterable[tuple[int, dict[int, Tile]]]
    ) -> Iterator[tuple[Piece, dict[str, Floats]]]:
        """Yield each band as one piece with the maps of its tiles, as the network would give them."""
        for i, tiles in bands:
            row = [(j, tiles[j]) for j in plan.columns]
            computed = [(j, tile.maps) for j, tile in row if tile.maps is not None]
            rows = plan.rows_of(i)
            live = []
            for j, tile in row:
                cols = plan.columns_of(j)
                top, left = i * plan.stride, j * plan.stride
                live.append(tile.known[rows[0] - top : rows[1] - top, cols[0] - left : cols[1] - left])
            maps = {
                output.name: cast("Floats", [found[output.name] for _, found in computed])
                for output in self._model.outputs
            }
            columns = [j for j, _ in computed]
            piece = Piece(i, plan.columns, columns, {}, np.concatenate(live, axis=1), Counter(), last=True)
            yield piece, maps

    def _blocks(self, first: int, last: int) -> range:
        stride, trim = self._plan.stride, self._plan.trim
        return range((first - trim) // stride, -(-(last - trim) // stride)) if last > first else range(0)

    def _over(self, grid: Grid) -> TilePlan:
        return replace(self._plan, grid=grid)


def _rectangles(places: list[Place]) -> list[list[Place]]:
    """Cut a set of places into rectangles: runs of columns in a band, joined where the next band has the same run."""
    runs: list[tuple[int, int, int, int]] = []  # first band, last band, first column, last column
    bands: dict[int, list[int]] = {}
    for i, j in sorted(places):
        bands.setdefault(i, []).append(j)
    for i, columns in bands.items():
        start = previous = columns[0]
        spans = []
        for j in columns[1:]:
            if j != previous + 1:
                spans.append((start, previous))
                start = j
            previous = j
        spans.append((start, previous))
        for span in spans:
            above = next((n for n, run in enumerate(runs) if run[1] == i - 1 and run[2:] == span), None)
            if above is None:
                runs.append((i, i, *span))
            else:
                runs[above] = (runs[above][0], i, *span)
    return [[(i, j) for i in range(a, b + 1) for j in range(c, d + 1)] for a, b, c, d in runs]


def _blank(plane: PlaneSpec) -> float:
    return float("nan") if plane.dtype == "float32" else 0


def _slices(part: Grid, whole: Grid) -> tuple[slice, slice]:
    row, col = part.row0 - whole.row0, part.col0 - whole.col0
    return slice(row, row + part.height), slice(col, col + part.width)
