"""Things that stand about: cars, lorries, containers, walls, fences, tents, poles, wires and cranes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas
from .ground import COVER_IDS
from .noise import FloatArray
from .palette import Colour

CAR, CLUTTER = COVER_IDS["car"], COVER_IDS["clutter"]


@dataclass(frozen=True)
class Thing:
    """A small solid with a rectangular plan.

    Attributes:
        kind: ``car``, ``van``, ``box`` (container, pallet), ``wall``, ``tent``, ``pole`` or ``rubble``.
        x: world x of its centre, metres.
        y: world y of its centre.
        angle: direction of its length, radians.
        length: metres.
        width: metres.
        height: above what it stands on, metres.
        colour: linear reflectance.
    """

    kind: str
    x: float
    y: float
    angle: float
    length: float
    width: float
    height: float
    colour: Colour
    key: int = 0


@dataclass(frozen=True)
class Wire:
    """A cable between two points at heights above the scene's zero; only the laser sees it."""

    x0: float
    y0: float
    z0: float
    x1: float
    y1: float
    z1: float
    sag: float = 0.6


def draw_thing(canvas: Canvas, thing: Thing) -> None:
    """Draw one thing where it stands higher than what is there; on roofs nothing is drawn."""
    gsd = canvas.gsd
    half_length = max(thing.length / 2, 0.55 * gsd)
    half_width = max(thing.width / 2, 0.55 * gsd)
    reach = math.hypot(half_length, half_width)
    if thing.kind == "wall":
        cos, sin = abs(math.cos(thing.angle)), abs(math.sin(thing.angle))
        rx, ry = half_length * cos + half_width * sin, half_length * sin + half_width * cos
    else:
        rx = ry = reach
    patch = canvas.patch(thing.x - rx, thing.y - ry, thing.x + rx, thing.y + ry)
    if patch is None:
        return
    p, q = patch.local(thing.x, thing.y, thing.angle)
    a, b = np.abs(p) * np.float32(1 / half_length), np.abs(q) * np.float32(1 / half_width)
    inside = (a <= 1) & (b <= 1)
    inside &= canvas.building[patch.at] == 0
    if not inside.any():
        return
    ground = canvas.ground[patch.at]
    light = 1 + np.float32(0.05) * patch.noise(0.0, thing.key)
    if thing.kind in ("car", "van"):
        inside &= a * a * a * a + b * b * b * b < 1.25
        cabin = (np.abs(p + np.float32(0.1 * half_length)) < np.float32(0.5 * half_length)) | (thing.kind == "van")
        top = ground + np.float32(thing.height) * (np.float32(0.62) + np.float32(0.38) * cabin)
        glass = (np.abs(np.abs(p + np.float32(0.1 * half_length)) - np.float32(0.52 * half_length)) < 0.3) & (b < 0.85)
        light = np.where(glass & (thing.kind == "car"), np.float32(0.25), light)
    elif thing.kind == "tent":
        top = ground + np.float32(thing.height) * (1 - np.float32(0.3) * np.maximum(a, b))
    elif thing.kind == "rubble":
        mound = (1 - np.maximum(a * a, b * b)) * (1 + np.float32(0.4) * patch.noise(0.5, thing.key))
        top = ground + np.float32(thing.height) * np.maximum(mound, 0)
        light = light + np.float32(0.2) * patch.noise(0.4, thing.key + 1)
    else:
        top = ground + np.float32(thing.height)
    surface = canvas.surface[patch.at]
    inside &= top > surface
    np.copyto(surface, top.astype(np.float32), where=inside)
    patch.paint(np.asarray(thing.colour, np.float32), light.astype(np.float32), inside)
    canvas.cover[patch.at][inside] = CAR if thing.kind in ("car", "van") else CLUTTER
    canvas.canopy[patch.at][inside] = False


def draw_wire(canvas: Canvas, wire: Wire, surface: FloatArray) -> None:
    """Draw one wire into ``surface`` [H, W] (a sensor's copy): it hangs in the air and has no label."""
    length = math.hypot(wire.x1 - wire.x0, wire.y1 - wire.y0)
    count = max(int(length / canvas.gsd), 2)
    t = np.linspace(0, 1, count)
    cols = np.floor((wire.x0 + t * (wire.x1 - wire.x0)) / canvas.gsd).astype(int) - canvas.col0
    rows = np.floor((wire.y0 + t * (wire.y1 - wire.y0)) / canvas.gsd).astype(int) - canvas.row0
    z = wire.z0 + t * (wire.z1 - wire.z0) - 4 * wire.sag * t * (1 - t)
    height, width = canvas.shape
    seen = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    seen &= np.sin(np.arange(count) * 12.9898) > -0.2  # the laser misses a thin cable here and there
    rows, cols, z = rows[seen], cols[seen], z[seen]
    surface[rows, cols] = np.maximum(surface[rows, cols], z)
