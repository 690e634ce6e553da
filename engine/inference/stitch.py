"""Puts tiles together, keeping only what a later tile can still change.

Tiles come band by band and, within a band, from west to east. With tile (i, j) the block of ``stride`` x ``stride``
pixels at its core's upper left corner is final: what tiles to the east and south will add lies beyond it. Kept are the
``ramp`` columns that the next tile of the band blends into, and below the band ``ramp`` rows over the whole width.
Memory therefore grows with ``ramp`` times the region's width, and not at all with its height.

Each pixel gets its (at most four) contributions in one order, west before east and north before south, with the
same float32 operations: the bits do not depend on the region.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .blend import falling_weights, rising_weights
from .plan import TilePlan

Floats = NDArray[np.float32]


class Stitcher:
    """Blends the tiles of a plan into final blocks.

    Args:
        plan: where the tiles lie.
        channels: channels of all outputs together.
        weigh: keep the sum of the weights of each pixel as one more plane: needed where a tile that is left out would
            have counted for pixels that are written (``skip_empty``).
    """

    def __init__(self, plan: TilePlan, channels: int, weigh: bool = False) -> None:
        self._plan = plan
        self._channels = channels
        self._weigh = weigh
        planes, stride, ramp, columns = channels + weigh, plan.stride, plan.ramp, plan.columns
        self._in_x, self._out_x = rising_weights(ramp), falling_weights(ramp)
        self._in_y, self._out_y = self._in_x[:, None], self._out_x[:, None]
        self._band: int | None = None
        self._first, self._next = columns.start, columns.start
        self._west = np.empty((planes, plan.core, ramp), np.float32)
        self._east = np.empty((planes, plan.core, ramp), np.float32)
        self._has_west = False
        self._north = np.empty((len(columns), planes, ramp, stride), np.float32)
        self._has_north = np.zeros(len(columns), dtype=bool)
        self._body: Floats | None = None

    def start_band(self, i: int) -> None:
        """Begin band i."""
        if self._band != i - 1:
            self._has_north[:] = False
        self._band = i
        self._next = self._first
        self._has_west = False

    def add(self, j: int, maps: Sequence[Floats]) -> list[Floats]:
        """Add a tile of this band and return the block that is final with it.

        Args:
            j: the tile's column, further east than the one before; each column is added or passed over.
            maps: float32 arrays [C, size, size], one an output, whose channels add up to ``channels``. They are blended
                in place, as copying them would take as long as all else here; of those that are read-only, what the
                grid shows is copied.

        Returns:
            The block of each output (and, with ``weigh``, of the sum of weights [1, stride, stride] as the last),
            [C, stride, stride], valid until the next call. Its rows begin at the absolute row ``i * stride + trim`` and
            its columns at ``j * stride + trim``. A block that lies beyond the grid holds anything.

        Raises:
            ValueError: if the channels do not add up, or the column does not lie further east than the one before.
        """
        self._step_to(j)
        if sum(len(item) for item in maps) != self._channels:
            raise ValueError(f"the outputs have {sum(len(item) for item in maps)} channels, not {self._channels}")
        tiles = list(maps)
        if self._weigh:
            tiles.append(np.ones((1, self._plan.size, self._plan.size), np.float32))
        blocks = self._blend(j, tiles)
        self._has_west = True
        return blocks

    def pass_over(self, j: int) -> list[Floats] | None:
        """Leave a tile out; with ``weigh``, return the block as far as its neighbours reach into it, else None.

        Returns:
            One array [channels, stride, stride] and the sum of weights [1, stride, stride], or None.
        """
        self._step_to(j)
        reached = self._weigh and (self._has_west or bool(self._has_north[j - self._first]))
        if not reached:
            self._has_west = False
            self._has_north[j - self._first] = False
            return None
        size = self._plan.size
        blocks = self._blend(j, [np.zeros((planes, size, size), np.float32) for planes in (self._channels, 1)])
        self._has_west = False
        return blocks

    def _blend(self, j: int, tiles: list[Floats]) -> list[Floats]:
        """Blend tiles with what the western and northern neighbours left; leave theirs for the eastern and southern."""
        trim, stride, ramp, core = self._plan.trim, self._plan.stride, self._plan.ramp, self._plan.core
        north, has_north = self._north[j - self._first], bool(self._has_north[j - self._first])
        seen_rows, seen_columns = self._seen(j)
        blocks: list[Floats] = []
        at = 0
        for tile in tiles:
            inner = tile[:, trim : trim + core, trim : trim + core]
            planes = slice(at, at + len(tile))
            at += len(tile)
            np.multiply(inner[:, :, stride:], self._out_x, out=self._east[planes])
            body = inner[:, :, :stride]
            blocks.append(body[:, :stride])
            if not seen_columns:  # the tile is here for its eastern neighbour alone
                continue
            first = 0 if seen_rows else stride  # or for its southern one
            body = body[:, first:]
            if not tile.flags.writeable:
                body = self._copied(body, planes)
                blocks[-1] = body[:, :stride] if seen_rows else blocks[-1]
            left = body[:, :, :ramp]
            left *= self._in_x
            if self._has_west:
                left += self._west[planes, first:]
            if seen_rows:
                top = body[:, :ramp]
                top *= self._in_y
                if has_north:
                    top += north[planes]
            np.multiply(body[:, stride - first :], self._out_y, out=north[planes])
        self._west, self._east = self._east, self._west
        self._has_north[j - self._first] = True
        return blocks

    def _seen(self, j: int) -> tuple[bool, bool]:
        """Return whether the grid shows any row and any column of the block of tile column j."""
        rows, columns = self._plan.rows_of(self._band or 0), self._plan.columns_of(j)
        return rows[1] > rows[0], columns[1] > columns[0]

    def _copied(self, body: Floats, planes: slice) -> Floats:
        """Return a copy in arrays that are used again: new ones would cost more than the copying."""
        if self._body is None:
            self._body = np.empty((self._channels, self._plan.core, self._plan.stride), np.float32)
        copy = self._body[planes, : body.shape[1]]
        np.copyto(copy, body)
        return copy

    def _step_to(self, j: int) -> None:
        if j != self._next:
            raise ValueError(f"tile column {j} came where {self._next} was due")
        self._next = j + 1
