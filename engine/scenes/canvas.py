"""The layers that a scene is drawn into, and the small windows through which objects are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import FloatArray, noise

BoolArray = NDArray[np.bool_]


@dataclass
class Canvas:
    """A window of a scene's pixel lattice with all physical layers.

    World coordinates are metres, x to the right and y down; the pixel at absolute (row, col) is centred on
    x = (col + 0.5) * gsd, y = (row + 0.5) * gsd.

    Attributes:
        gsd: metres per pixel.
        row0: absolute row of the first pixel.
        col0: absolute column of the first pixel.
        ground: height of the bare ground, metres [H, W].
        surface: height of the highest thing, metres [H, W].
        albedo: reflectance of the highest thing, linear red, green, blue in 0..1 [3, H, W].
        cover: land cover ids [H, W].
        roof_class: roof class ids, 0 where no roof is seen [H, W].
        building: building ids, 0 where no roof is seen [H, W].
        plane: roof plane ids, unique in the scene, 0 where no roof is seen [H, W].
        canopy: True where leaves are seen: laser light passes them in part [H, W].
        water: True where open water is seen: laser light seldom comes back from it [H, W].
        roof_surface: height of the roof, also where leaves hide it; NaN off buildings [H, W].
    """

    gsd: float
    row0: int
    col0: int
    ground: FloatArray
    surface: FloatArray
    albedo: FloatArray
    cover: NDArray[np.uint8]
    roof_class: NDArray[np.uint8]
    building: NDArray[np.int32]
    plane: NDArray[np.int32]
    canopy: BoolArray
    water: BoolArray
    roof_surface: FloatArray

    @classmethod
    def blank(cls, gsd: float, row0: int, col0: int, height: int, width: int) -> Canvas:
        """Return a canvas of flat black ground at height 0."""
        size = (height, width)
        return cls(
            gsd=gsd,
            row0=row0,
            col0=col0,
            ground=np.zeros(size, np.float32),
            surface=np.zeros(size, np.float32),
            albedo=np.zeros((3, *size), np.float32),
            cover=np.zeros(size, np.uint8),
            roof_class=np.zeros(size, np.uint8),
            building=np.zeros(size, np.int32),
            plane=np.zeros(size, np.int32),
            canopy=np.zeros(size, np.bool_),
            water=np.zeros(size, np.bool_),
            roof_surface=np.full(size, np.nan, np.float32),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.ground.shape[0], self.ground.shape[1]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 in world metres."""
        height, width = self.shape
        return (
            self.col0 * self.gsd,
            self.row0 * self.gsd,
            (self.col0 + width) * self.gsd,
            (self.row0 + height) * self.gsd,
        )

    def patch(self, x0: float, y0: float, x1: float, y1: float) -> Patch | None:
        """Return the window that covers these world bounds, or None where it misses the canvas."""
        height, width = self.shape
        r0 = max(math.floor(y0 / self.gsd) - self.row0, 0)
        r1 = min(math.ceil(y1 / self.gsd) - self.row0 + 1, height)
        c0 = max(math.floor(x0 / self.gsd) - self.col0, 0)
        c1 = min(math.ceil(x1 / self.gsd) - self.col0 + 1, width)
        if r0 >= r1 or c0 >= c1:
            return None
        return Patch(self, r0, r1, c0, c1)

    def whole(self) -> Patch:
        """Return the window over the whole canvas."""
        return Patch(self, 0, self.shape[0], 0, self.shape[1])


class Patch:
    """A window of a canvas: coordinates, noise and views of the layers."""

    def __init__(self, canvas: Canvas, r0: int, r1: int, c0: int, c1: int) -> None:
        self.canvas = canvas
        self.at = (slice(r0, r1), slice(c0, c1))
        self.row, self.col = canvas.row0 + r0, canvas.col0 + c0
        self.shape = (r1 - r0, c1 - c0)
        self.x = ((np.arange(self.col, self.col + self.shape[1], dtype=np.float32) + 0.5) * canvas.gsd)[None, :]
        """World x of the pixel centres, [1, w]."""
        self.y = ((np.arange(self.row, self.row + self.shape[0], dtype=np.float32) + 0.5) * canvas.gsd)[:, None]
        """World y of the pixel centres, [h, 1]."""

    def noise(self, scale_m: float, key: int = 0) -> FloatArray:
        """Return unit-variance noise [h, w] with blobs of about ``scale_m`` metres."""
        return noise(scale_m / self.canvas.gsd, self.row, self.col, *self.shape, key)

    def local(self, x: float, y: float, angle: float) -> tuple[FloatArray, FloatArray]:
        """Return coordinates (p, q) [h, w] in a frame at (x, y) turned by ``angle`` radians."""
        cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        dx, dy = self.x - np.float32(x), self.y - np.float32(y)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def paint(self, colour: FloatArray, texture: FloatArray | None, where: BoolArray) -> None:
        """Set the albedo to ``colour`` [3] times ``texture`` [h, w] on the pixels ``where`` [h, w]."""
        view = self.canvas.albedo[(slice(None), *self.at)]
        value = colour[:, None, None] if texture is None else colour[:, None, None] * texture
        np.copyto(view, value, where=where)
