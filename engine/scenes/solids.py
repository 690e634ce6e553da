"""Draws true roofs into the layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .buildings import BUILDING, PLANES_PER_BUILDING
from .canvas import BoolArray, Canvas, Patch
from .city import Ring, plane_of
from .materials import ROOF_MATERIALS, stain, texture
from .palette import Colour


@dataclass(frozen=True)
class Solid:
    """A true roof in world coordinates.

    Attributes:
        id: from 1, unique among buildings and solids of the scene.
        roof_class: roof class id; 0 if it is not known.
        rings: one entry a plane: its outer ring and holes in world x, y and height above ``base`` [n, 3].
        base: height of the ground floor above the scene's zero, metres.
        colour: linear reflectance.
        stain_colour: reflectance of stains.
        stain_share: share of the roof that they cover.
        material: name in ``ROOF_MATERIALS``.
    """

    id: int
    roof_class: int
    rings: tuple[tuple[Ring, ...], ...]
    base: float
    colour: Colour
    stain_colour: Colour
    stain_share: float
    material: str

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """World bounds, metres."""
        corners = np.concatenate([ring[0][:, :2] for ring in self.rings])
        low, high = corners.min(axis=0), corners.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def inside_rings(patch: Patch, rings: tuple[Ring, ...]) -> BoolArray:
    """Return which pixel centres [h, w] lie inside a polygon with holes (even-odd rule)."""
    result = np.zeros(patch.shape, np.bool_)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring[:, :2], np.roll(ring[:, :2], -1, axis=0)):
            if y0 == y1:
                continue
            crosses = (patch.y >= min(y0, y1)) & (patch.y < max(y0, y1))
            at = np.float32(x0) + (patch.y - np.float32(y0)) * np.float32((x1 - x0) / (y1 - y0))
            result ^= crosses & (patch.x < at)
    return result


def draw_solid(canvas: Canvas, solid: Solid) -> None:
    """Draw one true roof: heights, labels and reflectance."""
    colour = np.asarray(solid.colour, np.float32)
    for number, rings in enumerate(solid.rings, start=1):
        low, high = rings[0][:, :2].min(axis=0), rings[0][:, :2].max(axis=0)
        patch = canvas.patch(float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        if patch is None:
            continue
        a, b, c = plane_of(rings[0])
        if math.hypot(a, b) > 12:  # a wall that the file calls roof
            continue
        inside = inside_rings(patch, rings)
        top = (np.float32(a) * patch.x + np.float32(b) * patch.y + np.float32(c + solid.base)).astype(np.float32)
        surface = canvas.surface[patch.at]
        inside &= top > surface
        if not inside.any():
            continue
        np.copyto(surface, top, where=inside)
        np.copyto(canvas.roof_surface[patch.at], top, where=inside)
        angle = math.atan2(b, a)
        across, along = patch.local(0.0, 0.0, angle)
        grain = texture(ROOF_MATERIALS[solid.material], patch, across, along, solid.id)
        patch.paint(colour, grain, inside)
        if solid.stain_share > 0:
            second = np.asarray(solid.stain_colour, np.float32)
            stain(patch, grain, second, inside, 2.5, solid.stain_share, solid.id + 7)
        canvas.cover[patch.at][inside] = BUILDING
        canvas.roof_class[patch.at][inside] = solid.roof_class
        canvas.building[patch.at][inside] = solid.id
        canvas.plane[patch.at][inside] = solid.id * PLANES_PER_BUILDING + number
