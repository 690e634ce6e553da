"""Connected components of a mask that arrives in strips of rows, each handed out once it can grow no more.

Pixels belong together when they share an edge (4-connectivity). A component's pixels, and the values of all maps at
them, are kept until the rows have passed it; so memory holds what may still grow and nothing else, and what comes out
does not depend on where the strips were cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.transform import Affine
from scipy import ndimage

from ..raster.source import apply_affine
from ..terrain.lattice import framed

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Maps = Mapping[str, npt.NDArray[np.generic]]

RIM = "rim"
"""Name of the map that is True where the mask may go on beyond what is seen."""

LARGEST_PX = 32_000_000
"""A component of more pixels is handed out as it is when a strip ends, to bound memory: no building is so large."""


@dataclass(frozen=True)
class Component:
    """A connected component with the maps inside its bounding box.

    Attributes:
        row0: absolute row of the box's first row.
        col0: absolute column of the box's first column.
        mask: bool [h, w], True on the component.
        maps: name to [h, w], zero outside the component.
    """

    row0: int
    col0: int
    mask: Bools
    maps: dict[str, npt.NDArray[np.generic]]

    @property
    def key(self) -> tuple[int, int]:
        """Absolute row and column of the component's first pixel in reading order."""
        return self.row0, self.col0 + int(np.argmax(self.mask[0]))


@dataclass
class _Open:
    """A component that touches the last row seen: its pixels so far, in pieces of (rows, cols, values by name)."""

    pieces: list[tuple[Ints, Ints, dict[str, npt.NDArray[np.generic]]]]
    first: tuple[int, int]
    pixels: int


class ComponentTracer:
    """Finds connected components in strips of rows, from top to bottom.

    Args:
        col0: absolute column of the strips' first column.
        row0: absolute row of the first strip's first row.
        min_pixels: smaller components are dropped; where they lay, `take_dropped` tells, but for those at the `RIM`.
    """

    def __init__(self, col0: int, row0: int, min_pixels: int = 1) -> None:
        self._col0 = col0
        self._next_row = row0
        self._min_pixels = min_pixels
        self._front: Ints | None = None  # number of the open component that each column of the last row belongs to
        self._open: dict[int, _Open] = {}
        self._dropped: list[tuple[Ints, Ints]] = []

    def add(self, row0: int, mask: Bools, maps: Maps) -> list[Component]:
        """Take the next rows and return the components that are complete now, in no particular order.

        Args:
            row0: absolute row of the strip's first row.
            mask: bool [H, W].
            maps: name to [H, W], whose values each component keeps.

        Raises:
            ValueError: if rows are missing or given twice, or the width changes.
        """
        if row0 != self._next_row:
            raise ValueError(f"the next strip must begin at row {self._next_row}, not {row0}")
        if self._front is not None and mask.shape[1] != len(self._front):
            raise ValueError(f"the strip is {mask.shape[1]} pixels wide, those before {len(self._front)}")
        if mask.shape[0] == 0:
            return []
        self._next_row += mask.shape[0]
        labels, count = ndimage.label(mask)
        groups = self._join(labels, count)
        done = self._collect(row0, labels, count, groups, maps)
        return done

    def finish(self) -> list[Component]:
        """Return the components that touch the last row."""
        rest = [self._close(item) for item in self._open.values()]
        self._open, self._front = {}, None
        return [item for item in rest if item is not None]

    def take_dropped(self) -> list[tuple[Ints, Ints]]:
        """Return absolute rows and columns of the components that were too small since this was asked last."""
        dropped, self._dropped = self._dropped, []
        return dropped

    @property
    def first_open(self) -> tuple[int, int]:
        """Absolute row and column before which no component can begin any more."""
        return min([item.first for item in self._open.values()] + [(self._next_row, self._col0)])

    def _join(self, labels: npt.NDArray[np.int32], count: int) -> Ints:
        """Return, for each label, the root it belongs to; open components are the numbers behind the labels.

        Joins the open components with the labels that they touch, and so with each other.
        """
        opened = list(self._open)
        place = {number: count + 1 + i for i, number in enumerate(opened)}
        parent = np.arange(count + 1 + len(opened), dtype=np.int64)

        def root(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = int(parent[i])
            return i

        if self._front is not None and opened:
            touching = (self._front > 0) & (labels[0] > 0)
            pairs = np.unique(np.stack([self._front[touching], labels[0][touching]]), axis=1)
            for number, label in pairs.T:
                one, other = root(place[int(number)]), root(int(label))
                parent[max(one, other)] = min(one, other)
        return np.array([root(i) for i in range(len(parent))], dtype=np.int64) if opened else parent

    def _collect(
        self, row0: int, labels: npt.NDArray[np.int32], count: int, groups: Ints, maps: Maps
    ) -> list[Component]:
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        last = labels[-1]
        grows = np.zeros(len(groups), dtype=bool)  # by root: touches the last row
        grows[groups[last[last > 0]]] = True
        keeps = grows.copy()  # by root: is worth its pixels
        keeps[groups[1 : count + 1]] |= sizes[1:] >= self._min_pixels
        keeps[groups[count + 1 :]] = True
        rows, cols = np.nonzero(labels)
        label = labels[rows, cols]
        wanted = keeps[groups[label]]
        self._drop(row0, rows[~wanted], cols[~wanted], label[~wanted], maps)
        rows, cols, root = rows[wanted], cols[wanted], groups[label[wanted]]
        order = np.argsort(root, kind="stable")
        rows, cols, root = rows[order], cols[order], root[order]
        values = {name: np.asarray(item)[rows, cols] for name, item in maps.items()}
        starts = np.flatnonzero(np.r_[True, root[1:] != root[:-1]]) if len(root) else np.zeros(0, dtype=np.int64)
        found: dict[int, _Open] = {}
        for begin, end in zip(starts, np.r_[starts[1:], len(root)]):
            part = slice(begin, end)
            piece = (rows[part] + row0, cols[part] + self._col0, {name: item[part] for name, item in values.items()})
            first = (int(piece[0][0]), int(piece[1][0]))  # the sort is stable: reading order is kept
            found[int(root[begin])] = _Open([piece], first, int(end - begin))
        for i, old in enumerate(self._open.values()):
            mine = int(groups[count + 1 + i])
            young = found.get(mine)
            found[mine] = old if young is None else _merge(old, young)
        done = [item for mine, item in found.items() if not grows[mine] or item.pixels > LARGEST_PX]
        going = {mine: item for mine, item in found.items() if grows[mine] and item.pixels <= LARGEST_PX}
        numbers = np.zeros(len(groups), dtype=np.int64)
        numbers[list(going)] = np.arange(1, len(going) + 1)
        self._open = dict(enumerate(going.values(), start=1))
        self._front = np.where(last > 0, numbers[groups[last]], 0)
        closed = (self._close(item) for item in done)
        return [item for item in closed if item is not None]

    def _drop(self, row0: int, rows: Ints, cols: Ints, label: npt.NDArray[np.int32], maps: Maps) -> None:
        """Note pixels of components that are complete in a strip and too small, but for components at the rim."""
        if RIM in maps:
            cut = np.isin(label, label[np.asarray(maps[RIM])[rows, cols] != 0])
            rows, cols = rows[~cut], cols[~cut]
        if len(rows):
            self._dropped.append((rows + row0, cols + self._col0))

    def _close(self, item: _Open) -> Component | None:
        rows = np.concatenate([piece[0] for piece in item.pieces])
        cols = np.concatenate([piece[1] for piece in item.pieces])
        if item.pixels < self._min_pixels:
            if not any(piece[2][RIM].any() for piece in item.pieces if RIM in piece[2]):
                self._dropped.append((rows, cols))
            return None
        top, left = int(rows.min()), int(cols.min())
        rows, cols = rows - top, cols - left
        shape = (int(rows.max()) + 1, int(cols.max()) + 1)
        mask = np.zeros(shape, dtype=bool)
        mask[rows, cols] = True
        maps = {}
        for name in item.pieces[0][2]:
            values = np.concatenate([piece[2][name] for piece in item.pieces])
            maps[name] = np.zeros(shape, dtype=values.dtype)
            maps[name][rows, cols] = values
        return Component(top, left, mask, maps)


def outline(mask: Bools, transform: Affine) -> shapely.Polygon:
    """Return the outline of one connected component, with its holes, along pixel edges.

    Args:
        mask: bool [h, w], one 4-connected component.
        transform: from (col, row) of the mask to coordinates.
    """
    rings = [np.column_stack(apply_affine(transform, ring[:, 1], ring[:, 0])) for ring in _rings(mask)]
    # the first corner in reading order lies on the outer ring; a component has no other
    outer, *holes = (shapely.linearrings(ring) for ring in rings)
    polygon: shapely.Polygon = shapely.polygons(outer, holes or None)
    return polygon


def _rings(mask: Bools) -> list[npt.NDArray[np.float64]]:
    """Return the rings of corners (row, column), float64 [n, 2], along pixel edges; the ring of the first corner first.

    Corners lie where one or three of the four pixels around a lattice point are inside; where two are, across from
    each other, there are two corners, and each ring keeps to the pixel outside that it goes around: so none touches
    itself. Along a row of the lattice, edges run between the corners in pairs, and so they do along a column.
    """
    inside = framed(mask).view(np.int8)
    west, east = inside[:, :-1], inside[:, 1:]
    count = west[:-1] + east[:-1] + west[1:] + east[1:]
    across = (count == 2) & (west[:-1] == east[1:])
    rows, cols = np.nonzero((count & 1).astype(bool) | across)
    number = np.repeat(np.arange(len(rows)), np.where(across[rows, cols], 2, 1))
    rows, cols = rows[number], cols[number]
    # of two corners at one place, the first ends the edge from the west and the second begins the one to the east
    second = np.r_[False, number[1:] == number[:-1]]
    # with a pixel inside to the north-west, the edge from the west goes on southwards, else northwards
    south = second ^ (across[rows, cols] & (inside[rows, cols] == 1))
    down = np.lexsort((south, rows, cols))
    place = np.empty_like(down)
    place[down] = np.arange(len(down))
    along_column = down[place ^ 1].tolist()
    left = [True] * len(rows)
    rings = []
    for start in range(len(rows)):
        if left[start]:
            ring, at = [], start
            while left[at]:
                left[at] = left[at ^ 1] = False
                ring += [at, at ^ 1]
                at = along_column[at ^ 1]
            rings.append(np.column_stack([rows[ring], cols[ring]]).astype(np.float64))
    return rings


def _merge(old: _Open, young: _Open) -> _Open:
    return _Open(old.pieces + young.pieces, min(old.first, young.first), old.pixels + young.pixels)
