"""Colours of the world: one palette for roofs and ground alike.

Roofs and grounds draw from overlapping families on purpose: a network that sees red roofs on grey ground only learns
to find red.
"""

from __future__ import annotations

from numpy.random import Generator

from .chance import choose

Colour = tuple[float, float, float]
"""Linear reflectance of red, green and blue, 0..1."""

FAMILIES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "terracotta": ((196, 122, 92), (178, 104, 78), (212, 150, 116), (160, 96, 76), (188, 138, 112), (206, 116, 80)),
    "old_tile": ((168, 134, 112), (186, 156, 132), (146, 116, 100), (196, 170, 144), (132, 104, 90)),
    "pale_tile": ((200, 160, 140), (190, 150, 134), (214, 180, 158), (184, 140, 120), (206, 158, 134), (196, 152, 128)),
    "red_paint": ((176, 60, 58), (150, 52, 56), (196, 84, 74), (140, 66, 70), (206, 62, 60)),
    "brown_tile": ((112, 82, 70), (96, 76, 68), (128, 96, 82), (86, 66, 58)),
    "slate": ((84, 88, 96), (70, 72, 78), (102, 106, 114), (60, 62, 68), (118, 120, 126)),
    "black": ((44, 44, 46), (56, 54, 54), (36, 38, 42)),
    "concrete": ((168, 164, 158), (150, 148, 144), (188, 184, 176), (132, 130, 126), (202, 198, 190)),
    "white": ((232, 232, 230), (220, 220, 222), (240, 238, 232), (210, 212, 214)),
    "metal": ((176, 186, 196), (196, 204, 212), (152, 162, 172), (208, 214, 220), (134, 142, 150)),
    "rust": ((150, 96, 70), (128, 84, 66), (170, 116, 84), (112, 78, 66), (182, 132, 102)),
    "blue_metal": ((84, 118, 158), (64, 92, 134), (112, 150, 186), (54, 76, 112)),
    "green_metal": ((96, 130, 108), (74, 108, 88), (132, 160, 136), (110, 150, 140)),
    "gravel": ((178, 168, 152), (160, 150, 138), (196, 188, 172), (140, 132, 124)),
    "sand": ((212, 196, 166), (198, 178, 148), (224, 210, 184)),
    "soil": ((132, 108, 86), (114, 92, 74), (152, 128, 102), (96, 78, 64)),
    "red_soil": ((176, 116, 82), (196, 136, 98), (158, 96, 66), (206, 156, 120)),
    "asphalt": ((104, 104, 106), (122, 122, 124), (90, 90, 92), (138, 138, 138), (152, 150, 148)),
    "paving": ((176, 172, 164), (192, 186, 176), (160, 152, 144), (206, 200, 190), (182, 164, 150)),
    "lawn": ((96, 122, 68), (84, 108, 60), (112, 138, 80), (104, 120, 76), (78, 104, 58)),
    "meadow": ((124, 134, 86), (138, 142, 96), (110, 124, 78), (148, 148, 106)),
    "dry_grass": ((168, 154, 116), (182, 168, 130), (150, 138, 102), (160, 150, 120)),
    "crop": ((120, 144, 82), (150, 152, 92), (98, 128, 70), (178, 164, 108), (88, 118, 74)),
    "thatch": ((146, 126, 96), (124, 106, 82), (164, 146, 114), (104, 92, 76)),
    "leaf": ((68, 92, 52), (56, 80, 46), (82, 106, 60), (94, 112, 62), (50, 72, 46), (76, 98, 70)),
    "leaf_bright": ((112, 138, 70), (124, 146, 78), (98, 128, 62)),
    "leaf_autumn": ((150, 116, 62), (164, 132, 74), (132, 96, 56), (140, 128, 74)),
    "bare": ((122, 110, 98), (108, 98, 88), (134, 124, 112)),
    "water": ((70, 92, 98), (54, 78, 86), (88, 104, 96), (62, 84, 74), (40, 60, 74)),
    "pool": ((98, 178, 198), (120, 196, 208), (84, 160, 190)),
    "panel": ((44, 52, 76), (36, 42, 60), (56, 66, 92)),
    "car": (
        (222, 222, 222), (236, 236, 236), (186, 188, 192), (66, 66, 70), (40, 40, 44), (120, 124, 130),
        (160, 46, 44), (52, 74, 124), (146, 136, 122), (84, 96, 84),
    ),
    "container": ((176, 70, 52), (52, 92, 140), (72, 112, 84), (196, 190, 180), (200, 140, 60), (110, 112, 116)),
    "fabric": ((236, 234, 226), (210, 60, 56), (70, 130, 180), (226, 196, 150), (90, 140, 100)),
}  # fmt: skip
"""Families of sRGB colours as they look in mean sunlight."""

ROOF_ANY = (
    "terracotta", "old_tile", "red_paint", "brown_tile", "slate", "black", "concrete", "white", "metal", "rust",
    "blue_metal", "green_metal", "gravel", "sand", "soil", "red_soil", "asphalt", "paving", "thatch", "meadow",
)  # fmt: skip
"""Families that any roof may take now and then."""
GROUND_ANY = (
    "terracotta", "old_tile", "slate", "concrete", "gravel", "sand", "soil", "red_soil", "asphalt", "paving",
    "dry_grass", "red_paint", "green_metal", "white", "brown_tile", "black",
)  # fmt: skip
"""Families that any paved or bare ground may take now and then."""


def draw(rng: Generator, family: str, spread: float = 0.07) -> Colour:
    """Return one linear reflectance of a family, its lightness and hue varied by ``spread``."""
    lightness, red, green, blue = rng.standard_normal(4).tolist()
    lightness = 1.0 + spread * lightness
    srgb = choose(rng, FAMILIES[family])
    return (
        _linear(srgb[0] * lightness * (1.0 + 0.4 * spread * red)),
        _linear(srgb[1] * lightness * (1.0 + 0.4 * spread * green)),
        _linear(srgb[2] * lightness * (1.0 + 0.4 * spread * blue)),
    )


def _linear(srgb: float) -> float:
    return float(min(max(srgb / 255.0, 0.03), 0.97) ** 2)
