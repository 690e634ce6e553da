"""Textures of roofs and grounds in the frame of what they cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import BoolArray, Patch
from .noise import FloatArray, cell_noise


@dataclass(frozen=True)
class Material:
    """How the reflectance of a surface varies; all strengths are relative to its colour.

    Attributes:
        fine: strength of pixel-sized grain.
        blotch: strength of stains of 1 to 4 m.
        row_m: distance of rows across the fall (tile courses, seams) in metres; 0 for none.
        row: strength of the rows.
        rib_m: distance of ribs along the fall (corrugated sheets, standing seams) in metres; 0 for none.
        rib: strength of the ribs.
        sheet_m: length of sheets or slabs that differ in lightness, metres; 0 for none.
        sheet: strength of that difference.
    """

    fine: float = 0.05
    blotch: float = 0.06
    row_m: float = 0.0
    row: float = 0.0
    rib_m: float = 0.0
    rib: float = 0.0
    sheet_m: float = 0.0
    sheet: float = 0.0


ROOF_MATERIALS: dict[str, Material] = {
    "tile": Material(fine=0.09, blotch=0.07, row_m=0.36, row=0.05, rib_m=0.3, rib=0.03),
    "old_tile": Material(fine=0.15, blotch=0.13, row_m=0.4, row=0.08, rib_m=0.3, rib=0.05),
    "pale_tile": Material(fine=0.07, blotch=0.06, row_m=0.38, row=0.04, rib_m=0.25, rib=0.03),
    "slate": Material(fine=0.06, blotch=0.07, row_m=0.3, row=0.04),
    "metal": Material(fine=0.02, blotch=0.05, rib_m=0.7, rib=0.05, sheet_m=6.0, sheet=0.03),
    "sheets": Material(fine=0.05, blotch=0.10, rib_m=0.8, rib=0.10, sheet_m=2.4, sheet=0.12),
    "rusty": Material(fine=0.10, blotch=0.24, rib_m=0.8, rib=0.10, sheet_m=2.4, sheet=0.24),
    "gravel": Material(fine=0.10, blotch=0.07),
    "membrane": Material(fine=0.03, blotch=0.09, row_m=2.0, row=0.03, sheet_m=10.0, sheet=0.02),
    "thatch": Material(fine=0.12, blotch=0.10, row_m=1.2, row=0.05),
    "green": Material(fine=0.14, blotch=0.18),
    "slabs": Material(fine=0.04, blotch=0.07, row_m=1.0, row=0.04, rib_m=1.0, rib=0.04, sheet_m=1.0, sheet=0.04),
}
"""Roof coverings by name."""

ROOF_FAMILIES: dict[str, tuple[str, ...]] = {
    "tile": ("terracotta", "terracotta", "brown_tile", "red_paint", "slate", "old_tile"),
    "old_tile": ("old_tile", "old_tile", "terracotta", "brown_tile"),
    "slate": ("slate", "slate", "black", "brown_tile"),
    "metal": ("metal", "metal", "white", "blue_metal", "green_metal", "red_paint", "slate", "brown_tile"),
    "sheets": ("metal", "metal", "red_paint", "rust", "white", "green_metal", "blue_metal", "brown_tile"),
    "rusty": ("rust", "rust", "metal", "brown_tile", "terracotta", "red_soil"),
    "gravel": ("gravel", "concrete", "asphalt", "sand"),
    "membrane": ("concrete", "white", "black", "asphalt", "slate", "gravel"),
    "thatch": ("thatch", "dry_grass", "soil"),
    "green": ("meadow", "lawn", "dry_grass", "crop"),
    "slabs": ("concrete", "paving", "terracotta", "sand"),
    "pale_tile": ("pale_tile", "pale_tile", "pale_tile", "terracotta", "old_tile"),
}
"""Colour families that each covering usually has."""


def texture(
    material: Material, patch: Patch, across: FloatArray, along: FloatArray, key: int, stretch: float = 1.0
) -> FloatArray:
    """Return the relative lightness [h, w] of a covering.

    Args:
        material: the covering.
        patch: the window.
        across: coordinate that grows along the fall (rows repeat in it), metres [h, w].
        along: coordinate across the fall (ribs repeat in it), metres [h, w].
        key: number of the object: each has its own grain.
        stretch: factor on all strengths.
    """
    gsd = patch.canvas.gsd
    result = np.float32(1) + np.float32(material.fine * stretch) * patch.noise(0.0, key)
    result += np.float32(material.blotch * stretch) * patch.noise(1.6, key + 1)
    for period, strength, coordinate in ((material.row_m, material.row, across), (material.rib_m, material.rib, along)):
        # What is finer than two pixels is not seen as rows any more: a coarser beat of it stays, as in real pictures.
        if period > 0 and strength > 0:
            seen = max(period, 2.3 * gsd)
            fade = min(1.0, period / (1.2 * gsd))
            result += np.float32(strength * stretch * fade) * np.sin(coordinate * np.float32(2 * np.pi / seen))
    if material.sheet_m > 0 and material.sheet > 0:
        i = np.floor(across * np.float32(1 / material.sheet_m)).astype(np.int32)
        j = np.floor(along * np.float32(1 / max(material.sheet_m * 0.4, 0.8))).astype(np.int32)
        result += np.float32(material.sheet * stretch) * cell_noise(i, j, key)
    return np.asarray(np.maximum(result, np.float32(0.25)))


def stain(
    patch: Patch, base: FloatArray, second: FloatArray, where: BoolArray, scale_m: float, share: float, key: int
) -> None:
    """Blend the albedo towards ``second`` [3] times its texture ``base`` [h, w] in blotches of ``scale_m``."""
    weight = np.clip((patch.noise(scale_m, key) - np.float32(1.4 - 2.4 * share)) * np.float32(1.6), 0, 0.9)
    weight = weight * where
    view = patch.canvas.albedo[(slice(None), *patch.at)]
    view += weight * (second[:, None, None] * base - view)
