"""The one grid that everything the model sees and all that is written lies on.

For each CRS and ground sampling distance there is one infinite lattice of pixels whose corner is the CRS's origin:
the pixel at absolute (row, col) covers x in [col*gsd, (col+1)*gsd] and y in [-(row+1)*gsd, -row*gsd]. A grid is a
window of that lattice in whole pixels. Two grids of one lattice therefore share their pixels exactly, whatever their
regions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rasterio.crs import CRS
from rasterio.transform import Affine


@dataclass(frozen=True)
class Grid:
    """A window of the lattice of ``crs`` and ``gsd``.

    Attributes:
        crs: a projected CRS in true metres.
        gsd: ground sampling distance, metres per pixel.
        col0: absolute column of the left-most pixel.
        row0: absolute row of the top-most pixel (rows grow southwards; northern hemisphere rows are negative).
        width: columns.
        height: rows.
    """

    crs: CRS
    gsd: float
    col0: int
    row0: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (self.gsd > 0 and math.isfinite(self.gsd)):
            raise ValueError(f"gsd must be positive, not {self.gsd}")
        if self.width < 0 or self.height < 0:
            raise ValueError(f"width and height must not be negative: {self.width}, {self.height}")

    @classmethod
    def covering(cls, crs: CRS, gsd: float, bounds: tuple[float, float, float, float]) -> Grid:
        """Return the smallest grid that covers ``bounds`` (xmin, ymin, xmax, ymax in ``crs``)."""
        xmin, ymin, xmax, ymax = bounds
        slack = 1e-6  # pixels: a bound that lies on the lattice up to rounding adds no row or column
        col0, col1 = math.floor(xmin / gsd + slack), math.ceil(xmax / gsd - slack)
        row0, row1 = math.floor(-ymax / gsd + slack), math.ceil(-ymin / gsd - slack)
        return cls(crs, gsd, col0, row0, max(col1 - col0, 0), max(row1 - row0, 0))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def col1(self) -> int:
        """Absolute column behind the right-most pixel."""
        return self.col0 + self.width

    @property
    def row1(self) -> int:
        """Absolute row below the lowest pixel."""
        return self.row0 + self.height

    @property
    def transform(self) -> Affine:
        """Affine transform from this grid's (col, row) to CRS coordinates."""
        return Affine(self.gsd, 0.0, self.col0 * self.gsd, 0.0, -self.gsd, -self.row0 * self.gsd)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in CRS coordinates."""
        return (self.col0 * self.gsd, -self.row1 * self.gsd, self.col1 * self.gsd, -self.row0 * self.gsd)

    def window(self, row0: int, col0: int, height: int, width: int) -> Grid:
        """Return the grid of the same lattice at absolute ``row0``, ``col0`` with that size in pixels."""
        return Grid(self.crs, self.gsd, col0, row0, width, height)

    def padded(self, pixels: int) -> Grid:
        """Return this grid grown by ``pixels`` on every side (negative: shrunk)."""
        size = 2 * pixels
        return self.window(
            self.row0 - pixels, self.col0 - pixels, max(self.height + size, 0), max(self.width + size, 0)
        )

    def intersection(self, other: Grid) -> Grid:
        """Return the common window of two grids of one lattice; it has no pixels where they do not meet.

        Raises:
            ValueError: if the grids lie on different lattices.
        """
        if other.crs != self.crs or other.gsd != self.gsd:
            raise ValueError("the grids lie on different lattices")
        row0, col0 = max(self.row0, other.row0), max(self.col0, other.col0)
        height, width = min(self.row1, other.row1) - row0, min(self.col1, other.col1) - col0
        return self.window(row0, col0, max(height, 0), max(width, 0))
