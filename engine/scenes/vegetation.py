"""Trees, palms, shrubs and hedges: rough crowns that light can pass in part."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..classes import LAND_COVER
from .canvas import BoolArray, Canvas

TREE = next(info.id for info in LAND_COVER if info.name == "tree")
LOW = next(info.id for info in LAND_COVER if info.name == "low_vegetation")
TALL_M = 1.5
"""Vegetation lower than this is low vegetation, higher is a tree."""


@dataclass(frozen=True)
class Tree:
    """A plant with one crown.

    Attributes:
        x: world x of the trunk, metres.
        y: world y of the trunk, metres.
        radius: of the crown, metres.
        height: of its top above the ground, metres.
        kind: ``round``, ``cone``, ``palm`` or ``bare``.
        colour: linear reflectance.
        rough: roughness of the crown relative to its height, 0..0.4.
        gaps: share of the crown through which one sees what is below, 0..0.6.
        key: seed of its shape.
    """

    x: float
    y: float
    radius: float
    height: float
    kind: str
    colour: tuple[float, float, float]
    rough: float
    gaps: float
    key: int


@dataclass(frozen=True)
class Hedge:
    """A row of shrubs along a line from (x0, y0) to (x1, y1), metres."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    height: float
    colour: tuple[float, float, float]
    rough: float
    key: int


def draw_tree(canvas: Canvas, tree: Tree, ground: float) -> None:
    """Draw one tree that stands on the height ``ground``; it covers what is lower, roofs too."""
    reach = tree.radius * 1.25
    patch = canvas.patch(tree.x - reach, tree.y - reach, tree.x + reach, tree.y + reach)
    if patch is None:
        return
    dx, dy = patch.x - np.float32(tree.x), patch.y - np.float32(tree.y)
    rho = np.sqrt(dx * dx + dy * dy) * np.float32(1 / tree.radius)
    flat = False
    lump = patch.noise(max(tree.radius * 0.22, 0.4), tree.key)
    grain = patch.noise(0.0, tree.key + 3)
    if tree.kind == "palm":
        fronds = 5 + tree.key % 5
        star = np.cos(np.arctan2(dy, dx) * np.float32(fronds) + np.float32(tree.key % 7) + lump * np.float32(0.5))
        mask = rho < 0.3 + 0.7 * np.maximum(star, 0) ** 0.7
        crown = np.float32(1) - np.float32(0.25) * rho * rho
    else:
        edge = rho * (1 + np.float32(0.16) * lump) + np.float32(0.05) * grain
        mask = edge < 1
        if tree.kind == "cone":
            crown = 1 - np.float32(0.85) * np.minimum(edge, 1)
        else:
            flat = _is_clipped(tree.key)
            bulge = edge**4 if flat else edge * edge
            crown = np.float32(0.35) + np.float32(0.65) * np.sqrt(np.maximum(1 - bulge, 0))
        # Some crowns are smooth domes between their lumps, some are ragged down to single branches.
        fine = np.float32(((tree.key >> 4) % 8) / 7 * 0.45)
        rough = tree.rough * (0.5 if flat else 1.0)
        crown = crown + np.float32(rough) * (np.float32(0.4) * lump + fine * grain)
    if tree.gaps > 0.04:
        mask &= patch.noise(0.5, tree.key + 11) > np.float32(3.2 * tree.gaps - 2.2)
    top = np.float32(ground) + np.float32(tree.height) * np.minimum(crown, np.float32(1.12))
    surface = canvas.surface[patch.at]
    mask &= top > surface + np.float32(0.1)
    np.copyto(surface, top, where=mask)
    shade = (
        np.float32(0.82) + np.float32(0.22) * np.minimum(crown, 1) + np.float32(0.09) * grain + np.float32(0.08) * lump
    )
    patch.paint(np.asarray(tree.colour, np.float32), np.maximum(shade, np.float32(0.3)), mask)
    _label(canvas, patch.at, mask, tree.height)


def draw_hedge(canvas: Canvas, hedge: Hedge) -> None:
    """Draw one hedge: rough and ragged, or clipped, so that nothing but its shrubs tells it from a low wing."""
    reach = hedge.width
    patch = canvas.patch(
        min(hedge.x0, hedge.x1) - reach,
        min(hedge.y0, hedge.y1) - reach,
        max(hedge.x0, hedge.x1) + reach,
        max(hedge.y0, hedge.y1) + reach,
    )
    if patch is None:
        return
    length = math.hypot(hedge.x1 - hedge.x0, hedge.y1 - hedge.y0)
    angle = math.atan2(hedge.y1 - hedge.y0, hedge.x1 - hedge.x0)
    p, q = patch.local((hedge.x0 + hedge.x1) / 2, (hedge.y0 + hedge.y1) / 2, angle)
    lump, grain = patch.noise(0.7, hedge.key), patch.noise(0.0, hedge.key + 5)
    ragged, rough = (0.3, hedge.rough * 0.3) if _is_clipped(hedge.key) else (1.0, hedge.rough)
    across = np.abs(q) * np.float32(2 / hedge.width) * (1 + np.float32(0.22 * ragged) * lump)
    across = across + np.float32(0.1 * ragged) * grain
    mask = (across < 1) & (np.abs(p) < np.float32(length / 2) + np.float32(0.4) * lump)
    mask &= patch.noise(2.0, hedge.key + 9) > -1.6
    crown = (
        1
        - np.float32(0.25 * ragged) * across * across
        + np.float32(rough) * (lump * np.float32(0.6) + grain * np.float32(0.7))
    )
    top = canvas.ground[patch.at] + np.float32(hedge.height) * np.maximum(crown, np.float32(0.15))
    surface = canvas.surface[patch.at]
    mask &= top > surface
    np.copyto(surface, top, where=mask)
    shade = np.float32(0.95) + np.float32(0.12) * grain + np.float32(0.08) * lump
    patch.paint(np.asarray(hedge.colour, np.float32), np.maximum(shade, np.float32(0.3)), mask)
    _label(canvas, patch.at, mask, hedge.height)


def _is_clipped(key: int) -> bool:
    """Whether a gardener keeps this plant flat and smooth: told by its key, so that no other choice changes."""
    return (key >> 9) % 3 == 0


def _label(canvas: Canvas, at: tuple[slice, slice], mask: BoolArray, height: float) -> None:
    canvas.cover[at][mask] = TREE if height >= TALL_M else LOW
    canvas.canopy[at][mask] = True
    canvas.roof_class[at][mask] = 0
    canvas.building[at][mask] = 0
    canvas.plane[at][mask] = 0
