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
        up, down = rising_weights(ramp), falling_weights(ramp)
        self._in_x, self._out_x = up, down
        self._in_y, self._out_y = up[:, None], down[:, None]
        self._band: int | None = None
        self._first, self._next = columns.start, columns.start
        self._block = np.empty((planes, stride, stride), np.float32)
        self._below = np.empty((planes, ramp, stride), np.float32)
        self._west = np.empty((planes, plan.core, ramp), np.float32)
        self._east = np.empty((planes, plan.core, ramp), np.float32)
        self._has_west = False
        self._north = np.empty((len(columns), planes, ramp, stride), np.float32)
        self._has_north = np.zeros(len(columns), dtype=bool)

    def start_band(self, i: int) -> None:
        """Begin band i."""
        if self._band != i - 1:
            self._has_north[:] = False
        self._band = i
        self._next = self._first
        self._has_west = False

    def add(self, j: int, maps: Sequence[Floats]) -> Floats:
        """Add a tile of this band and return the block that is final with it.

        Args:
            j: the tile's column, further east than the one before; each column is added or passed over.
            maps: float32 arrays [C, size, size], one an output, whose channels add up to ``channels``.

        Returns:
            float32 [channels (+ 1 with ``weigh``), stride, stride]: absolute rows from ``i * stride + trim``, columns
            from ``j * stride + trim``; valid until the next call.
        """
        self._step_to(j)
        at = 0
        for item in maps:
            self._take(item, slice(at, at + len(item)))
            at += len(item)
        if at != self._channels:
            raise ValueError(f"the outputs have {at} channels, not {self._channels}")
        if self._weigh:
            size = self._plan.size
            self._take(np.broadcast_to(np.float32(1), (1, size, size)), slice(at, at + 1))
        self._join(j)
        self._has_west = True
        return self._block

    def pass_over(self, j: int) -> Floats | None:
        """Leave a tile out; with ``weigh``, return the block as far as its neighbours reach into it, else None."""
        self._step_to(j)
        reached = self._weigh and (self._has_west or bool(self._has_north[j - self._first]))
        if not reached:
            self._has_west = False
            self._has_north[j - self._first] = False
            return None
        self._block[:] = 0
        self._below[:] = 0
        self._join(j)
        self._has_west = False
        return self._block

    def _take(self, item: Floats, planes: slice) -> None:
        """Copy the parts of a tile's core to where they are blended, faded in from the west and out to the east."""
        trim, stride, ramp, core = self._plan.trim, self._plan.stride, self._plan.ramp, self._plan.core
        inner = item[:, trim : trim + core, trim : trim + core]
        self._block[planes] = inner[:, :stride, :stride]
        if ramp:
            self._below[planes] = inner[:, stride:, :stride]
            self._block[planes, :, :ramp] *= self._in_x
            self._below[planes, :, :ramp] *= self._in_x
            np.multiply(inner[:, :, stride:], self._out_x, out=self._east[planes])

    def _join(self, j: int) -> None:
        """Add what the western and the northern neighbour left, and leave this tile's for the southern one."""
        stride, ramp, slot = self._plan.stride, self._plan.ramp, j - self._first
        if ramp == 0:
            return
        if self._has_west:
            self._block[:, :, :ramp] += self._west[:, :stride]
            self._below[:, :, :ramp] += self._west[:, stride:]
        self._west, self._east = self._east, self._west
        top = self._block[:, :ramp]
        top *= self._in_y
        if self._has_north[slot]:
            top += self._north[slot]
        np.multiply(self._below, self._out_y, out=self._north[slot])
        self._has_north[slot] = True

    def _step_to(self, j: int) -> None:
        if j != self._next:
            raise ValueError(f"tile column {j} came where {self._next} was due")
        self._next = j + 1
