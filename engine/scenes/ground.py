"""What lies on the ground: its main cover in two mixed materials, fields, yards, roads and water."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..classes import LAND_COVER
from ..given import given
from .canvas import BoolArray, Canvas, Patch
from .noise import FloatArray
from .palette import Colour

COVER_IDS = {info.name: info.id for info in LAND_COVER}


@dataclass(frozen=True)
class Soil:
    """A ground cover of two colours.

    Attributes:
        cover: name of its land cover class.
        colour: linear reflectance.
        second: reflectance of its blotches.
        share: share of the blotches, 0..1.
        scale_m: size of the blotches in metres.
        fine: strength of pixel-sized grain.
        stripe_m: distance of stripes (mowing, crop rows, paving joints), metres; 0 for none.
        stripe: strength of the stripes.
        bump_m: height of tufts and clods, metres.
        crisp: how hard the borders of the blotches are, 0.3..3.
        key: seed of its noise.
    """

    cover: str
    colour: Colour
    second: Colour
    share: float = 0.3
    scale_m: float = 4.0
    fine: float = 0.08
    stripe_m: float = 0.0
    stripe: float = 0.0
    bump_m: float = 0.02
    crisp: float = 0.6
    key: int = 0


@dataclass(frozen=True)
class Area:
    """A convex piece of ground with corners (x, y) in mathematically positive order; ``ragged`` is in metres."""

    corners: tuple[tuple[float, float], ...]
    soil: Soil
    angle: float = 0.0
    ragged: float = 0.0
    lift: float = 0.0
    level: float | None = None
    """Height of a water surface; None: the ground as it is plus ``lift``."""


@dataclass(frozen=True)
class Road:
    """A straight or curved road.

    Attributes:
        x0: world x of its start, metres.
        y0: world y of its start.
        x1: world x of its end.
        y1: world y of its end.
        width: metres.
        soil: its cover.
        bend: how far its middle lies off the straight line, metres.
        marking: ``none``, ``line``, ``dashes`` or ``zebra``.
        walk: width of pavements on both sides, metres.
        walk_soil: cover of the pavements.
        ragged: how uneven its edges are, metres.
        lift: height of a bridge's deck above the ground, metres; it is reached over ramps at both ends.
        level: height of a deck that lies level from bank to bank, over water and whatever else is lower; None: the road
            lies on the ground.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    soil: Soil
    bend: float = 0.0
    marking: str = "none"
    walk: float = 0.0
    walk_soil: Soil | None = None
    ragged: float = 0.0
    lift: float = 0.0
    level: float | None = None


def _lightness(patch: Patch, soil: Soil, coordinate: FloatArray | None) -> FloatArray:
    result = 1 + np.float32(soil.fine) * patch.noise(0.0, soil.key)
    result += np.float32(soil.fine * 0.7) * patch.noise(0.6, soil.key + 1)
    if soil.stripe_m > 0 and coordinate is not None:
        period = max(soil.stripe_m, 2.3 * patch.canvas.gsd)
        result += np.float32(soil.stripe) * np.sin(coordinate * np.float32(2 * np.pi / period))
    return np.asarray(np.maximum(result, np.float32(0.3)))


def _fill(patch: Patch, soil: Soil, where: BoolArray, coordinate: FloatArray | None) -> None:
    """Paint a soil on the pixels ``where`` and set their cover."""
    if not where.any():
        return
    # A coarse and a fine pattern together: soft, frayed blotches.
    mix = patch.noise(soil.scale_m, soil.key + 2) + np.float32(0.5) * patch.noise(0.4 * soil.scale_m, soil.key + 3)
    mix = np.clip((mix - np.float32(1.3 - 2.6 * soil.share)) * np.float32(soil.crisp), 0, 1)
    mix += np.float32(0.12) * patch.noise(soil.scale_m * 3, soil.key + 5)
    light = _lightness(patch, soil, coordinate)
    view = patch.canvas.albedo[(slice(None), *patch.at)]
    for band in range(3):
        value = (np.float32(soil.colour[band]) + mix * np.float32(soil.second[band] - soil.colour[band])) * light
        np.copyto(view[band], value, where=where)
    np.copyto(patch.canvas.cover[patch.at], np.uint8(COVER_IDS[soil.cover]), where=where)
    if soil.bump_m > 0:
        rough = patch.noise(0.5, soil.key + 4) * np.float32(soil.bump_m)
        np.copyto(patch.canvas.surface[patch.at], patch.canvas.ground[patch.at] + rough, where=where)


def draw_base(canvas: Canvas, soil: Soil) -> None:
    """Cover the whole canvas; the ground heights must be there already."""
    patch = canvas.whole()
    canvas.surface[...] = canvas.ground
    _fill(patch, soil, np.ones(patch.shape, np.bool_), patch.x * np.float32(0.6) + patch.y * np.float32(0.8))


def draw_area(canvas: Canvas, area: Area) -> None:
    """Draw one convex piece of ground."""
    xs, ys = [c[0] for c in area.corners], [c[1] for c in area.corners]
    patch = canvas.patch(min(xs), min(ys), max(xs), max(ys))
    if patch is None:
        return
    nearest: FloatArray | None = None
    for (x0, y0), (x1, y1) in zip(area.corners, area.corners[1:] + area.corners[:1]):
        length = max(math.hypot(x1 - x0, y1 - y0), 1e-6)
        one = (patch.y - np.float32(y0)) * np.float32((x1 - x0) / length) - (patch.x - np.float32(x0)) * np.float32(
            (y1 - y0) / length
        )
        nearest = one if nearest is None else np.minimum(nearest, one)
    depth = given(nearest)
    if area.ragged > 0:
        depth = depth + patch.noise(2.0, area.soil.key + 8) * np.float32(area.ragged)
    where = depth > 0
    if not where.any():
        return
    along = patch.x * np.float32(math.cos(area.angle)) + patch.y * np.float32(math.sin(area.angle))
    if area.level is not None:
        for layer in (canvas.ground, canvas.surface):
            np.copyto(layer[patch.at], np.float32(area.level), where=where)
        canvas.water[patch.at][where] = True
    _fill(patch, area.soil, where, along)
    if area.lift != 0:
        canvas.surface[patch.at][where] += np.float32(area.lift)


ROAD_PIECE_M = 24.0
"""Roads are drawn in pieces: the window of a whole slanting road would be mostly something else."""


def draw_road(canvas: Canvas, road: Road) -> None:
    """Draw one road with its pavements and markings."""
    length = max(math.hypot(road.x1 - road.x0, road.y1 - road.y0), 1.0)
    count = max(round(length / ROAD_PIECE_M), 1)
    half = road.width / 2 + road.walk + abs(road.bend) + 1 + 3 * road.ragged
    for k in range(count):
        xs = [road.x0 + (road.x1 - road.x0) * t / count for t in (k, k + 1)]
        ys = [road.y0 + (road.y1 - road.y0) * t / count for t in (k, k + 1)]
        patch = canvas.patch(min(xs) - half, min(ys) - half, max(xs) + half, max(ys) + half)
        if patch is not None:
            first, last = length * k / count - length / 2, length * (k + 1) / count - length / 2
            _road_piece(patch, road, length, first - (k == 0), last + (k == count - 1))


def _road_piece(patch: Patch, road: Road, length: float, first: float, last: float) -> None:
    """Draw what lies between ``first`` and ``last`` metres from the road's middle."""
    canvas = patch.canvas
    angle = math.atan2(road.y1 - road.y0, road.x1 - road.x0)
    p, q = patch.local((road.x0 + road.x1) / 2, (road.y0 + road.y1) / 2, angle)
    here = (p >= np.float32(first)) & (p < np.float32(last))
    if road.bend:
        q = q - np.float32(road.bend) * np.cos(p * np.float32(math.pi / length))
    off = np.abs(q)
    if road.ragged > 0:
        off = off + patch.noise(1.5, road.soil.key + 8) * np.float32(road.ragged)
    if road.walk > 0 and road.walk_soil is not None:
        edge = here & (off < np.float32(road.width / 2 + road.walk))
        _fill(patch, road.walk_soil, edge, p)
        canvas.surface[patch.at] += edge * np.float32(0.1)
    where = here & (off < np.float32(road.width / 2))
    _fill(patch, road.soil, where, q)
    if road.level is not None:
        surface = canvas.surface[patch.at]
        over = where & (surface < np.float32(road.level))
        rail = (off > np.float32(road.width / 2 - 0.3)) * np.float32(1.0)
        np.copyto(surface, np.float32(road.level) + rail, where=over)
        canvas.water[patch.at][over] = False
    if road.lift > 0:
        ramp = np.clip((np.float32(length / 2) - np.abs(p)) * np.float32(0.07), 0, road.lift)
        deck = canvas.ground[patch.at] + ramp
        surface = canvas.surface[patch.at]
        np.copyto(surface, deck + (off > np.float32(road.width / 2 - 0.3)) * np.float32(0.9), where=where)
    if road.marking != "none":
        white = np.asarray([0.72, 0.72, 0.70], np.float32)
        if road.marking == "zebra":
            marks = where & (np.abs(p % np.float32(60)) < 3.5) & ((q % np.float32(1.0)) < 0.5)
        else:
            marks = np.abs(q) < np.float32(max(0.08, patch.canvas.gsd * 0.4))
            if road.marking == "dashes":
                marks &= (p % np.float32(6)) < 3
            marks |= np.abs(off - np.float32(road.width / 2 - 0.3)) < np.float32(0.06)
            marks &= where
        patch.paint(white, 1 + np.float32(0.12) * patch.noise(0.0, road.soil.key + 5), marks)
