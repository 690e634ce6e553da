"""Buildings: what they are in metres, and how they are drawn into the layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from shapely import Polygon, union_all
from shapely.affinity import rotate, translate

from .canvas import Canvas
from .footprints import Outline
from .ground import COVER_IDS
from .ledges import Ledge, draw_ledge
from .materials import ROOF_MATERIALS, stain, texture
from .noise import FloatArray
from .roofs import Roof, roof_surface

BUILDING = COVER_IDS["building"]
PLANES_PER_BUILDING = 256
MODULE_M = (1.05, 1.72)
"""Breadth and height of one solar module, metres."""
_FRAME_M = 0.05


@dataclass(frozen=True)
class Detail:
    """A small thing on a roof, in the building's frame.

    Attributes:
        kind: ``box`` (chimney, plant), ``panel`` (solar), ``window`` (skylight) or ``dormer``.
        p: centre along p, metres.
        q: centre along q, metres.
        length: size along p, metres.
        width: size along q, metres.
        height: height above the roof at its centre, metres.
        colour: linear reflectance.
        turned: angle against the building's frame, radians.
    """

    kind: str
    p: float
    q: float
    length: float
    width: float
    height: float
    colour: tuple[float, float, float]
    turned: float = 0.0


@dataclass(frozen=True)
class Building:
    """One building: a level eave over an outline, and a roof.

    Attributes:
        id: from 1, unique in the scene.
        x: world x of the frame's origin, metres.
        y: world y of the frame's origin, metres.
        angle: direction of p in the world, radians.
        outline: the roof's outline (overhang included) in the frame.
        roof: what stands on it.
        base: height of the ground floor, metres above the scene's zero.
        eave: height of the eave above ``base``, metres.
        colour: linear reflectance of the roof.
        stain_colour: reflectance of its stains, moss or rust.
        stain_share: share of the roof that they cover, 0..1.
        material: name in ``ROOF_MATERIALS``.
        details: chimneys, panels and the like.
        overhang: how far the roof stands over the walls, metres.
        uneven: height by which the roof departs from its planes, metres (standard deviation).
        ledges: balconies, porches and canopies at its walls: part of the building, lower than its roof.
        hollow: True for an unfinished house: walls without a roof, open to the sky. It is clutter, no building.
    """

    id: int
    x: float
    y: float
    angle: float
    outline: Outline
    roof: Roof
    base: float
    eave: float
    colour: tuple[float, float, float]
    stain_colour: tuple[float, float, float]
    stain_share: float
    material: str
    details: tuple[Detail, ...] = ()
    overhang: float = 0.3
    uneven: float = 0.0
    ledges: tuple[Ledge, ...] = ()
    hollow: bool = False

    @property
    def reach(self) -> float:
        """Distance from the origin to the outline's farthest corner, metres."""
        p0, q0, p1, q1 = self.outline.bounds
        return math.hypot(max(abs(p0), abs(p1)), max(abs(q0), abs(q1)))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """World bounds, metres."""
        if self.ledges:
            x0, y0, x1, y1 = self.polygon().bounds
            return float(x0), float(y0), float(x1), float(y1)
        p0, q0, p1, q1 = self.outline.bounds
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        xs = [self.x + p * cos - q * sin for p in (p0, p1) for q in (q0, q1)]
        ys = [self.y + p * sin + q * cos for p in (p0, p1) for q in (q0, q1)]
        return min(xs), min(ys), max(xs), max(ys)

    def polygon(self) -> Polygon:
        """Return the outline of roof and ledges, which touch it, in world coordinates."""
        whole = self.outline.polygon()
        if self.ledges:
            whole = union_all([whole, *(ledge.polygon() for ledge in self.ledges)])
        turned = rotate(whole, self.angle, origin=(0, 0), use_radians=True)
        return translate(turned, self.x, self.y)

    def world(self, p: float, q: float) -> tuple[float, float]:
        """Return world coordinates of a point of the frame."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x + p * cos - q * sin, self.y + p * sin + q * cos


def colour_array(colour: tuple[float, float, float]) -> FloatArray:
    """Return a colour as an array [3]."""
    return np.asarray(colour, np.float32)


def draw_building(canvas: Canvas, building: Building) -> None:
    """Draw one building with its details and ledges: heights, labels and reflectance."""
    _draw_roof(canvas, building)
    for number, ledge in enumerate(building.ledges):
        plane = (building.id + 1) * PLANES_PER_BUILDING - 1 - number
        at, angle = building.world(ledge.p, ledge.q), building.angle + ledge.turned
        draw_ledge(canvas, ledge, at, angle, building.base, (building.id, plane, building.roof.roof_class))


def _draw_roof(canvas: Canvas, building: Building) -> None:
    patch = canvas.patch(*building.bounds)
    if patch is None:
        return
    p, q = patch.local(building.x, building.y, building.angle)
    height, plane, along_p = roof_surface(building.roof, building.outline, p, q)
    inside = building.outline.contains(p, q)
    if building.hollow:
        inside &= building.outline.depth(p, q) < 0.3
    top = height + np.float32(building.base + building.eave)
    if building.uneven > 0:
        rough = patch.noise(0.7, building.id + 3) + np.float32(0.6) * patch.noise(0.0, building.id + 4)
        top = top + np.float32(building.uneven * 0.85) * rough
    surface = canvas.surface[patch.at]
    inside &= top > surface
    if not inside.any():
        return
    np.copyto(surface, top, where=inside)
    mixed = bool(along_p.any())
    if mixed:
        across, along = np.where(along_p, p, q), np.where(along_p, q, p)
    else:
        across, along = q, p
    grain = texture(ROOF_MATERIALS[building.material], patch, across, along, building.id)
    patch.paint(colour_array(building.colour), grain, inside)
    if building.stain_share > 0:
        stain(patch, grain, colour_array(building.stain_colour), inside, 2.5, building.stain_share, building.id + 7)
    if building.hollow:
        canvas.cover[patch.at][inside] = BUILDING + 4  # clutter
        return
    canvas.cover[patch.at][inside] = BUILDING
    canvas.roof_class[patch.at][inside] = building.roof.roof_class
    canvas.building[patch.at][inside] = building.id
    np.copyto(canvas.plane[patch.at], np.int32(building.id * PLANES_PER_BUILDING) + plane, where=inside)
    for detail in building.details:
        _draw_detail(canvas, building, detail)
    np.copyto(canvas.roof_surface[patch.at], surface, where=inside)


def _frames(p: FloatArray, q: FloatArray, gsd: float) -> FloatArray:
    """Return the relative lightness of modules with bright frames, p and q from their corner; a pixel blurs frames."""
    breadth, height = MODULE_M
    share = np.float32(min(_FRAME_M / gsd, 1.0))
    seams = (p % np.float32(breadth) < np.float32(gsd)) | (q % np.float32(height) < np.float32(gsd))
    return np.float32(1) + np.float32(2.0) * share * seams


def _roof_at(building: Building, detail: Detail) -> np.float32:
    """Return the roof's height above the scene's zero under the middle of a detail."""
    p, q = np.array([[detail.p]], np.float32), np.array([[detail.q]], np.float32)
    height, _, _ = roof_surface(building.roof, building.outline, p, q)
    return np.float32(height[0, 0] + building.base + building.eave)


def _draw_detail(canvas: Canvas, building: Building, detail: Detail) -> None:
    x, y = building.world(detail.p, detail.q)
    reach = 0.5 * math.hypot(detail.length, detail.width) + canvas.gsd
    patch = canvas.patch(x - reach, y - reach, x + reach, y + reach)
    if patch is None:
        return
    p, q = patch.local(x, y, building.angle + detail.turned)
    # A detail thinner than a pixel still covers the pixel it stands on.
    half_length, half_width = max(detail.length / 2, canvas.gsd * 0.55), max(detail.width / 2, canvas.gsd * 0.55)
    inside = (np.abs(p) <= np.float32(half_length)) & (np.abs(q) <= np.float32(half_width))
    inside &= canvas.building[patch.at] == building.id
    if not inside.any():
        return
    surface = canvas.surface[patch.at]
    if detail.kind == "box":
        np.copyto(surface, _roof_at(building, detail) + np.float32(detail.height), where=inside)
    elif detail.kind == "dormer":
        ridge = _roof_at(building, detail) + np.float32(detail.height)
        np.copyto(surface, np.maximum(surface, ridge - np.float32(0.5) * np.abs(p)), where=inside)
    else:
        surface += inside * np.float32(detail.height)
    if detail.kind == "dormer":
        return  # covered like the roof around it
    colour = colour_array(detail.colour)
    if detail.kind == "panel":
        patch.paint(colour, _frames(p + np.float32(half_length), q + np.float32(half_width), canvas.gsd), inside)
    else:
        patch.paint(colour, None, inside)
