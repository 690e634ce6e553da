"""Ledges: balconies, porches, verandas and canopies along a building's walls, lower than its roof and part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from shapely import Polygon
from shapely.affinity import rotate, translate
from shapely.geometry import box

from .canvas import Canvas
from .ground import COVER_IDS
from .palette import Colour

BUILDING = COVER_IDS["building"]


@dataclass(frozen=True)
class Ledge:
    """A level strip at a wall, in the building's frame.

    Attributes:
        p: centre along p, metres.
        q: centre along q, metres.
        length: size along its own direction, metres.
        width: size across it, metres.
        height: of its top above the building's base, metres.
        colour: linear reflectance.
        turned: angle of its direction against the building's frame, radians.
    """

    p: float
    q: float
    length: float
    width: float
    height: float
    colour: Colour
    turned: float = 0.0

    def polygon(self) -> Polygon:
        """Return its outline in the building's frame."""
        strip = box(-self.length / 2, -self.width / 2, self.length / 2, self.width / 2)
        return translate(rotate(strip, self.turned, origin=(0, 0), use_radians=True), self.p, self.q)


def draw_ledge(
    canvas: Canvas, ledge: Ledge, at: tuple[float, float], angle: float, base: float, ids: tuple[int, int, int]
) -> None:
    """Draw a ledge where it is the highest thing: heights, labels and reflectance.

    Args:
        canvas: the scene.
        ledge: what is drawn.
        at: its centre in the world, metres.
        angle: direction of its length in the world, radians.
        base: of its building above the scene's zero, metres.
        ids: of its building, of its plane and of its building's roof class: a building has one.
    """
    reach = 0.5 * math.hypot(ledge.length, ledge.width)
    patch = canvas.patch(at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)
    if patch is None:
        return
    p, q = patch.local(at[0], at[1], angle)
    surface = canvas.surface[patch.at]
    top = np.float32(base + ledge.height)
    inside = (np.abs(p) <= np.float32(ledge.length / 2)) & (np.abs(q) <= np.float32(ledge.width / 2)) & (top > surface)
    if not inside.any():
        return
    surface[inside] = top
    grain = 1 + np.float32(0.06) * patch.noise(0.0, ids[0] + 11) + np.float32(0.06) * patch.noise(1.5, ids[0] + 12)
    patch.paint(np.asarray(ledge.colour, np.float32), grain.astype(np.float32), inside)
    canvas.cover[patch.at][inside] = BUILDING
    canvas.roof_class[patch.at][inside] = ids[2]
    canvas.building[patch.at][inside] = ids[0]
    canvas.plane[patch.at][inside] = ids[1]
    canvas.roof_surface[patch.at][inside] = top
