"""From computed pieces to finished rows of every raster, in the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..jobs import ErrorCode, RidgelineError
from ..models.package import ModelSpec
from .compute import Maps, box_text
from .feed import Piece
from .finish import Finisher
from .plan import TilePlan
from .stitch import Floats, Stitcher

Strip = dict[str, NDArray[Any]]

_TWO_SETS_BYTES = 12_000_000
"""Strips up to this size get a second set of arrays, so that one is written while the next fills. Larger ones share
one: their bands take so long that waiting for the writer costs little, and memory grows less with the width."""


class StripMaker:
    """Stitches pieces and hands on the finished rows of each band.

    Args:
        plan: where the tiles lie.
        model: what the model's outputs mean.
        partial: whether tiles may be left out beside computed ones (``skip_empty``).
        buildings: make the rasters, too, that serve building polygons alone.
    """

    def __init__(self, plan: TilePlan, model: ModelSpec, partial: bool = False, buildings: bool = True) -> None:
        self._plan = plan
        self._model = model
        self._partial = partial
        self._finisher = Finisher(model, plan.stride, buildings)
        self.planes = self._finisher.planes
        """The rasters that come out."""
        self._stitcher = Stitcher(plan, self._finisher.channels, weigh=partial)
        shape = (min(plan.stride, plan.grid.height), plan.grid.width)
        self._strip: Strip = {plane.name: np.empty(shape, plane.dtype) for plane in self.planes}
        self._other = self._strip
        if sum(array.nbytes for array in self._strip.values()) <= _TWO_SETS_BYTES:
            self._other = {name: np.empty_like(array) for name, array in self._strip.items()}
        self._blank = {plane.name: np.nan if plane.dtype == "float32" else 0 for plane in self.planes}
        self._band: int | None = None

    def take(
        self,
        computed: Iterable[tuple[Piece, Maps]],
        finished: Callable[[int, Strip], None],
        progress: Callable[[int, int, Counter[str]], None] = lambda _band, _count, _left_out: None,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        """Take all pieces.

        Args:
            computed: pieces with their maps, in order.
            finished: told each band with its finished rows [H, width] by raster, valid until it is told the
                next one or ``written`` is called, whichever comes first.
            progress: told after each piece its band, how many tiles were computed, and how many left out.
            written: called before the rows told last are overwritten; returns once nobody needs them.

        Raises:
            RidgelineError: (TILE_FAILED) if a map is not finite where it counts.
        """
        for piece, maps in computed:
            if piece.band != self._band:
                self._band = piece.band
                self._stitcher.start_band(piece.band)
                if self._other is self._strip:
                    written()
                self._clear()
            self._stitch(piece, maps)
            progress(piece.band, len(piece.tiles), piece.left_out)
            if piece.last:
                rows = self._plan.rows_of(piece.band)
                finished(piece.band, {name: array[: rows[1] - rows[0]] for name, array in self._strip.items()})
                self._strip, self._other = self._other, self._strip

    def _clear(self) -> None:
        for name, array in self._strip.items():
            array.fill(self._blank[name])

    def _stitch(self, piece: Piece, maps: Maps) -> None:
        at = 0
        left = self._plan.columns_of(piece.columns.start)[0]
        for j in piece.columns:
            if at < len(piece.tiles) and piece.tiles[at] == j:
                blocks: list[Floats] | None = self._stitcher.add(j, [array[at] for array in maps.values()])
                at += 1
            else:
                blocks = self._stitcher.pass_over(j)
            if blocks is not None:
                first, last = self._plan.columns_of(j)
                self._paste(piece.band, j, blocks, piece.live[:, first - left : last - left])

    def _paste(self, i: int, j: int, blocks: list[Floats], live: NDArray[np.bool_]) -> None:
        """Finish a block and put those of its pixels that are live into the strip."""
        if not live.any():
            return
        plan = self._plan
        (row0, row1), (col0, col1) = plan.rows_of(i), plan.columns_of(j)
        top, left = i * plan.stride + plan.trim, j * plan.stride + plan.trim
        rows, cols = slice(row0 - top, row1 - top), slice(col0 - left, col1 - left)
        if self._partial:
            blocks, live = self._weighed(blocks, rows, cols, live)
        planes = self._finisher.finish(blocks)
        sound = self._finisher.sound[rows, cols]
        if not sound.all() and (live & ~sound).any():
            row, col = np.argwhere(live & ~sound)[0]
            raise self._not_finite(row0 + int(row), col0 + int(col))
        here = slice(col0 - plan.grid.col0, col1 - plan.grid.col0)
        complete = bool(live.all())
        for name, plane in planes.items():
            target = self._strip[name][: row1 - row0, here]
            if complete:
                np.copyto(target, plane[rows, cols])
            else:
                np.copyto(target, plane[rows, cols], where=live)

    def _weighed(
        self, blocks: list[Floats], rows: slice, cols: slice, live: NDArray[np.bool_]
    ) -> tuple[list[Floats], NDArray[np.bool_]]:
        """Divide by the sum of weights, which is less than one beside tiles that were left out."""
        *maps, weights = blocks
        weight = weights[0]
        known = weight > 0
        np.copyto(weight, np.float32(1), where=~known)
        for item in maps:
            np.divide(item, weight, out=item)
        return maps, live & known[rows, cols]

    def _not_finite(self, row: int, col: int) -> RidgelineError:
        pixel = self._plan.grid.window(row, col, 1, 1)
        return RidgelineError(
            ErrorCode.TILE_FAILED,
            f"The model {self._model.name!r} gave a value that is no number at {box_text(pixel.bounds)}.",
            "Compute on the processor (--device cpu), check the model, or leave that place out of the region.",
        )
